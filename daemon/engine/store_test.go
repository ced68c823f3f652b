package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/engine"
	"github.com/kilnhq/kiln/daemon/worker"
)

// baseJob bootstraps the base image; from the second time on, with the root from the cache.
func baseJob(t *testing.T) worker.Job {
	t.Helper()
	mirror, err := mirrorNetwork()
	if err != nil {
		t.Fatal(err)
	}
	return bootstrapJob(mirror)
}

func TestBootstrap(t *testing.T) {
	t.Parallel()
	withBase(t)
	e := newEngine(t, "bootstrap")
	first, r, err := execute(t, e, baseJob(t))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.text(worker.StreamKiln), "from the cache") {
		t.Error("the cache was not used")
	}
	if first.ImageID == "" || first.SizeBytes < 50<<20 || first.Architecture != "amd64" {
		t.Errorf("result = %+v", first)
	}
	if !slices.ContainsFunc(first.Packages, func(p worker.Package) bool { return p.Manager == "apt" && p.Name == "bash" && p.Version != "" }) {
		t.Errorf("packages = %v", first.Packages)
	}
	second, _, err := execute(t, e, baseJob(t))
	if err != nil || second.ImageID != first.ImageID {
		t.Errorf("the same root made %s, then %s, %v", first.ImageID, second.ImageID, err)
	}
}

// left counts the working containers of a store and the temporary directories beside it.
func left(t *testing.T, state string) (containers, temp int) {
	t.Helper()
	for dir, count := range map[string]*int{"storage/overlay-containers": &containers, "tmp": &temp} {
		entries, err := os.ReadDir(filepath.Join(state, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.IsDir() {
				*count++
			}
		}
	}
	return containers, temp
}

// TestSweep kills a daemon in the middle of a build and lets a sweep clean up after it.
func TestSweep(t *testing.T) {
	t.Parallel()
	withBase(t)
	e := newEngine(t, "sweep")
	state := filepath.Join(workDir(t), "state", "sweep")
	if _, _, err := execute(t, e, baseJob(t)); err != nil {
		t.Fatal(err)
	}
	id := uniqueID()
	daemon := startDaemon(t, id, state)
	waitRunning(t, id)
	sweep := worker.Job{Kind: worker.KindSweep}
	if err := daemon.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait()
	waitGone(t, id)
	if containers, temp := left(t, state); containers != 1 || temp != 1 {
		t.Fatalf("the kill left %d containers and %d temporary directories, want one of each", containers, temp)
	}
	if _, _, err := execute(t, e, sweep); err != nil {
		t.Fatal(err)
	}
	if containers, temp := left(t, state); containers != 0 || temp != 0 {
		t.Errorf("the sweep left %d containers and %d temporary directories", containers, temp)
	}
	if result, _, err := execute(t, e, shell("exit 4")); err != nil || result.ExitCode != 4 {
		t.Errorf("the base image no longer runs: %+v, %v", result, err)
	}
}

func TestSweepIsAlone(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	id := uniqueID()
	started(t.Context(), t, e, id)
	if _, _, err := execute(t, e, worker.Job{Kind: worker.KindSweep}); failureKind(err) != worker.FailureInternal {
		t.Errorf("err = %v, want a refusal while a job runs", err)
	}
}

// TestKilledWorkerLeavesNothing is about a daemon that lives on.
func TestKilledWorkerLeavesNothing(t *testing.T) {
	t.Parallel()
	withBase(t)
	e := newEngine(t, "killed")
	if _, _, err := execute(t, e, baseJob(t)); err != nil {
		t.Fatal(err)
	}
	id := uniqueID()
	done := started(t.Context(), t, e, id)
	if err := syscall.Kill(waitRunning(t, id)["kiln-init"][0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-done; failureKind(err) != worker.FailureKilled {
		t.Errorf("err = %v", err)
	}
	if containers, temp := left(t, filepath.Join(workDir(t), "state", "killed")); containers != 0 || temp != 0 {
		t.Errorf("left: %d containers and %d temporary directories", containers, temp)
	}
}

// TestDiskFull uses a file system that the harness has made too small for the base image.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	withBase(t)
	e, err := engine.New(engine.Config{StateDir: filepath.Join(workDir(t), "small", "state"), Runtime: runtimePath(t)})
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if _, _, err := execute(t, e, baseJob(t)); failureKind(err) != worker.FailureDisk {
		t.Fatalf("err = %v, want a failure of kind disk", err)
	}
	t.Logf("found out after %v", time.Since(started))
	if _, _, err := execute(t, e, worker.Job{Kind: worker.KindProbe}); err != nil {
		t.Errorf("the disk stays full: %v", err)
	}
}
