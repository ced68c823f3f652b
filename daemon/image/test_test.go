package image_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/enginetest"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// TestTested checks what a test runs and what it finds.
func TestTested(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	spec := servicetest.Spec("segmenter", g, "1")
	spec.TaskTypes = []tasktype.Type{tasktype.PyODPS3, tasktype.Shell}
	long := strings.Repeat("長", 101)
	spec.Test.Commands = []string{"python3 -c 'import jieba'", "test -f /opt/a", "true\n" + long, long}
	sum := d.Upload("content")
	spec.Recipe.Files = []recipe.File{{Target: "/opt/a", Mode: "0644", SHA256: sum}}
	i := d.Publish(spec)
	jobs := d.Engine.Jobs(worker.KindBootstrap, worker.KindImage)
	if len(jobs) != 2 || jobs[0].Kind != worker.KindBootstrap {
		t.Fatalf("the jobs are %+v", jobs)
	}
	got := jobs[1]
	want := []worker.Command{
		{Name: "smoke test of pyodps3", Argv: []string{"/home/tops/bin/python3", "-c", "import sys"}},
		{Name: "smoke test of shell", Argv: []string{"/bin/bash", "-c", "true"}},
		{Name: "test.commands[0]: python3 -c 'import jieba'", Argv: []string{"/bin/sh", "-ec", "python3 -c 'import jieba'"}},
		{Name: "test.commands[1]: test -f /opt/a", Argv: []string{"/bin/sh", "-ec", "test -f /opt/a"}},
		{Name: "test.commands[2]: true …", Argv: []string{"/bin/sh", "-ec", "true\n" + long}},
		{Name: "test.commands[3]: " + strings.Repeat("長", 100) + " …", Argv: []string{"/bin/sh", "-ec", long}},
	}
	if diff := cmp.Diff(want, got.Image.Commands); diff != "" {
		t.Error(diff)
	}
	if got.ID != i.ProcessID || got.Image.Tag != "" || got.Image.Containerfile != i.Containerfile || got.Image.TimeZone != "Asia/Shanghai" ||
		got.Image.Files["sha256-"+sum] != d.Files.Path(sum) || got.Network.Egress != worker.EgressRestricted {
		t.Errorf("the job is %+v, %+v", got, got.Image)
	}
	found := enginetest.Default(got)
	if i.SizeBytes != found.SizeBytes || len(i.Packages) != len(found.Packages) || i.Packages[0] != official.Package(found.Packages[0]) {
		t.Errorf("the image has %d bytes, %v", i.SizeBytes, i.Packages)
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	d.Engine.Log(worker.KindImage, "one", "two")
	d.Engine.FailCommand("test.commands[0]: python3 -c 'import jieba'", 3)
	i := d.Create(servicetest.Spec("segmenter", g, "1"))
	v := d.Wait(i.ProcessID, process.StateFailed)
	if v.Problem.Code != problem.TestFailed || v.Problem.Field != "test.commands" || !slices.Equal(v.Problem.Log, []string{"one", "two"}) {
		t.Errorf("got %+v", v.Problem)
	}
	got := d.Image(i.ID)
	if got.Stage != domain.StageTestFailed || got.PublishedVersion != 0 || got.SizeBytes != 0 || got.Packages != nil {
		t.Errorf("got %+v", got)
	}
	versions, err := d.Images.Versions(d.Context(), owner, i.ID)
	if err != nil || !versions[0].TestedAt.IsZero() {
		t.Errorf("got %+v, %v", versions, err)
	}
	// Another version may follow at once.
	d.Engine.Script(worker.KindImage, nil)
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)
	if got := d.Image(i.ID); got.CurrentVersion != 2 || got.PublishedVersion != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	release := d.Engine.Block(worker.KindImage)
	i := d.Create(servicetest.Spec("segmenter", g, "1"))
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindImage, 1))
	_, err := d.Runner.Cancel(d.Context(), owner, i.ProcessID)
	servicetest.Must(t, err)
	if got := d.Image(i.ID); got.Stage != domain.StageUntest {
		t.Errorf("the stage is %s, want Untest", got.Stage)
	}
	release()
	again := d.Update(i.ID, servicetest.Spec("segmenter", g, "1")) // the next apply starts anew
	if again.Stage != domain.StageTesting || again.ProcessID == i.ProcessID || again.CurrentVersion != 1 {
		t.Errorf("got %+v", again)
	}
	d.Wait(again.ProcessID, process.StateCompleted)
}

// TestPublishWhileTesting checks that what a test publishes is what the image asks for when it ends.
func TestPublishWhileTesting(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	release := d.Engine.Block(worker.KindImage)
	spec := servicetest.Spec("segmenter", g, "1")
	i := d.Create(spec)
	spec.Publish = false
	d.Update(i.ID, spec)
	release()
	d.Wait(i.ProcessID, process.StateCompleted)
	if got := d.Image(i.ID); got.Stage != domain.StageUnpublished || got.PublishedVersion != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestInterrupted checks that a daemon that was stopped, and one that was killed, leave images that go on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*servicetest.Daemon) (dir string){
		"stopped": func(d *servicetest.Daemon) string {
			d.Stop()
			return d.Dir
		},
		"killed": (*servicetest.Daemon).Killed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, g := setup(t, servicetest.Options{})
			release := d.Engine.Block(worker.KindImage)
			i := d.Create(servicetest.Spec("segmenter", g, "1"))
			servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindImage, 1))
			dir := end(d)
			release()

			d = servicetest.New(t, servicetest.Options{Dir: dir})
			if v := d.Wait(i.ProcessID, process.StateFailed); v.Problem.Code != problem.Interrupted {
				t.Errorf("got %+v", v.Problem)
			}
			if got := d.Image(i.ID); got.Stage != domain.StageTestFailed {
				t.Errorf("the stage is %s", got.Stage)
			}
			again := d.Create(servicetest.Spec("segmenter", g, "1"))
			d.Wait(again.ProcessID, process.StateCompleted)
			if got := d.Image(i.ID); got.ID != again.ID || got.Stage != domain.StagePublished {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestNoCatalogue checks that a test fails with the cause when its base cannot be made.
func TestNoCatalogue(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	d.Engine.FailOnce(worker.KindBootstrap, &worker.Failure{Kind: worker.FailureBootstrap, Message: "no mirror"})
	i := d.Create(servicetest.Spec("segmenter", g, "1"))
	if v := d.Wait(i.ProcessID, process.StateFailed); v.Problem.Code != problem.CatalogBuildFailed {
		t.Errorf("got %+v", v.Problem)
	}
	if n := d.Engine.Calls(worker.KindImage); n != 0 {
		t.Errorf("%d tests ran", n)
	}
	i = d.Create(i.Spec)
	d.Wait(i.ProcessID, process.StateCompleted)
}
