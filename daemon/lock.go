package daemon

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// lock keeps a second daemon out of a data directory. The kernel lets go of it however the daemon ends.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder, _ := os.ReadFile(path) // only for the message
		return nil, errors.Join(problem.Problem{
			Code: problem.StateInUse, Field: "data_dir", Value: path, Limit: "one daemon a data directory",
			Detail: "process " + strings.TrimSpace(string(holder)) + " has it", Remedy: "Stop the other kilnd, or use another --data-dir.",
		}, f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), f.Close())
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), f.Close())
	}
	return func() error {
		// Closing alone is not enough: a child that was forked, and has not yet begun its own program, has the file open as well.
		return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
	}, nil
}
