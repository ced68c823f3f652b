package image_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// run runs a command of the owner in an image, and gives how it ended.
func run(t *testing.T, d *servicetest.Daemon, name string, want process.State) (id string, exitCode int) {
	t.Helper()
	id, err := d.Images.Run(d.Context(), image.RunRequest{
		Owner: owner, Image: name, ResourceGroup: "default", Argv: []string{"python3", "-V"}, Env: map[string]string{"A": "1"},
	})
	servicetest.Must(t, err)
	return id, d.Wait(id, want).ExitCode
}

var command = worker.Command{Name: "run", Argv: []string{"python3", "-V"}, Env: map[string]string{"A": "1"}}

// TestRunRegular checks that an image that was not baked is installed for each run.
func TestRunRegular(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	for range 2 {
		id, exitCode := run(t, d, "segmenter", process.StateCompleted)
		if exitCode != 0 {
			t.Errorf("exit code = %d", exitCode)
		}
		jobs := d.Engine.Jobs(worker.KindImage)
		got := jobs[len(jobs)-1]
		if got.ID != id || got.Image.Containerfile != i.Containerfile || got.Image.Tag != "" {
			t.Errorf("the job is %+v", got)
		}
		if diff := cmp.Diff([]worker.Command{command}, got.Image.Commands); diff != "" {
			t.Error(diff)
		}
	}
	if n := d.Engine.Calls(worker.KindImage); n != 3 {
		t.Errorf("%d installations for a test and two runs", n)
	}
	d.Engine.FailCommand("run", 7)
	if _, exitCode := run(t, d, i.ID, process.StateCompleted); exitCode != 7 { // the command ran, whatever it said
		t.Errorf("exit code = %d, want 7", exitCode)
	}
	d.Engine.Fail(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	if id, _ := run(t, d, i.ID, process.StateFailed); d.Wait(id, process.StateFailed).Problem.Code != problem.Unclassified {
		t.Error("a failed installation has another problem than Unclassified")
	}
}

// TestRunPublished checks that a run has the published version, whatever is tested.
func TestRunPublished(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	first := d.Publish(servicetest.Spec("segmenter", g, "1"))
	d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	second := d.Update(first.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateFailed)
	run(t, d, "segmenter", process.StateCompleted)
	jobs := d.Engine.Jobs(worker.KindImage)
	if got := jobs[len(jobs)-1].Image.Containerfile; got != first.Containerfile {
		t.Errorf("it ran in\n%s", got)
	}
}

// TestRunBaked checks that an artifact is run in when, and only when, the persistent build serves that version.
func TestRunBaked(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	installed := d.Engine.Calls(worker.KindImage)
	run(t, d, "segmenter", process.StateCompleted)
	if n := d.Engine.Calls(worker.KindImage); n != installed {
		t.Errorf("%d installations for a run in what was baked", n-installed)
	}
	baked := d.Engine.Jobs(worker.KindImage)[installed-1]
	job := d.Engine.Jobs(worker.KindRun)[0]
	if diff := cmp.Diff(command, job.Run.Command); diff != "" || job.Run.TimeZone != "Asia/Shanghai" || job.Run.Image == "" {
		t.Errorf("it ran as %+v: %s", job.Run, diff)
	}
	if !strings.Contains(baked.Image.Tag, i.ID) {
		t.Errorf("it was baked as %q", baked.Image.Tag)
	}
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)
	installed = d.Engine.Calls(worker.KindImage)
	run(t, d, "segmenter", process.StateCompleted) // version 2 is not baked
	if n := d.Engine.Calls(worker.KindImage); n != installed+1 || d.Engine.Calls(worker.KindRun) != 1 {
		t.Errorf("%d installations, %d runs in what was baked", n-installed, d.Engine.Calls(worker.KindRun))
	}
	d.Update(i.ID, servicetest.Spec("segmenter", g, "1"))
	run(t, d, "segmenter", process.StateCompleted) // back to what is
	if n := d.Engine.Calls(worker.KindRun); n != 2 {
		t.Errorf("%d runs in what was baked, want 2", n)
	}
}

