package image_test

import (
	"testing"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// TestTampered: a version whose recipe was changed in the database is not published, run, baked, tested again or gone back to.
func TestTampered(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	published := d.Publish(servicetest.Spec("published", g, "1"))
	spec := servicetest.Spec("tested", g, "1")
	spec.Publish = false
	tested := d.Publish(spec)
	d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	failing := d.Create(servicetest.Spec("failing", g, "1"))
	d.Wait(failing.ProcessID, process.StateFailed)
	forward := d.Publish(servicetest.Spec("forward", g, "1"))
	forward = d.Update(forward.ID, servicetest.Spec("forward", g, "2"))
	d.Wait(forward.ProcessID, process.StateCompleted)
	for _, i := range []domain.Image{published, tested, failing, forward} {
		d.Tamper(i.ID)
	}
	done := d.Engine.Calls(worker.KindImage)
	update := func(id string, name string) error {
		_, err := d.Images.Update(d.Context(), image.UpdateRequest{Owner: owner, ID: id, Spec: servicetest.Spec(name, g, "1")})
		return err
	}
	for _, test := range []struct {
		name string
		do   func() error
	}{
		{"publish", func() error { return update(tested.ID, "tested") }},
		{"test again", func() error { return update(failing.ID, "failing") }},
		{"revert", func() error { return update(forward.ID, "forward") }},
		{"roll back", func() error {
			_, err := d.Images.Rollback(d.Context(), image.RollbackRequest{Owner: owner, ID: forward.ID, Version: 1})
			return err
		}},
		{"run", func() error {
			_, err := d.Images.Run(d.Context(), image.RunRequest{Owner: owner, Image: "published", ResourceGroup: "default", Argv: []string{"true"}})
			return err
		}},
		{"bake", func() error {
			_, err := d.Builds.Create(d.Context(), build.CreateRequest{Owner: owner, ImageID: published.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5})
			return err
		}},
	} {
		found := problem.From(test.do())
		if len(found) != 1 || found[0].Code != problem.RecipeTampered || found[0].Value != "1" || found[0].Limit != published.InputHash {
			t.Errorf("%s: got %v", test.name, found)
		}
	}
	if n := d.Engine.Calls(worker.KindImage); n != done {
		t.Errorf("%d installations after all", n-done)
	}
	if i := d.Image(forward.ID); i.CurrentVersion != 2 || i.PublishedVersion != 2 {
		t.Errorf("got %+v", i)
	}
	fresh := d.Update(published.ID, servicetest.Spec("published", g, "3")) // the way out
	d.Wait(fresh.ProcessID, process.StateCompleted)
	run(t, d, "published", process.StateCompleted)
}

// TestTamperedInTheQueue changes what waits for its turn: it fails when that comes, and what is being tested is not published.
func TestTamperedInTheQueue(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{Workers: 1})
	i := d.Publish(servicetest.Spec("published", g, "1"))
	other := d.Publish(servicetest.Spec("baked", g, "1"))
	begun := d.Engine.Calls(worker.KindImage)
	release := d.Engine.Block(worker.KindImage)
	testing := d.Create(servicetest.Spec("testing", g, "1"))
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindImage, begun+1))
	waiting := d.Create(servicetest.Spec("waiting", g, "1"))
	running, err := d.Images.Run(d.Context(), image.RunRequest{Owner: owner, Image: i.ID, ResourceGroup: "default", Argv: []string{"true"}})
	servicetest.Must(t, err)
	baking := d.Bake(other)
	for _, id := range []string{i.ID, other.ID, testing.ID, waiting.ID} {
		d.Tamper(id)
	}
	release()
	for _, id := range []string{waiting.ProcessID, running, baking.ProcessID} {
		if v := d.Wait(id, process.StateFailed); v.Problem.Code != problem.RecipeTampered {
			t.Errorf("%s ends with %+v", v.Kind, v.Problem)
		}
	}
	d.Wait(testing.ProcessID, process.StateCompleted)
	if got := d.Image(testing.ID); got.Stage != domain.StageUnpublished || got.PublishedVersion != 0 {
		t.Errorf("what was changed during its test is %s", got.Stage)
	}
	if n := d.Engine.Calls(worker.KindImage); n != begun+1 {
		t.Errorf("%d installations, want one", n-begun)
	}
}
