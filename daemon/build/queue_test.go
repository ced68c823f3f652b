package build_test

import (
	"testing"

	"github.com/kilnhq/kiln/daemon/build"
	imageservice "github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// TestTwoAtOnce checks that of three builds in a region, the third waits for one of the others, and keeps nothing else waiting.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	d, g, first := setup(t, servicetest.Options{Workers: 8})
	images := []image.Image{first, d.Publish(servicetest.Spec("second", g, "2")), d.Publish(servicetest.Spec("third", g, "3"))}
	tested := d.Engine.Calls(worker.KindImage)
	release := d.Engine.Block(worker.KindImage)
	var builds []domain.Build
	for _, i := range images {
		builds = append(builds, d.Bake(i))
	}
	// The test was queued last: when it runs, the third build has been passed over.
	test := d.Create(servicetest.Spec("fourth", g, "4"))
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindImage, tested+3))
	v, err := d.Runner.Get(d.Context(), owner, builds[2].ProcessID)
	if err != nil || v.State != process.StateQueued || v.QueuePosition != 1 {
		t.Errorf("the third build is %+v, %v", v, err)
	}
	release()
	d.Wait(test.ProcessID, process.StateCompleted)
	var ends []process.Process
	for _, b := range builds {
		ends = append(ends, d.Wait(b.ProcessID, process.StateCompleted).Process)
	}
	if third := ends[2].StartedAt; third.Before(ends[0].EndedAt) && third.Before(ends[1].EndedAt) {
		t.Errorf("the third build was started at %s, before the end of both others: %+v", third, ends)
	}
}

// TestDeadWorkersPlace checks that a worker that dies gives its place to the next build.
func TestDeadWorkersPlace(t *testing.T) {
	t.Parallel()
	d, g, first := setup(t, servicetest.Options{})
	images := []image.Image{first, d.Publish(servicetest.Spec("second", g, "2")), d.Publish(servicetest.Spec("third", g, "3"))}
	d.Engine.Fail(worker.KindImage, &worker.Failure{Kind: worker.FailureKilled})
	for range 2 {
		for _, i := range images {
			b := d.Bake(i)
			if v := d.Wait(b.ProcessID, process.StateFailed); v.Problem.Code != problem.Killed {
				t.Errorf("got %+v", v.Problem)
			}
		}
	}
}

// TestFairness checks that of two owners, the one with one build does not wait for all those of the other.
func TestFairness(t *testing.T) {
	t.Parallel()
	d, g, first := setup(t, servicetest.Options{Workers: 8})
	images := []image.Image{first}
	for version, name := range map[string]string{"2": "second", "3": "third", "4": "fourth"} {
		images = append(images, d.Publish(servicetest.Spec(name, g, version)))
	}
	theirs := d.Group(stranger, "", "default")
	other, err := d.Images.Create(d.Context(), imageservice.CreateRequest{Owner: stranger, Spec: servicetest.Spec("other", theirs, "1")})
	servicetest.Must(t, err)
	_, err = d.Runner.Wait(d.Context(), stranger, other.ProcessID)
	servicetest.Must(t, err)
	release := d.Engine.Block(worker.KindImage)
	var builds []domain.Build
	for _, i := range images {
		builds = append(builds, d.Bake(i))
	}
	b, err := d.Builds.Create(d.Context(), build.CreateRequest{Owner: stranger, ImageID: other.ID, ImageVersion: 1, ResourceGroupID: theirs.ID, CU: 0.5})
	servicetest.Must(t, err)
	release()
	theirBuild, err := d.Runner.Wait(d.Context(), stranger, b.ProcessID)
	servicetest.Must(t, err)
	if last := d.Wait(builds[3].ProcessID, process.StateCompleted); !theirBuild.StartedAt.Before(last.StartedAt) {
		t.Errorf("it was started at %s, after the last of the other owner at %s", theirBuild.StartedAt, last.StartedAt)
	}
}

// TestInterrupted checks that a bake that was interrupted, by a daemon that was stopped or killed, is charged for what it ran and
// can be done again.
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
			d, _, i := setup(t, servicetest.Options{})
			release := d.Engine.Block(worker.KindPush)
			b := d.Bake(i)
			servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindPush, 1))
			dir := end(d)
			release()
			d = servicetest.New(t, servicetest.Options{Dir: dir})
			v := d.Wait(b.ProcessID, process.StateFailed)
			if v.Problem.Code != problem.Interrupted {
				t.Errorf("got %+v", v.Problem)
			}
			got := d.Build(b.ID)
			if got.Stage != domain.StageBuildFailed || got.DurationSeconds <= 0 || got.CUSeconds != b.CU*got.DurationSeconds || v.CUSeconds != got.CUSeconds {
				t.Errorf("got %+v", got)
			}
			again := d.Bake(i)
			d.Wait(again.ProcessID, process.StateCompleted)
			if got := d.Build(b.ID); got.Stage != domain.StageBuildSuccess || got.ID != again.ID {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestMeterOfBuild checks that a build says what its last baking has used, however that ended.
func TestMeterOfBuild(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	check := func(b domain.Build, want process.State) {
		t.Helper()
		v := d.Wait(b.ProcessID, want)
		got := d.Build(b.ID)
		ran := v.EndedAt.Sub(v.StartedAt).Seconds()
		if ran <= 0 || got.DurationSeconds != ran || got.CUSeconds != 0.5*ran || v.CUSeconds != got.CUSeconds {
			t.Errorf("%s: %g s, %g CU-seconds, the process %g s, %g CU-seconds", want, got.DurationSeconds, got.CUSeconds, ran, v.CUSeconds)
		}
	}
	d.Engine.FailOnce(worker.KindPush, &worker.Failure{Kind: worker.FailureTransfer, Message: "denied"})
	check(d.Bake(i), process.StateFailed)

	pushed := d.Engine.Calls(worker.KindPush)
	release := d.Engine.Block(worker.KindPush)
	b := d.Bake(i)
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindPush, pushed+1))
	_, err := d.Runner.Cancel(d.Context(), owner, b.ProcessID)
	servicetest.Must(t, err)
	check(b, process.StateCancelled)
	release()
	check(d.Bake(i), process.StateCompleted)
}