// TestRunLost checks that an artifact that the image store has lost comes back from the registry, once.
func TestRunLost(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	b = d.Build(b.ID)
	d.Engine.FailOnce(worker.KindRun, &worker.Failure{Kind: worker.FailureImage, Message: "no such image"})
	d.Engine.ScriptOnce(worker.KindPull, func(context.Context, worker.Job, func(worker.Event)) (worker.Result, error) {
		return worker.Result{ImageID: "fetched"}, nil
	})
	run(t, d, "segmenter", process.StateCompleted)
	pull := d.Engine.Jobs(worker.KindPull)[0]
	if _, source, _ := strings.Cut(pull.Pull.Source, "/"); "registry.test:5380/"+source != b.ImageRef || !pull.Pull.PlainHTTP || pull.Pull.Password == "" {
		t.Errorf("it is pulled as %+v, want %s", pull.Pull, b.ImageRef)
	}
	if n := pull.Network; n.Egress != worker.EgressRestricted || len(n.Allow) != 1 || n.Allow[0].Prefix.String() != worker.HostAddress+"/32" ||
		n.Allow[0].Port != 5381 {
		t.Errorf("it is pulled over %+v", n)
	}
	run(t, d, "segmenter", process.StateCompleted)
	runs := d.Engine.Jobs(worker.KindRun)
	if len(runs) != 3 || runs[1].Run.Image != "fetched" || runs[2].Run.Image != "fetched" || d.Engine.Calls(worker.KindPull) != 1 {
		t.Errorf("%d pulls, and runs %+v", d.Engine.Calls(worker.KindPull), runs)
	}
	if made, open := d.Registry.Grants(); made != 2 || open != 0 {
		t.Errorf("%d grants, %d of them open", made, open)
	}

	d.Engine.Fail(worker.KindRun, &worker.Failure{Kind: worker.FailureImage, Message: "no such image"})
	d.Engine.Fail(worker.KindPull, &worker.Failure{Kind: worker.FailureTransfer, Message: "manifest unknown"})
	id, _ := run(t, d, "segmenter", process.StateFailed)
	if p := d.Wait(id, process.StateFailed).Problem; p.Code != problem.ArtifactMissing || p.Value != b.Digest {
		t.Errorf("got %+v", p)
	}
}

// TestRunOfficial runs in an official image that is not there yet: the run waits until it is made.
func TestRunOfficial(t *testing.T) {
	t.Parallel()
	d, _ := setup(t, servicetest.Options{Workers: 1})
	for range 2 {
		run(t, d, "dataworks_shell_task_pod", process.StateCompleted)
	}
	if d.Engine.Calls(worker.KindBootstrap) != 1 || d.Engine.Calls(worker.KindImage) != 0 {
		t.Errorf("%d images made, %d installed", d.Engine.Calls(worker.KindBootstrap), d.Engine.Calls(worker.KindImage))
	}
	got := d.Engine.Jobs(worker.KindRun)[1].Run
	if !strings.HasPrefix(got.Image, "localhost/kiln/dataworks_shell_task_pod:") {
		t.Errorf("it ran in %q", got.Image)
	}
}

