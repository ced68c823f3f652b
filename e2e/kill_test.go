//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// stubborn is a script that leaves processes behind on which nothing has an effect but SIGKILL, and waits at a gate.
func stubborn(g *gate) string {
	return script("trap '' TERM INT HUP\n(trap '' TERM INT HUP; exec sleep 1000) &\nsetsid sleep 1000 &\n" + g.script())
}

// caught finds the processes of a job that waits at a gate, once they are all there.
func caught(t *testing.T, job string) []proc {
	t.Helper()
	var list []proc
	want := []string{"bash", "kiln-init", "kiln-job", "kiln-sandbox", "sleep", "sleep", "slirp4netns"}
	eventually(t, fmt.Sprintf("%q among the processes of the job", want), func() bool {
		list = workers(job)
		var names []string
		for _, p := range list {
			if slices.Contains(want, p.name) {
				names = append(names, p.name)
			}
		}
		slices.Sort(names)
		return slices.Equal(names, want)
	})
	return list
}

// TestKillWorker kills a worker in the middle of a step, as the kernel does when memory ends.
func TestKillWorker(t *testing.T) {
	t.Parallel()
	for _, victim := range []string{"kiln-sandbox", "kiln-job"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			d, g := daemon(t), newGate(t)
			name := strings.ReplaceAll(victim, "-", "_")
			w := d.workspace(t, mainTool(), surroundings(name, g.host())+shellImage(name, stubborn(g), ""))
			apply := w.startApply(t)
			g.wait(t)
			job := runningJob(t, d, name)
			list := caught(t, job.ID)
			if err := syscall.Kill(named(t, list, victim).pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if found := apply.fails(t); !strings.HasSuffix(found.Summary, ": Killed") {
				t.Errorf("the diagnostic is not that of Killed: %+v", found)
			}
			gone(t, list)
			ended(t, d, job.ID, problem.Killed)

			again := w.startApply(t)
			g.wait(t).pass(t)
			again.succeeds(t)
			w.settled(t)
			w.destroy(t)
		})
	}
}

// TestKillDaemon kills the daemon in the middle of a test and of a baking, and starts it again.
func TestKillDaemon(t *testing.T) {
	t.Parallel()
	d, g := ownDaemon(t, "killed"), newGate(t)
	image := surroundings("killed", g.host()) + shellImage("killed", stubborn(g), "")
	w := d.workspace(t, mainTool(), image)
	for _, config := range []string{image, image + persistentBuild} {
		w.write(t, config)
		apply := w.startApply(t)
		g.wait(t)
		job := runningJob(t, d, "killed")
		list := caught(t, job.ID)
		d.kill(t)
		gone(t, list)
		if err := d.start(); err != nil {
			t.Fatal(err)
		}
		if found := apply.fails(t); !strings.HasSuffix(found.Summary, ": Interrupted") {
			t.Errorf("the diagnostic is not that of Interrupted: %+v", found)
		}
		ended(t, d, job.ID, problem.Interrupted)

		again := w.startApply(t)
		g.wait(t).pass(t)
		again.succeeds(t)
		w.settled(t)
	}
	w.destroy(t)
}

// runningJob finds the one process that works on an image.
func runningJob(t *testing.T, d *kilnd, image string) client.Process {
	t.Helper()
	found, err := d.client.Image(t.Context(), image, "")
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.client.Processes(t.Context(), client.ProcessFilter{ImageID: found.ID, State: process.StateRunning})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d running processes, %v", len(list), err)
	}
	return list[0]
}

// ended checks how a process has ended.
func ended(t *testing.T, d *kilnd, id string, code problem.Code) {
	t.Helper()
	p, err := d.client.Process(t.Context(), id)
	if err != nil || p.State != process.StateFailed || p.Problem == nil || p.Problem.Code != code {
		t.Errorf("%v: %s", err, fmt.Sprintf("process %s: %s, %v; want failed, %s", id, p.State, p.Problem, code))
	}
}
