//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// tool is Terraform, or what plays it.
type tool struct{ path string }

func (x tool) String() string { return filepath.Base(x.path) }

// mainTool runs all tests.
func mainTool() tool { return tool{os.Getenv(toolEnv)} }

// tools are the main one and, when it is there, the other one.
func tools() []tool {
	list := []tool{mainTool()}
	if other := os.Getenv(otherToolEnv); other != "" {
		list = append(list, tool{other})
	}
	return list
}

// workspace is a directory with a configuration and its state.
type workspace struct {
	tool tool
	dir  string
	env  []string
}

// header is what every configuration begins with.
const header = "terraform {\n  required_providers {\n    kiln = { source = \"kilnhq/kiln\" }\n  }\n}\n"

// workspace makes a workspace with a configuration, ready to be applied against the daemon.
func (d *kilnd) workspace(tb testing.TB, x tool, config string) *workspace {
	tb.Helper()
	w := &workspace{tool: x, dir: tb.TempDir(), env: append(os.Environ(),
		"KILN_ENDPOINT=unix://"+d.socket, "TF_CLI_CONFIG_FILE="+dir("terraform.rc"), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")}
	w.write(tb, config)
	if out, err := w.run(tb, "init", "-input=false", "-no-color"); err != nil {
		tb.Fatalf("init: %v\n%s", err, out)
	}
	return w
}

// write replaces the configuration.
func (w *workspace) write(tb testing.TB, config string) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "main.tf"), []byte(header+config), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func (w *workspace) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.tool.path, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

func (w *workspace) run(tb testing.TB, args ...string) (string, error) {
	tb.Helper()
	out, err := w.command(tb.Context(), args...).CombinedOutput()
	return string(out), err
}

// apply applies the configuration, which must succeed.
func (w *workspace) apply(tb testing.TB) {
	tb.Helper()
	if out, err := w.run(tb, "apply", "-input=false", "-auto-approve", "-no-color"); err != nil {
		tb.Fatalf("apply: %v\n%s", err, out)
	}
}

// diagnosis is an error or a warning of a run.
type diagnosis struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
}

// applyFails applies the configuration, which must fail with one error.
func (w *workspace) applyFails(t *testing.T) diagnosis {
	t.Helper()
	return w.startApply(t).fails(t)
}

// diagnoses finds what a run with -json has reported of a severity.
func diagnoses(t *testing.T, out, severity string) []diagnosis {
	t.Helper()
	var list []diagnosis
	for line := range strings.Lines(out) {
		var message struct {
			Diagnostic *diagnosis `json:"diagnostic"`
		}
		if err := json.Unmarshal([]byte(line), &message); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if message.Diagnostic != nil && message.Diagnostic.Severity == severity {
			list = append(list, *message.Diagnostic)
		}
	}
	return list
}

// settled checks that another plan is empty.
func (w *workspace) settled(tb testing.TB) {
	tb.Helper()
	if out, err := w.run(tb, "plan", "-input=false", "-detailed-exitcode", "-no-color"); err != nil {
		tb.Fatalf("the plan is not empty: %v\n%s", err, out)
	}
}

// destroy destroys everything, which must leave nothing in the state.
func (w *workspace) destroy(tb testing.TB) {
	tb.Helper()
	if out, err := w.run(tb, "destroy", "-input=false", "-auto-approve", "-no-color"); err != nil {
		tb.Fatalf("destroy: %v\n%s", err, out)
	}
	var state struct{ Resources []any }
	text, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil || len(state.Resources) > 0 {
		tb.Fatalf("state after destroy: %v\n%s", err, text)
	}
}

// attribute reads an attribute of a resource from the state, as text.
func (w *workspace) attribute(tb testing.TB, address, name string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if err != nil {
		tb.Fatal(err)
	}
	var state struct {
		Resources []struct {
			Type      string
			Name      string
			Instances []struct{ Attributes map[string]any }
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		tb.Fatal(err)
	}
	for _, r := range state.Resources {
		if r.Type+"."+r.Name == address && len(r.Instances) == 1 {
			return fmt.Sprint(r.Instances[0].Attributes[name])
		}
	}
	tb.Fatalf("no %s in the state:\n%s", address, text)
	return ""
}

// running is an apply in the background.
type running struct {
	cmd  *exec.Cmd
	out  output
	done chan error
}

// output collects what a process writes while others look.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the output.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is the output so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startApply applies in the background, with further flags. The provider that a killed Terraform leaves behind is ended with the test.
func (w *workspace) startApply(t *testing.T, flags ...string) *running {
	t.Helper()
	r := &running{done: make(chan error, 1)}
	r.cmd = w.command(context.Background(), append([]string{"apply", "-input=false", "-auto-approve", "-json"}, flags...)...)
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.WaitDelay = soon
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	group := -r.cmd.Process.Pid
	go func() {
		err := r.cmd.Wait()
		if errors.Is(err, exec.ErrWaitDelay) {
			err = nil
		}
		r.done <- err
	}()
	t.Cleanup(func() { _ = syscall.Kill(group, syscall.SIGKILL) })
	return r
}

// says waits until the apply has said something.
func (r *running) says(t *testing.T, text string) {
	t.Helper()
	eventually(t, "apply says "+text, func() bool { return strings.Contains(r.out.String(), text) })
}

// succeeds waits for the end of the apply.
func (r *running) succeeds(t *testing.T) {
	t.Helper()
	if err := <-r.done; err != nil {
		t.Fatalf("apply: %v\n%s", err, r.out.String())
	}
}

// fails waits for the end of the apply, which must be one error.
func (r *running) fails(t *testing.T) diagnosis {
	t.Helper()
	err := <-r.done
	found := diagnoses(t, r.out.String(), "error")
	if err == nil || len(found) != 1 {
		t.Fatalf("apply: %v, %d errors, not one:\n%s", err, len(found), r.out.String())
	}
	return found[0]
}
