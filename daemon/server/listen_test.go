package server_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/kilnhq/kiln/daemon/server"
	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestListenModes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "a", "kiln", "kilnd.sock")
	listener, err := server.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		filepath.Dir(path): fs.ModeDir | 0o700,
		path:               fs.ModeSocket | 0o600,
	} {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestListenReplacesAnOldSocketOnly(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	path := filepath.Join(dir, "kilnd.sock")
	leaveSocket(t, path)
	listener, err := server.Listen(path)
	if err != nil {
		t.Fatalf("over an old socket: %v", err)
	}
	if _, err := server.Listen(path); !problem.Has(err, problem.StateInUse) {
		t.Errorf("over a daemon: %v", err)
	}
	if _, err := new(net.Dialer).DialContext(t.Context(), "unix", path); err != nil {
		t.Errorf("the first daemon was disturbed: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{file, link, dir} {
		if _, err := server.Listen(other); !problem.Has(err, problem.InvalidParameter) {
			t.Errorf("over %s: %v", other, err)
		}
		if _, err := os.Lstat(other); err != nil {
			t.Errorf("it is gone: %v", err)
		}
	}
}

func TestListenRefusesADirectoryOfOthers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), "open")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o770); err != nil { //nolint:gosec // the point of the test
		t.Fatal(err)
	}
	if _, err := server.Listen(filepath.Join(dir, "kilnd.sock")); !problem.Has(err, problem.InvalidParameter) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyUnixSocketsAreAnswered(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := server.HTTPServer(server.New(b.services, slog.New(slog.DiscardHandler)), slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	c, err := client.New(client.Config{Endpoint: "http://" + listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Info(t.Context()); !problem.Has(err, problem.Forbidden) {
		t.Errorf("got %v", err)
	}
}

// leaveSocket makes the socket of a daemon that was killed.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	socket, ok := listener.(*net.UnixListener)
	if !ok {
		t.Fatal("no unix listener")
	}
	socket.SetUnlinkOnClose(false)
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
}
