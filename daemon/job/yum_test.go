package job_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

// yumTask has an entry of the image's own repository, and one of another.
func yumTask() job.Task {
	t := task("rg-1")
	t.Recipe = recipe.Recipe{Base: base, Packages: []pkgmanager.Entry{
		{Type: pkgmanager.Yum, Names: []string{"git-2.39"}}, {Type: pkgmanager.Yum, Names: []string{"app-1.0-1"}, Index: "http://own/"},
	}}.Normalize()
	t.Tested, t.Exact = []official.Package{{Manager: "yum", Name: "dep.noarch", Version: "1.0-1", Digest: "aa"}}, true
	return t
}

func TestHeldYum(t *testing.T) {
	t.Parallel()
	for provides, want := range map[string]string{"yum": lock.YumAliases(yumTask().Tested), "apt": ""} {
		b := newBench()
		b.around.provides = []string{provides}
		if _, _, err := b.build(t, yumTask()); err != nil {
			t.Fatal(err)
		}
		if got := b.engine.Jobs()[0].Image.Mounts[lock.YumPath]; got != want {
			t.Errorf("on a base with %s, yum is held to %q", provides, got)
		}
	}
}

func TestYumGone(t *testing.T) {
	t.Parallel()
	const excluded = "  - package dep-2.0-1.noarch is filtered out by exclude filtering"
	for name, test := range map[string]struct {
		entry      int
		line       string
		answer     []string
		repository string // what it is asked of
		value      string // empty: it is built again
		limit      string
	}{
		"Pinned":  {0, "No match for argument: git-2.39", []string{"git.x86_64 2.40-1", "git.x86_64 2.41-1"}, "[kiln]\n", "git 2.39", "there are 2.40-1, 2.41-1"},
		"Locked":  {1, excluded, []string{"dep.noarch 2.0-1"}, pkgmanager.YumRepository("http://own/"), "dep.noarch 1.0-1", "there are 2.0-1"},
		"ThereIs": {1, excluded, []string{"dep.noarch 1.0-1", "dep.noarch 2.0-1"}, pkgmanager.YumRepository("http://own/"), "", ""},
		"OnTheWay": {
			0, "All matches were filtered out by exclude filtering for argument: make-4.3-7", []string{"make.x86_64 4.4-1"}, "[kiln]\n", "", "",
		},
		"Elsewhere": {1, excluded, nil, pkgmanager.YumRepository("http://own/"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, task := newBench(), yumTask()
			b.around.provides = []string{"yum"}
			step := strings.ReplaceAll(strings.TrimSpace(task.Recipe.Packages[test.entry].Instructions(test.entry)), "\\\n", "")
			b.engine.ScriptOnce(worker.KindImage, func(_ context.Context, _ worker.Job, emit func(worker.Event)) (worker.Result, error) {
				emit(worker.Event{Log: &worker.Log{Stream: worker.StreamStderr, Line: test.line}})
				return worker.Result{}, &worker.Failure{Kind: worker.FailureStep, Step: step, ExitCode: 1}
			})
			b.engine.Script(worker.KindRun, func(_ context.Context, j worker.Job, emit func(worker.Event)) (worker.Result, error) {
				if got := j.Run.Command.Argv[4]; got != test.repository {
					t.Errorf("the repository %q is asked", got)
				}
				for _, line := range test.answer {
					emit(worker.Event{Log: &worker.Log{Stream: worker.StreamStdout, Line: line}})
				}
				return worker.Result{}, nil
			})
			_, _, err := b.build(t, task)
			jobs := b.engine.Jobs(worker.KindImage)
			if test.value == "" {
				if err != nil || len(jobs) != 2 || jobs[1].Image.Mounts[lock.YumPath] != "" || len(jobs[1].Image.Expect) != 1 {
					t.Errorf("got %v after %d builds", err, len(jobs))
				}
				return
			}
			found := problem.From(err)
			if len(found) != 1 || found[0].Code != problem.PackageVersionGone || found[0].Limit != test.limit || len(jobs) != 1 {
				t.Fatalf("got %v after %d builds", err, len(jobs))
			}
			value := test.value
			if test.entry == 0 { // what the entry says is what was meant
				value = "git-2.39"
			}
			if diff := cmp.Diff(value, found[0].Value); diff != "" || !strings.Contains(found[0].Detail, "the package source has no version") {
				t.Errorf("%s\n%+v", diff, found[0])
			}
		})
	}
}
