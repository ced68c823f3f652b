package build_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/enginetest"
	runner "github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// TestOtherDigest: a baking is told what the recipe was baked to before, says when it is another digest now, and what nobody serves
// any more is removed.
func TestOtherDigest(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	first := d.Build(b.ID)
	bake := func(b domain.Build) (said string, job worker.Job) {
		t.Helper()
		d.Registry.SetPresence(b.Digest, domain.PresenceMissing)
		again, err := update(d, b, 1)
		servicetest.Must(t, err)
		d.Wait(again.ProcessID, process.StateCompleted)
		for _, line := range d.Log(again.ProcessID) {
			said += line.Text + "\n"
		}
		jobs := d.Engine.Jobs(worker.KindImage)
		return said, jobs[len(jobs)-1]
	}
	other := func(b domain.Build, id string) domain.Build {
		t.Helper()
		d.Engine.ScriptOnce(worker.KindImage, func(_ context.Context, job worker.Job, _ func(worker.Event)) (worker.Result, error) {
			result := enginetest.Default(job)
			result.ImageID = id
			return result, nil
		})
		if said, _ := bake(b); !strings.Contains(said, "the same recipe was "+b.Digest+" before") {
			t.Errorf("it does not say what the digest was:\n%s", said)
		}
		return d.Build(b.ID)
	}
	jobs := d.Engine.Jobs(worker.KindImage)
	if baked := jobs[len(jobs)-1]; baked.Image.Previous != "" {
		t.Errorf("the first baking compares with %s", baked.Image.Previous)
	}
	said, job := bake(first)
	if want := enginetest.Default(job).ImageID; job.Image.Previous != want || strings.Contains(said, "before") {
		t.Errorf("it compares with %q, want %s, and says\n%s", job.Image.Previous, want, said)
	}

	twin := d.Bake(d.Publish(servicetest.Spec("twin", g, "1")))
	if twin.Digest != first.Digest {
		t.Fatalf("the twin serves %s, not %s", twin.Digest, first.Digest)
	}
	second := other(first, "other") // the twin serves the first one as yet
	if list := cleanups(t, d); second.Digest == first.Digest || len(list) != 0 {
		t.Errorf("baked as %s and %s; cleanups: %v", first.Digest, second.Digest, list)
	}
	third := other(second, "third")
	cleaned(t, d, 1)
	want := strings.TrimPrefix(second.ImageRef, enginetest.RegistryHost+"/")
	if diff := cmp.Diff([]string{want}, d.Registry.Deleted()); diff != "" || third.Digest == second.Digest {
		t.Errorf("%s is baked; deleted: %s", third.Digest, diff)
	}
	removed := d.Engine.Jobs(worker.KindRemove)
	if len(removed) != 1 || cmp.Diff([]string{"other"}, removed[0].Remove.Images) != "" {
		t.Errorf("removed: %+v", removed)
	}
}

func cleanups(t *testing.T, d *servicetest.Daemon) []runner.View {
	t.Helper()
	list, err := d.Runner.List(d.Context(), owner, runner.Filter{Kind: process.KindCleanup})
	servicetest.Must(t, err)
	return list
}

// TestTags: each version that is baked has a tag of its own, so that none takes another one's.
func TestTags(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)
	again, err := update(d, d.Build(b.ID), 2)
	servicetest.Must(t, err)
	d.Wait(again.ProcessID, process.StateCompleted)
	var tags []string
	for _, job := range d.Engine.Jobs(worker.KindPush) {
		tags = append(tags, job.Push.Destination[strings.LastIndex(job.Push.Destination, ":")+1:])
	}
	hash := func(of string) string { return strings.TrimPrefix(of, "sha256:")[:12] }
	if diff := cmp.Diff([]string{"v1-" + hash(i.InputHash), "v2-" + hash(d.Image(i.ID).InputHash)}, tags); diff != "" {
		t.Error(diff)
	}
}
