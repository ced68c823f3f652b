//go:build e2e

package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/client"
)

// TestSecondSignal asks the daemon to stop while a client keeps a request open, for which it waits; a second signal ends it at
// once, and the next start finds everything in order.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	d := ownDaemon(t, "signal")
	ctx, cancel := context.WithCancel(t.Context())
	body, hold := io.Pipe()
	ended := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		_ = hold.Close()
		<-ended
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://kilnd/kiln.v1.ImageService/UploadFile", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/connect+proto")
	connected := make(chan struct{})
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		defer close(connected)
		return (&net.Dialer{}).DialContext(ctx, "unix", d.socket)
	}}
	go func() {
		defer close(ended)
		if answer, err := transport.RoundTrip(request); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-connected
	if _, err := hold.Write([]byte{0, 0, 0, 0, 100}); err != nil { // the beginning of a message that never comes
		t.Fatal(err)
	}
	signal := func() {
		if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	signal()
	// It takes no new requests, and waits for the one that is under way.
	eventually(t, "the daemon is stopping", func() bool {
		c, err := client.New(client.Config{Endpoint: "unix://" + d.socket})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Info(t.Context())
		return err != nil
	})
	select {
	case <-d.exited:
		t.Fatalf("it has not waited for the request: %s", d.cmd.ProcessState)
	default:
	}
	begun := time.Now()
	signal()
	select {
	case <-d.exited:
	case <-time.After(soon):
		t.Fatalf("it goes on after the second signal:\n%s", d.log())
	}
	status, ok := d.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM || time.Since(begun) > 5*time.Second {
		t.Errorf("it has ended after %s: %s", time.Since(begun), d.cmd.ProcessState)
	}
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	if log := d.log(); strings.Contains(log, "panic") {
		t.Errorf("the log is:\n%s", log)
	}
}
