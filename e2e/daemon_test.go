//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// The limits of what tests wait for. A machine under load is slow, not wrong.
const (
	soon  = 30 * time.Second
	later = 10 * time.Minute
)

// dir is where everything of this run is.
func dir(elements ...string) string {
	return filepath.Join(append([]string{os.Getenv(dirEnv)}, elements...)...)
}

// kilnd is a daemon with a directory, a socket and a registry of its own. It can be started again after it has ended.
type kilnd struct {
	dir, socket string
	port        int // of the registry
	cmd         *exec.Cmd
	exited      chan struct{}
	client      *client.Client
}

// newDaemon writes a configuration and starts the daemon; settings are added to the configuration, and what is given besides
// takes the place of the shared cache in the catalogue's block.
func newDaemon(name, settings string, catalogue ...string) (*kilnd, error) {
	d := &kilnd{dir: dir(name), socket: dir(name, "sock")}
	var err error
	if d.port, err = freePort(); err != nil {
		return nil, err
	}
	if len(catalogue) == 0 {
		catalogue = []string{fmt.Sprintf("cache = %q", filepath.Join(filepath.Dir(dir()), "cache"))}
	}
	config := fmt.Sprintf("data_dir = %q\nsocket = %q\nregistry { listen = \"127.0.0.1:%d\" }\ncatalogue {\n%s\n}\n%s",
		filepath.Join(d.dir, "data"), d.socket, d.port, strings.Join(catalogue, "\n"), settings)
	if d.client, err = client.New(client.Config{Endpoint: "unix://" + d.socket}); err != nil {
		return nil, err
	}
	err = errors.Join(os.Mkdir(d.dir, 0o700), os.WriteFile(filepath.Join(d.dir, "kilnd.hcl"), []byte(config), 0o600))
	if err != nil {
		return nil, err
	}
	return d, d.start()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.Join(errors.New("not a TCP address"), l.Close())
	}
	return address.Port, l.Close()
}

// start returns once the daemon answers.
func (d *kilnd) start() error {
	log, err := os.OpenFile(filepath.Join(d.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // it is the daemon that writes
	d.cmd = exec.Command(dir("bin", "kilnd"), "serve", "--config", filepath.Join(d.dir, "kilnd.hcl"))
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	d.exited = exited
	go func() {
		_ = d.cmd.Wait() // how it ended is in ProcessState
		close(exited)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	err = poll(ctx, func() (bool, error) {
		select {
		case <-exited:
			return false, errors.New("it has ended")
		default:
		}
		_, err := d.client.Info(ctx)
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("start kilnd: %w\n%s", err, d.log())
	}
	return nil
}

// stop asks the daemon to end, and waits until it has.
func (d *kilnd) stop() error {
	select {
	case <-d.exited:
		return nil
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.exited:
	case <-time.After(soon):
		return errors.Join(fmt.Errorf("kilnd does not end:\n%s", d.log()), d.cmd.Process.Kill())
	}
	if !d.cmd.ProcessState.Success() {
		return fmt.Errorf("kilnd: %s\n%s", d.cmd.ProcessState, d.log())
	}
	return nil
}

// kill ends the daemon as the kernel would.
func (d *kilnd) kill(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.exited
}

// log is the end of what the daemon has logged.
func (d *kilnd) log() string {
	text, err := os.ReadFile(filepath.Join(d.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
}

// ownDaemon starts a daemon that the test may kill.
func ownDaemon(tb testing.TB, name string, settings ...string) *kilnd {
	tb.Helper()
	d, err := newDaemon(name, strings.Join(settings[:min(1, len(settings))], ""), settings[min(1, len(settings)):]...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.end(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// sharedDaemon and sharedIndex are started when the first test needs them.
var (
	sharedDaemon = sync.OnceValues(func() (*kilnd, error) {
		x, err := sharedIndex()
		if err != nil {
			return nil, err
		}
		return newDaemon("shared", fmt.Sprintf("package_index \"test\" {\n  type = \"pip\"\n  url = %q\n}\n", x.url()))
	})
	sharedIndex = sync.OnceValues(newIndex)
)

// daemon gives the daemon that tests share; they use names of their own in it.
func daemon(tb testing.TB) *kilnd {
	tb.Helper()
	d, err := sharedDaemon()
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// stopShared ends what the tests have shared, and says what they have left behind.
func stopShared() error {
	if _, err := os.Stat(dir("shared")); errors.Is(err, fs.ErrNotExist) {
		return nil // no test has used it
	}
	d, err := sharedDaemon()
	if err != nil {
		return err
	}
	return d.end()
}

// end waits until the daemon has nothing to do, stops it, and says what it has left behind.
func (d *kilnd) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	err := poll(ctx, func() (bool, error) {
		for _, state := range []process.State{process.StateQueued, process.StateRunning} {
			if list, err := d.client.Processes(ctx, client.ProcessFilter{State: state}); err != nil || len(list) > 0 {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		err = fmt.Errorf("wait for the end of all processes: %w", err)
	}
	return errors.Join(err, d.stop(), d.leftovers())
}

// kiln runs the client and gives what it wrote to standard output. An exit code other than 0 is an error with all output.
func (d *kilnd) kiln(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), dir("bin", "kiln"), args...)
	cmd.Env = append(os.Environ(), "KILN_ENDPOINT=unix://"+d.socket)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kiln %q: %w\n%s%s", args, err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// processes lists the processes of a kind that worked on an image, the newest first.
func (d *kilnd) processes(tb testing.TB, imageID string, kind process.Kind) []client.Process {
	tb.Helper()
	list, err := d.client.Processes(tb.Context(), client.ProcessFilter{ImageID: imageID, Kind: kind})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// poll asks until the answer is yes, an error, or the context ends.
func poll(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := ask(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return cmp.Or(context.Cause(ctx), ctx.Err())
		}
	}
}

// eventually waits until something is so.
func eventually(tb testing.TB, what string, ask func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), soon)
	defer cancel()
	if err := poll(ctx, func() (bool, error) { return ask(), nil }); err != nil {
		tb.Fatalf("%s: not after %v", what, soon)
	}
}
