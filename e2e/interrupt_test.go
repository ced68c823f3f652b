//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/process"
)

// TestInterrupt interrupts Terraform, or kills it, while an image is tested and while it is baked: the next apply
// attaches to what goes on, and nothing is done twice.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for n, x := range tools() {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
			name := fmt.Sprintf("interrupted_%d_%d", n, signal)
			t.Run(x.String()+"/"+strings.ReplaceAll(signal.String(), " ", "_"), func(t *testing.T) {
				t.Parallel()
				interrupt(t, x, signal, name)
			})
		}
	}
}

func interrupt(t *testing.T, x tool, signal syscall.Signal, name string) {
	t.Helper()
	d, g := daemon(t), newGate(t)
	around := surroundings(name, g.host())
	image := around + shellImage(name, script(g.script()), "")
	w := d.workspace(t, x, around)
	// OpenTofu writes the state down at the end, or every 20 s: what a killed one has just made has to be imported.
	w.apply(t)
	for _, phase := range []struct {
		kind            process.Kind
		config, address string
	}{
		{process.KindTest, image, imageAddress}, {process.KindBuild, image + persistentBuild, buildAddress},
	} {
		w.write(t, phase.config)
		first := w.startApply(t)
		step := g.wait(t)
		if err := first.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		err := <-first.done
		if signal == syscall.SIGINT && !strings.Contains(first.out.String(), "Interrupted while waiting") || signal == syscall.SIGKILL && err == nil {
			t.Errorf("interrupted apply: %v\n%s", err, first.out.String())
		}
		job := runningJob(t, d, name)

		second := w.startApply(t)
		second.says(t, phase.address+": ")
		step.pass(t)
		second.succeeds(t)
		w.settled(t)
		if list := d.processes(t, job.ImageID, phase.kind); len(list) != 1 || list[0].ID != job.ID {
			t.Errorf("%d processes of kind %s: %+v", len(list), phase.kind, list)
		}
		if n := len(g.arrived); n > 0 {
			t.Errorf("%d more steps have arrived at the gate", n)
		}
	}
	w.destroy(t)
}

// TestTerminal sends Ctrl-C as a terminal does, to Terraform and its provider at once.
func TestTerminal(t *testing.T) {
	t.Parallel()
	d, g := daemon(t), newGate(t)
	const name = "terminal"
	w := d.workspace(t, mainTool(), surroundings(name, g.host())+shellImage(name, script(g.script()), ""))
	first := w.startApply(t)
	step := g.wait(t)
	if err := syscall.Kill(-first.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-first.done; err != nil && !strings.Contains(first.out.String(), "Interrupted while waiting") {
		t.Errorf("interrupted apply: %v\n%s", err, first.out.String())
	}
	w.attribute(t, imageAddress, "id") // it is in the state
	step.pass(t)
	w.apply(t)
	w.settled(t)
	image, err := d.client.Image(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	if list := d.processes(t, image.ID, process.KindTest); len(list) != 1 {
		t.Errorf("%d tests: %+v", len(list), list)
	}
	w.destroy(t)
}
