package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

const (
	dirMode    fs.FileMode = 0o700
	socketMode fs.FileMode = 0o600
	probeTime              = 5 * time.Second
)

// Listen opens the daemon's unix socket with mode 0600, in a directory that it makes with mode 0700 when there is none. An old
// socket is removed once it is certain that nobody listens: somebody who does is StateInUse.
func Listen(path string) (net.Listener, error) {
	ctx := context.Background() // binding and asking a local socket block for no time worth cancelling
	if err := prepareDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: restrict}
	listener, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", path, err)
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Perm() != socketMode {
		err = os.Chmod(path, socketMode)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("restrict socket %q: %w", path, err), listener.Close())
	}
	return listener, nil
}

// restrict sets the mode before the socket gets its name: Linux takes it from the descriptor, and nobody can slip in between.
func restrict(_, _ string, raw syscall.RawConn) error {
	var chmodErr error
	err := raw.Control(func(fd uintptr) { chmodErr = unix.Fchmod(int(fd), uint32(socketMode)) })
	return errors.Join(err, chmodErr)
}

func prepareDir(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // only the last directory is the daemon's own
			return fmt.Errorf("make directory: %w", err)
		}
		if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make directory: %w", err)
		}
		info, err = os.Stat(dir)
	}
	if err != nil {
		return fmt.Errorf("look at socket directory: %w", err)
	}
	const othersWrite = 0o022
	if !info.IsDir() || info.Mode().Perm()&othersWrite != 0 && info.Mode()&fs.ModeSticky == 0 {
		return problem.Problem{
			Code: problem.InvalidParameter, Field: "socket", Value: dir, Limit: "a directory that nobody else can write to",
			Detail: "somebody else could put a socket of his own there", Remedy: "Choose another directory, or take the right to write from the others.",
		}
	}
	return nil
}

func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return problem.Problem{
			Code: problem.InvalidParameter, Field: "socket", Value: path, Limit: "a path with nothing or an old socket",
			Detail: "there is something else than a socket", Remedy: "Choose another path, or remove what is there.",
		}
	}
	dialer := net.Dialer{Timeout: probeTime}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close() // nothing was said
		return problem.Problem{
			Code: problem.StateInUse, Field: "socket", Value: path, Limit: "one daemon for a socket",
			Detail: "another daemon listens there", Remedy: "Stop the other daemon, or choose another socket.",
		}
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("ask whether somebody listens on %q: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove old socket: %w", err)
	}
	return nil
}