func TestRunRefused(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{Regions: []system.Region{
		{Name: "local", Edition: quota.EditionProfessional, Pinning: system.PinningEnforce}, {Name: "east", Edition: quota.EditionBasic},
	}})
	spec := servicetest.Spec("unpublished", g, "1")
	spec.Publish = false
	d.Publish(spec)
	published := d.Publish(servicetest.Spec("segmenter", g, "1"))
	east := d.Group(owner, "east", "east")
	small := g
	small.Name, small.CU = "small", 0.25
	small, err := d.ResourceGroups.Create(d.Context(), owner, "", small)
	servicetest.Must(t, err)
	_, err = d.ResourceGroups.Create(d.Context(), owner, "", resourcegroup.ResourceGroup{
		Name: "exclusive", Type: resourcegroup.TypeExclusiveScheduler, NetworkID: g.NetworkID, CU: 2, TimeZone: "UTC",
	})
	servicetest.Must(t, err)
	for _, test := range []struct {
		name   string
		change func(*image.RunRequest)
		code   problem.Code
		field  string
	}{
		{"not published", func(r *image.RunRequest) { r.Image = "unpublished" }, problem.ImageNotPublished, "image"},
		{"no image", func(r *image.RunRequest) { r.Image = "gone" }, problem.NotFound, "id"},
		{"no command", func(r *image.RunRequest) { r.Argv = nil }, problem.MissingRequired, "argv"},
		{"NUL", func(r *image.RunRequest) { r.Argv = []string{"a", "b\x00"} }, problem.InvalidParameter, "argv[1]"},
		{
			"a long argument", func(r *image.RunRequest) { r.Argv = []string{strings.Repeat("x", 1<<17)} },
			problem.InvalidParameter, "argv[0]",
		},
		{"env", func(r *image.RunRequest) { r.Env = map[string]string{"A B": ""} }, problem.InvalidEnv, `env["A B"]`},
		{"region", func(r *image.RunRequest) { r.Region = "west" }, problem.UnknownRegion, "region"},
		{"another region", func(r *image.RunRequest) { r.Region, r.Image = "east", "segmenter" }, problem.NotFound, "id"},
		{"no group", func(r *image.RunRequest) { r.ResourceGroup = "gone" }, problem.NotFound, "resource_group"},
		{"another region's group", func(r *image.RunRequest) { r.ResourceGroup = east.ID }, problem.RegionMismatch, "resource_group"},
		{"another region's group by name", func(r *image.RunRequest) { r.ResourceGroup = "east" }, problem.NotFound, "resource_group"},
		{"size of the group", func(r *image.RunRequest) { r.ResourceGroup = small.ID }, problem.CuExceedsResourceGroup, "cu"},
		{"type of the group", func(r *image.RunRequest) { r.ResourceGroup = "exclusive" }, problem.ResourceGroupTypeNotSupported, "resource_group"},
		{"an official image without a group", func(r *image.RunRequest) { r.Image = "dataworks_shell_task_pod" }, problem.MissingRequired, "resource_group"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := image.RunRequest{Owner: owner, Image: published.ID, Argv: []string{"true"}}
			test.change(&req)
			id, err := d.Images.Run(d.Context(), req)
			servicetest.Refused(t, err, test.code, test.field)
			if id != "" {
				t.Errorf("a refused run is process %s", id)
			}
		})
	}
}

// TestRunGroup checks where a run goes when nobody says: where the test went.
func TestRunGroup(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	id, err := d.Images.Run(d.Context(), image.RunRequest{Owner: owner, Image: i.ID, Argv: []string{"true"}})
	servicetest.Must(t, err)
	if v := d.Wait(id, process.StateCompleted); v.ResourceGroupID != g.ID || v.Kind != process.KindRun || v.ImageID != i.ID || v.ImageVersion != 1 {
		t.Errorf("got %+v", v)
	}
}

// TestRunName checks that a custom image comes before an official one of the same name.
func TestRunName(t *testing.T) {
	t.Parallel()
	site := official.Image{
		Name: "segmenter", Version: "20260101", Status: official.StatusReadOnly, Reference: "registry.test/site@sha256:0",
		TaskTypes: []tasktype.Type{tasktype.Shell}, Provides: []string{"python3"},
	}
	d, g := setup(t, servicetest.Options{Entries: []official.Image{site}})
	spec := servicetest.Spec("segmenter", g, "1")
	spec.Recipe.Base.Official = "segmenter"
	i := d.Publish(spec)
	id, _ := run(t, d, "segmenter", process.StateCompleted)
	if v := d.Wait(id, process.StateCompleted); v.ImageID != i.ID {
		t.Errorf("it ran in %s", v.ImageID)
	}
}

// TestAdvice: what is published and not baked is advised to be, with each run, until it is.
func TestAdvice(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	advised := func() bool {
		t.Helper()
		id, _ := run(t, d, "segmenter", process.StateCompleted)
		return slices.ContainsFunc(d.Log(id), func(l process.Line) bool { return strings.Contains(l.Text, "a kiln_persistent_build of version 1") })
	}
	if !advised() {
		t.Error("nobody says that the image could be baked")
	}
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	if advised() {
		t.Error("what is baked is advised to be")
	}
}
