package image_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// rollback goes back to version 1.
func rollback(d *servicetest.Daemon, id string) (domain.Image, error) {
	return d.Images.Rollback(d.Context(), image.RollbackRequest{Owner: owner, ID: id, Version: 1})
}

// TestRollback checks that an image goes back at once, with what was baked, and that a later apply goes forward again.
func TestRollback(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	first := d.Publish(servicetest.Spec("segmenter", g, "1"))
	b := d.Bake(first)
	d.Wait(b.ProcessID, process.StateCompleted)
	second := d.Update(first.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)
	before := d.Image(first.ID)

	jobs := len(d.Engine.Jobs())
	got, err := rollback(d, "segmenter")
	servicetest.Must(t, err)
	if got.ID != first.ID || got.CurrentVersion != 1 || got.PublishedVersion != 1 || got.Stage != domain.StageBuildSuccess ||
		got.InputHash != first.InputHash || got.Generation != before.Generation+1 || got.Containerfile != first.Containerfile {
		t.Errorf("got %+v", got)
	}
	again, err := rollback(d, first.ID)
	if err != nil || again.Generation != got.Generation {
		t.Errorf("once more: %+v, %v", again, err)
	}
	if n := len(d.Engine.Jobs()) - jobs; n != 0 {
		t.Errorf("%d jobs ran", n)
	}
	run(t, d, "segmenter", process.StateCompleted)
	if d.Engine.Calls(worker.KindRun) != 1 {
		t.Error("what was baked of it does not serve again")
	}
	forward := d.Update(first.ID, servicetest.Spec("segmenter", g, "2"))
	if forward.CurrentVersion != 2 || forward.PublishedVersion != 2 || forward.Stage != domain.StagePublished {
		t.Errorf("the next apply makes %+v", forward)
	}

	entries, err := d.Images.History(d.Context(), owner, first.ID)
	servicetest.Must(t, err)
	want := []domain.Entry{
		{Version: 1, Action: domain.ActionCreate},
		{Version: 1, Action: domain.ActionPublish},
		{Version: 2, Action: domain.ActionCreate},
		{Version: 2, Action: domain.ActionPublish},
		{Version: 1, Action: domain.ActionRollback},
		{Version: 2, Action: domain.ActionRevert},
	}
	for n := range want {
		want[n].ImageID, want[n].Actor = first.ID, owner
	}
	if diff := cmp.Diff(want, entries, cmpopts.IgnoreFields(domain.Entry{}, "At")); diff != "" {
		t.Error(diff)
	}
	versions, err := d.Images.Versions(d.Context(), owner, first.ID)
	servicetest.Must(t, err)
	for n, v := range versions {
		if v.CreatedBy != owner || v.PublishedBy != owner || v.PublishedAt.Before(v.CreatedAt) || !v.PublishedAt.Equal(entries[2*n+1].At) {
			t.Errorf("got %+v", v)
		}
	}
}

// TestRollbackFromFailure checks the way back from a version that failed its test: it takes none from what serves.
func TestRollbackFromFailure(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	first := d.Publish(servicetest.Spec("segmenter", g, "1"))
	d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	second := d.Update(first.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateFailed)
	got, err := rollback(d, first.ID)
	if err != nil || got.CurrentVersion != 1 || got.PublishedVersion != 1 || got.Stage != domain.StagePublished {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRollbackRefused(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	first := d.Publish(servicetest.Spec("segmenter", g, "1"))
	d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	second := d.Update(first.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateFailed)
	busy := d.Publish(servicetest.Spec("busy", g, "1"))
	t.Cleanup(d.Engine.Block(worker.KindImage))
	d.Update(busy.ID, servicetest.Spec("busy", g, "2"))
	for _, test := range []struct {
		name   string
		change func(*image.RollbackRequest)
		code   problem.Code
		field  string
	}{
		{"never published", func(r *image.RollbackRequest) { r.Version = 2 }, problem.VersionNotPublishable, "version"},
		{"no such version", func(r *image.RollbackRequest) { r.Version = 3 }, problem.VersionNotFound, "version"},
		{"generation", func(r *image.RollbackRequest) { r.Generation = 99 }, problem.Conflict, "generation"},
		{"region", func(r *image.RollbackRequest) { r.Region = "west" }, problem.UnknownRegion, "region"},
		{"stranger", func(r *image.RollbackRequest) { r.Owner = stranger }, problem.NotFound, "id"},
		{"a test runs", func(r *image.RollbackRequest) { r.ID = busy.ID }, problem.ProcessAlreadyRunning, "stage"},
		{"an official image", func(r *image.RollbackRequest) { r.ID = "dataworks_shell_task_pod" }, problem.ReadOnlyImage, "id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := image.RollbackRequest{Owner: owner, ID: first.ID, Version: 1}
			test.change(&req)
			_, err := d.Images.Rollback(d.Context(), req)
			servicetest.Refused(t, err, test.code, test.field)
		})
	}
}

// TestReadOnly checks that nothing changes, bakes or deletes an official image, however it is named.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	run(t, d, "dataworks_shell_task_pod", process.StateCompleted)
	list, err := d.Catalogue.List(d.Context(), "dataworks_shell_task_pod", "")
	servicetest.Must(t, err)
	entry := list[0]
	for _, id := range []string{entry.Name, entry.Name + ":" + entry.Version, entry.Tag()} {
		for name, try := range map[string]struct {
			field string
			do    func() error
		}{
			"update": {"id", func() error {
				_, err := d.Images.Update(d.Context(), image.UpdateRequest{Owner: owner, ID: id, Spec: servicetest.Spec("segmenter", g, "1")})
				return err
			}},
			"delete":  {"id", func() error { return d.Images.Delete(d.Context(), owner, id) }},
			"publish": {"id", func() error { _, err := rollback(d, id); return err }},
			"bake": {"image_id", func() error {
				_, err := d.Builds.Create(d.Context(), build.CreateRequest{Owner: owner, ImageID: id, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5})
				return err
			}},
		} {
			t.Run(name+" "+id, func(t *testing.T) {
				t.Parallel()
				servicetest.Refused(t, try.do(), problem.ReadOnlyImage, try.field)
			})
		}
	}
	t.Cleanup(func() {
		if after, err := d.Catalogue.List(d.Context(), entry.Name, ""); err != nil || cmp.Diff(list, after) != "" {
			t.Errorf("the catalogue has changed: %v, %v", after, err)
		}
	})
}
