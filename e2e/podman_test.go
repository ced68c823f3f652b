//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// containerTool is podman or buildah, rootless and with a storage of its own: a client that is not Kiln's.
type containerTool struct {
	program string
	global  []string
	env     []string
}

// newContainerTool makes the storage. What a test machine may not have, it does without: there is no session of the
// user, and cgroups may be those of the first version.
func newContainerTool(tb testing.TB, program string) *containerTool {
	tb.Helper()
	home, err := os.MkdirTemp(dir(), "") //nolint:usetesting // podman wants the path of a run root to be short
	if err != nil {
		tb.Fatal(err)
	}
	// The machine's own policy may be of no use: see distrusting.
	trust := filepath.Join(home, ".config", "containers")
	err = errors.Join(os.MkdirAll(trust, 0o700), os.WriteFile(filepath.Join(trust, "policy.json"), []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600))
	if err != nil {
		tb.Fatal(err)
	}
	c := &containerTool{
		program: program,
		global:  []string{"--storage-driver=overlay", "--root=" + filepath.Join(home, "s"), "--runroot=" + filepath.Join(home, "r")},
		env:     append(os.Environ(), "XDG_RUNTIME_DIR="+home, "HOME="+home, "XDG_CONFIG_HOME="+home),
	}
	if program == "podman" {
		c.global = append(c.global, "--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime="+dir("bin", "runc"), "--tmpdir="+filepath.Join(home, "t"))
	}
	return c
}

// run gives what the program wrote to standard output.
func (c *containerTool) run(tb testing.TB, args ...string) (string, error) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), c.program, append(c.global, args...)...)
	cmd.Env = c.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w\n%s", cmd, err, stderr.String())
	}
	return stdout.String(), nil
}
