package job_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// tested is what a test has found.
var tested = []official.Package{
	{Manager: "apt", Name: "bash", Version: "5.2", Base: "5.2", Digest: "aa"},
	{Manager: "apt", Name: "curl", Version: "1", Digest: "bb"},
	{Manager: "pip", Interpreter: "/usr/bin/python3.11", Name: "kilndep", Version: "1.0", Digest: "cc"},
}

func locked() job.Task {
	t := task("rg-1")
	t.Tested, t.Exact = tested, true
	return t
}

// build builds a task and gives the problems and the jobs of it.
func (b *bench) build(t *testing.T, task job.Task) (worker.Result, []string, error) {
	t.Helper()
	return run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) { return b.Build(ctx, task, log) })
}

// fails makes image jobs fail with these lines, and runs print what their command's line begins with.
func (b *bench) fails(lines []string, answers map[string][]string) {
	b.engine.Script(worker.KindImage, func(_ context.Context, j worker.Job, emit func(worker.Event)) (worker.Result, error) {
		if j.Image.Mounts[lock.ConstraintsPath] == "" && !strings.HasPrefix(lines[0], "E: ") {
			return worker.Result{ImageID: "built"}, nil
		}
		for _, line := range lines {
			emit(worker.Event{Log: &worker.Log{Stream: worker.StreamStderr, Line: line}})
		}
		return worker.Result{}, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1}
	})
	b.engine.Script(worker.KindRun, func(_ context.Context, j worker.Job, emit func(worker.Event)) (worker.Result, error) {
		command := strings.Join(j.Run.Command.Argv, " ")
		for part, answer := range answers {
			if strings.Contains(command, part) {
				for _, line := range answer {
					emit(worker.Event{Log: &worker.Log{Stream: worker.StreamStdout, Line: line}})
				}
			}
		}
		return worker.Result{}, nil
	})
}

func TestHeld(t *testing.T) {
	t.Parallel()
	b := newBench()
	if _, _, err := b.build(t, locked()); err != nil {
		t.Fatal(err)
	}
	image := b.engine.Jobs()[0].Image
	want := []string{"/etc/apt/preferences.d/99kiln", "/etc/pip-constraints.txt", "/etc/pip.conf", "/etc/xdg/pip/pip.conf"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(image.Mounts))); diff != "" {
		t.Error(diff)
	}
	if len(image.Expect) != len(tested) || image.Expect[2] != worker.Package(tested[2]) || image.Mounts[lock.ConstraintsPath] != lock.Constraints(tested) ||
		image.Mounts[lock.AptPath] != lock.Preferences(tested) {
		t.Errorf("the image job is %+v", image)
	}
}

// TestNotHeld checks that a list without digests, which an earlier daemon has made, holds nobody to anything.
func TestNotHeld(t *testing.T) {
	t.Parallel()
	b, task := newBench(), locked()
	task.Tested = []official.Package{{Manager: "apt", Name: "bash", Version: "5.2"}}
	if _, _, err := b.build(t, task); err != nil {
		t.Fatal(err)
	}
	if image := b.engine.Jobs()[0].Image; len(image.Mounts) != 1 || image.Expect != nil {
		t.Errorf("the image job is %+v", image)
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.engine.Script(worker.KindImage, func(context.Context, worker.Job, func(worker.Event)) (worker.Result, error) {
		return worker.Result{}, &worker.Failure{
			Kind: worker.FailureDrift, Message: "other packages",
			Expect: []worker.Package{{Manager: "pip", Name: "a", Version: "1"}}, Found: []worker.Package{{Manager: "pip", Name: "a", Version: "2"}},
		}
	})
	_, _, err := b.build(t, locked())
	if !problem.Has(err, problem.BuildDrift) || !strings.Contains(err.Error(), "a 1 → 2") {
		t.Errorf("got %v", err)
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	constraint := []string{"Looking in indexes: http://i/simple", "    The user requested (constraint) kilndep==1.0"}
	for name, test := range map[string]struct {
		lines   []string
		answers map[string][]string
		value   string // empty: the failure stays as it was
		limit   string
	}{
		"Pip": {
			constraint,
			map[string][]string{"/usr/bin/python3.11 -m pip download": {"ERROR: Could not find a version that satisfies the requirement kilndep==1.0 (from versions: 2.0)"}},
			"kilndep 1.0", "there are 2.0",
		},
		"PipRemoved": {
			constraint,
			map[string][]string{"pip download": {"ERROR: Could not find a version that satisfies the requirement kilndep==1.0 (from versions: none)"}},
			"kilndep 1.0", "nothing is there under this name",
		},
		"Apt": {
			[]string{"E: Version '1' for 'curl' was not found"},
			map[string][]string{"madison": {"curl | 2 | http://m bookworm/main", "curl | 3 | http://m bookworm/main"}},
			"curl 1", "there are 2, 3",
		},
		"AptUnknown": {[]string{"E: Version '1' for 'curl' was not found"}, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			b.fails(test.lines, test.answers)
			_, _, err := b.build(t, locked())
			found := problem.From(err)
			if test.value == "" {
				if len(found) != 1 || found[0].Code != problem.PackageNotFound {
					t.Errorf("got %v", err)
				}
				return
			}
			if len(found) != 1 || found[0].Code != problem.PackageVersionGone || found[0].Value != test.value || found[0].Limit != test.limit || len(found[0].Log) == 0 {
				t.Errorf("got %v", err)
			}
			if n := b.engine.Calls(worker.KindImage); n != 1 {
				t.Errorf("%d builds, want 1", n)
			}
		})
	}
}

// TestPinOnTheWay checks that constraints which stand against the recipe itself are dropped, and the comparison is not.
func TestPinOnTheWay(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.fails([]string{"    The user requested kilndep==0.9", "    The user requested (constraint) kilndep==1.0"}, map[string][]string{"pip download": {"Saved /tmp/kilndep.whl"}})
	result, lines, err := b.build(t, locked())
	if err != nil || result.ImageID != "built" {
		t.Fatalf("got %+v, %v", result, err)
	}
	jobs := b.engine.Jobs()
	last := jobs[len(jobs)-1].Image
	if len(jobs) != 3 || last.Mounts[lock.ConstraintsPath] != "" || last.Mounts[lock.AptPath] == "" || len(last.Expect) == 0 {
		t.Errorf("%d jobs, the last is %+v", len(jobs), last)
	}
	if !strings.Contains(strings.Join(lines, "\n"), "installing without what holds them to what was tested") {
		t.Errorf("the log is %q", lines)
	}
}
