package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kilnhq/kiln/daemon/engine"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	checks := engine.Doctor(t.Context(), engine.Config{StateDir: filepath.Join(workDir(t), "state", "doctor"), Runtime: runtimePath(t)})
	seen := map[string]bool{}
	for _, check := range checks {
		t.Logf("%+v", check)
		seen[check.Name] = true
		if check.Name == "cgroup" && !strings.Contains(check.Detail, "not its memory and CPU") {
			t.Errorf("cgroup: %s", check.Detail)
		}
		if !check.OK {
			t.Errorf("%s: %s (fix: %s)", check.Name, check.Detail, check.Fix)
		}
		if check.OK == (check.Fix != "") {
			t.Errorf("%s: OK is %v and the fix is %q", check.Name, check.OK, check.Fix)
		}
	}
	for _, name := range []string{"subordinate ids", "newuidmap", "/dev/net/tun", "runtime", "disk", "cgroup", "native overlay", "container"} {
		if !seen[name] {
			t.Errorf("no check %q", name)
		}
	}
}

// fakeRuntime is a program that answers --version with text.
func fakeRuntime(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runc")
	if err := os.WriteFile(path, []byte("#!/bin/sh\ncat <<'END'\n"+text+"\nEND\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRuntimeGate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		output string
		ok     bool
	}{
		{"runc version 1.5.2\ncommit: v1.5.2\nspec: 1.3.0", true},
		{"runc version 1.4.3\nspec: 1.3.0", true},
		{"runc version 2.0.0", true},
		{"runc version 1.10.0", true},
		{"runc version 1.5.2+dev", true},
		{"runc version 1.4.3-rc.1", false},
		{"runc version 1.4.2", false},
		{"runc version 1.4.0", false},
		{"runc version 1.3.5", false},
		{"runc version 1.3.0", false},
		{"runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2-dev", false},
		{"crun version 1.8.1\ncommit: f8a096be060b22ccd3d5f3ebe44108517fbf6c30\nspec: 1.0.0", false},
		{"", false},
	} {
		name, _, _ := strings.Cut(test.output, "\n")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := engine.Config{StateDir: filepath.Join(t.TempDir(), "state"), Runtime: fakeRuntime(t, test.output)}
			_, err := engine.New(config)
			if test.ok != (err == nil) {
				t.Fatalf("err = %v", err)
			}
			if err == nil {
				return
			}
			if !problem.Has(err, problem.RuntimeIncompatible) {
				t.Errorf("err = %v, want %s", err, problem.RuntimeIncompatible)
			}
			if strings.HasPrefix(test.output, "runc") && !strings.Contains(err.Error(), "CVE-2026-41579") {
				t.Errorf("the problem does not name the CVE: %v", err)
			}
			for _, check := range engine.Doctor(t.Context(), config) {
				if check.Name == "runtime" && (check.OK || check.Fix == "") {
					t.Errorf("doctor says %+v", check)
				}
			}
		})
	}
	if _, err := engine.New(engine.Config{StateDir: t.TempDir(), Runtime: "/nowhere/runc"}); !problem.Has(err, problem.RuntimeIncompatible) {
		t.Errorf("missing runtime: %v", err)
	}
}

// strangerEnv makes TestSubIDMissing be somebody without subordinate ids.
const strangerEnv = "KILN_ENGINE_TEST_STRANGER"

// TestSubIDMissing: who has no subordinate ids is refused, and told the command that gives him some. A user namespace without a map
// makes anybody such a user.
func TestSubIDMissing(t *testing.T) {
	t.Parallel()
	if os.Getenv(strangerEnv) == "" {
		stranger := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestSubIDMissing$")
		stranger.Env = append(os.Environ(), strangerEnv+"=1")
		stranger.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
		if out, err := stranger.CombinedOutput(); err != nil {
			t.Errorf("as a stranger: %v\n%s", err, out)
		}
		return
	}
	_, err := engine.New(engine.Config{StateDir: "/nowhere"})
	list := problem.From(err)
	if len(list) != 1 || list[0].Code != problem.SubIDMissing {
		t.Fatalf("New() = %v, want SubIDMissing", err)
	}
	p := list[0]
	if p.Field != "user" || p.Value == "" || p.Limit != "65535 subordinate ids in one piece" || !strings.Contains(p.Remedy, "usermod --add-subuids") {
		t.Errorf("New() = %+v", p)
	}
}
