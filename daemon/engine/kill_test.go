package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/engine"
	"github.com/kilnhq/kiln/daemon/worker"
)

// helperEnv makes the test binary play a daemon that runs one long job, for a test to kill.
const (
	helperEnv = "KILN_TEST_DAEMON" // the id of the job
	stateEnv  = "KILN_TEST_STATE"  // its state directory
)

// stubborn is a command that does all it can to stay: three processes with the job's id, digits, as an argument.
const stubborn = `trap '' TERM INT HUP; (trap '' TERM; setsid sleep 1000.ID & sleep 1000.ID) & echo started; setsid sleep 1000.ID`

// stubbornJob runs stubborn. Every process of its worker has KILN_JOB=id in its environment.
func stubbornJob(id string) worker.Job {
	job := shell(strings.ReplaceAll(stubborn, "ID", id))
	job.ID = id
	job.Network = worker.Network{Egress: worker.EgressPublic}
	return job
}

// uniqueID is an id of digits that no other process has among its arguments.
func uniqueID() string { return strconv.FormatInt(time.Now().UnixNano(), 10) }

// playDaemon is the helper process: it never ends by itself.
func playDaemon(id string) {
	e, err := engine.New(engine.Config{StateDir: os.Getenv(stateEnv), Runtime: os.Getenv(workEnv) + "/bin/runc"})
	if err == nil {
		_, err = e.Execute(context.Background(), stubbornJob(id), func(event worker.Event) {
			if event.Log != nil {
				_, _ = os.Stdout.WriteString(event.Log.Line + "\n")
			}
		})
	}
	_, _ = fmt.Fprintln(os.Stderr, "daemon ended:", err)
}

// processes are the pids of the processes of a stubborn job, by the name that they were started under. The
// environment of those in the container cannot be read, but their arguments can.
func processes(id string) map[string][]int {
	found := map[string][]int{}
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, entry := range entries {
		cmdline, err := os.ReadFile(filepath.Join(entry, "cmdline"))
		if err != nil || len(cmdline) == 0 {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join(entry, "environ"))
		if !bytes.Contains(environ, []byte("KILN_JOB="+id+"\x00")) && !bytes.Contains(cmdline, []byte("1000."+id)) {
			continue
		}
		name, _, _ := bytes.Cut(cmdline, []byte{0})
		pid, _ := strconv.Atoi(filepath.Base(entry))
		found[filepath.Base(string(name))] = append(found[filepath.Base(string(name))], pid)
	}
	return found
}

// waitGone fails the test when processes of the job are still there after two seconds.
func waitGone(t *testing.T, id string) {
	t.Helper()
	deadline := time.After(2 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		left := processes(id)
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still there after 2 s: %v", left)
		}
	}
}

// waitRunning returns the processes of a job once all three of the command are there.
func waitRunning(t *testing.T, id string) map[string][]int {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		running := processes(id)
		if len(running["sleep"]) == 3 && len(running["slirp4netns"]) == 1 && len(running["kiln-job"]) == 1 {
			return running
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("running: %v", running)
		}
	}
}

// started runs a stubborn job in the background and returns when it runs.
func started(ctx context.Context, t *testing.T, e *engine.Engine, id string) <-chan error {
	t.Helper()
	done, up := make(chan error, 1), make(chan struct{})
	go func() {
		_, err := e.Execute(ctx, stubbornJob(id), func(event worker.Event) {
			if event.Log != nil && event.Log.Line == "started" {
				close(up)
			}
		})
		done <- err
	}()
	select {
	case <-up:
	case err := <-done:
		t.Fatalf("job ended early: %v", err)
	}
	return done
}

func TestKill(t *testing.T) {
	t.Parallel()
	for _, victim := range []string{"kiln-sandbox", "kiln-init", "kiln-job"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			e := withBase(t)
			id := uniqueID()
			done := started(t.Context(), t, e, id)
			running := waitRunning(t, id)
			environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", running["kiln-job"][0]))
			if err != nil || bytes.Contains(environ, []byte(workEnv)) || bytes.Contains(environ, []byte("USER=")) {
				t.Errorf("the daemon's environment is in the worker's: %q, %v", environ, err)
			}
			for _, pid := range running["sleep"] {
				status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
				if err != nil || !strings.Contains(string(status), "\nUid:\t100000\t100000\t") {
					t.Errorf("a step's process does not run as the first subordinate id: %v", err)
				}
			}
			if err := syscall.Kill(running[victim][0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			waitGone(t, id)
			var failure *worker.Failure
			if err := <-done; !errors.As(err, &failure) || failure.Kind != worker.FailureKilled {
				t.Errorf("err = %v, want a failure of kind killed", err)
			}
		})
	}
}

// startDaemon starts a daemon of its own that runs a stubborn job.
func startDaemon(t *testing.T, id, state string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+id, stateEnv+"="+state)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line := make([]byte, len("started"))
	if _, err := io.ReadFull(stdout, line); err != nil || string(line) != "started" {
		t.Fatalf("daemon said %q, %v", line, err)
	}
	return cmd
}

func TestKillDaemon(t *testing.T) {
	t.Parallel()
	withBase(t)
	id := uniqueID()
	cmd := startDaemon(t, id, filepath.Join(workDir(t), "state", "shared"))
	waitRunning(t, id)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	waitGone(t, id)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	id := uniqueID()
	ctx, cancel := context.WithCancelCause(t.Context())
	done := started(ctx, t, e, id)
	stop, begun := errors.New("stop"), time.Now()
	cancel(stop)
	if err := <-done; !errors.Is(err, stop) {
		t.Errorf("err = %v, want the context's cause", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("cancelling took %v", took)
	}
	waitGone(t, id)
}

func TestJobTimeout(t *testing.T) {
	t.Parallel()
	job := shell("sleep 1000")
	job.Timeout = 2 * time.Second
	_, _, err := execute(t, withBase(t), job)
	var failure *worker.Failure
	if !errors.As(err, &failure) || failure.Kind != worker.FailureTimeout {
		t.Errorf("err = %v, want a failure of kind timeout", err)
	}
}

// TestSingleID makes sure that a sandbox without its range of ids, which the library would accept, is refused.
func TestSingleID(t *testing.T) {
	t.Parallel()
	withBase(t)
	dir := t.TempDir()
	for _, name := range []string{"newuidmap", "newgidmap"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho refused >&2\nexit 1\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+uniqueID(), stateEnv+"="+filepath.Join(workDir(t), "state", "shared"), "PATH="+dir+":"+os.Getenv("PATH"))
	out, _ := cmd.CombinedOutput()
	if !strings.Contains(string(out), "newuidmap or newgidmap was refused") {
		t.Errorf("daemon said %s", out)
	}
}
