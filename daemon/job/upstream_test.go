package job_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// upstream brings a file, and remembers what was asked for.
type upstream struct {
	asked recipe.Upstream
	dir   string
	fails error
}

// Pull implements job.Upstream.
func (u *upstream) Pull(_ context.Context, _ string, from recipe.Upstream, dir string) (registry.Resolved, error) {
	u.asked, u.dir = from, dir
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), nil, 0o600); err != nil {
		return registry.Resolved{}, err
	}
	return registry.Resolved{Digest: from.Digest, Manifest: "sha256:manifest", Size: 42, Layers: 1}, u.fails
}

// pulled is a bench whose recipe is an image of a registry, and that image.
func pulled(t *testing.T) (*bench, *upstream, job.Task) {
	t.Helper()
	b, u := newBench(), &upstream{}
	b.Upstream, b.Pulls = u, filepath.Join(t.TempDir(), "pull")
	b.around.group.NetworkID = "net-1"
	of := task("rg-1")
	of.Recipe = recipe.Recipe{Base: recipe.Base{Registry: recipe.Upstream{
		RegistryID: "reg-1", NetworkID: "net-1", Repository: "team/base", Tag: "v1", Digest: "sha256:" + strings.Repeat("1", 64),
	}}, Env: map[string]string{"A": "b"}}
	of.Check, of.TaskTypes = true, []tasktype.Type{tasktype.Shell, tasktype.Python}
	return b, u, of
}

func (b *bench) builds(t *testing.T, of job.Task) (lines []string, err error) {
	t.Helper()
	_, lines, err = run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) { return b.Build(ctx, of, log) })
	return lines, err
}

// TestPulled: a worker gets what was pulled for it, and neither a password nor a way to the registry; what was pulled is gone afterwards.
func TestPulled(t *testing.T) {
	t.Parallel()
	b, u, of := pulled(t)
	if lines, err := b.builds(t, of); err != nil || !strings.Contains(strings.Join(lines, "\n"), "pulled 42 bytes in 1 layers") {
		t.Fatalf("got %q, %v", lines, err)
	}
	if diff := cmp.Diff(of.Recipe.Base.Registry, u.asked); diff != "" {
		t.Error(diff)
	}
	j := b.engine.Jobs(worker.KindImage)[0]
	want := &worker.Base{Dir: u.dir, Digest: "sha256:manifest", MaxBytes: 5 << 30, Needs: []worker.Need{
		{Name: "shell", Programs: []string{"bash", "sh"}}, {Name: "python", Programs: []string{"python3", "python"}},
	}}
	if diff := cmp.Diff(want, j.Image.Base); diff != "" {
		t.Error(diff)
	}
	if j.Image.TimeZone != "Asia/Shanghai" || j.Image.Mounts != nil || j.Push != nil || j.Pull != nil || b.around.ensured != 0 {
		t.Errorf("the worker was asked for %+v", j.Image)
	}
	if _, err := os.Lstat(u.dir); !os.IsNotExist(err) {
		t.Errorf("what was pulled is still there: %v", err)
	}
	of.Recipe.Base.Registry.StartCommand = "/opt/run -x"
	if _, err := b.builds(t, of); err != nil {
		t.Fatal(err)
	}
	if needs := b.engine.Jobs(worker.KindImage)[1].Image.Base.Needs; len(needs) != 1 || needs[0].Programs[0] != "/opt/run" {
		t.Errorf("with a start command, it needs %+v", needs)
	}
	of.Check = false // a run, which was tested
	if _, err := b.builds(t, of); err != nil {
		t.Fatal(err)
	}
	if needs := b.engine.Jobs(worker.KindImage)[2].Image.Base.Needs; needs != nil {
		t.Errorf("a run needs %+v", needs)
	}
}

// TestPulledRefused: why an image cannot be used is said with a code, and what was pulled of it is gone.
func TestPulledRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		failure *worker.Failure
		pull    error
		code    problem.Code
		field   string
	}{
		"layout":   {&worker.Failure{Kind: worker.FailureLayout, Message: "layer 1: x"}, nil, problem.RegistryBadAnswer, "source.registry"},
		"size":     {&worker.Failure{Kind: worker.FailureSize}, nil, problem.ImageTooLarge, "source.registry"},
		"platform": {&worker.Failure{Kind: worker.FailurePlatform, Step: "linux/arm64"}, nil, problem.ArchitectureNotSupported, "source.registry"},
		"zone":     {&worker.Failure{Kind: worker.FailureZone, Step: "Asia/Shanghai"}, nil, problem.TimezoneDataMissing, "source.registry"},
		"runtime":  {&worker.Failure{Kind: worker.FailureProgram, Step: "python"}, nil, problem.RuntimeMissing, "task_types"},
		"command":  {&worker.Failure{Kind: worker.FailureProgram, Step: "start command"}, nil, problem.StartCommandNotFound, "source.registry.start_command"},
		"gone":     {nil, recipe.Upstream{Tag: "v1"}.Gone(), problem.ImageGone, "source.registry.tag"},
		"disk":     {nil, syscall.ENOSPC, problem.InsufficientStorage, "source.registry.registry_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, u, of := pulled(t)
			b.engine.Fail(worker.KindImage, tt.failure)
			u.fails = tt.pull
			_, err := b.builds(t, of)
			found := problem.From(err)
			if len(found) != 1 || found[0].Code != tt.code || found[0].Field != tt.field || found[0].Limit == "" || found[0].Remedy == "" {
				t.Errorf("got %v, want %s at %s", err, tt.code, tt.field)
			}
			if left, err := os.ReadDir(b.Pulls); err != nil || len(left) != 0 {
				t.Errorf("%d pulls are left, %v", len(left), err)
			}
			if tt.pull != nil && b.engine.Calls(worker.KindImage) != 0 {
				t.Error("a worker was started all the same")
			}
		})
	}
	b, u, of := pulled(t)
	b.around.group.NetworkID = "net-2"
	if _, err := b.builds(t, of); !problem.Has(err, problem.VpcMismatch) || u.dir != "" {
		t.Errorf("in another network: %v, pulled into %q", err, u.dir)
	}
}
