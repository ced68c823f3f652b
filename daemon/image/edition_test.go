package image_test

import (
	"fmt"
	"testing"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/servicetest"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/system"
)

// TestDowngrade lowers the edition below what is there: that goes on as it did, and nothing is added until there is room. A
// higher edition has it at once.
func TestDowngrade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, g := setup(t, servicetest.Options{Dir: dir})
	i := d.Publish(servicetest.Spec("first", g, "1"))
	var others []domain.Image
	for n := range 10 {
		spec := servicetest.Spec(fmt.Sprintf("image_%d", n), g, "1")
		spec.Publish = false
		others = append(others, d.Publish(spec))
	}
	d.Stop()

	d = servicetest.New(t, servicetest.Options{Dir: dir, Regions: region(quota.EditionStandard, system.PinningEnforce)})
	one := image.CreateRequest{Owner: owner, Spec: servicetest.Spec("one_more", g, "1")}
	refused := func(used int) {
		t.Helper()
		_, err := d.Images.Create(d.Context(), one)
		p := servicetest.Refusal(t, err, problem.ImageQuotaExceeded, "name")
		if want := fmt.Sprintf("%d used, 1 planned", used); p.Value != want {
			t.Errorf("got %v, want %s", p, want)
		}
	}
	refused(11)
	changed := d.Update(i.ID, servicetest.Spec("renamed", g, "2"))
	d.Wait(changed.ProcessID, process.StateCompleted)
	if got := d.Image(i.ID); got.PublishedVersion != 2 || got.Spec.Name != "renamed" {
		t.Errorf("got %+v", got)
	}
	run(t, d, "renamed", process.StateCompleted)
	for n, other := range others[:2] {
		servicetest.Must(t, d.Images.Delete(d.Context(), owner, other.ID))
		if n == 0 {
			refused(10)
		}
	}
	_, err := d.Images.Create(d.Context(), one)
	servicetest.Must(t, err)
	d.Stop()

	d = servicetest.New(t, servicetest.Options{Dir: dir})
	one.Spec.Name = "two_more"
	_, err = d.Images.Create(d.Context(), one)
	servicetest.Must(t, err)
}

// TestBasic goes the whole way on the smallest edition: only the persistent build is not part of it.
func TestBasic(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{Regions: region(quota.EditionBasic, system.PinningEnforce)})
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	w := d.Workspace("analytics")
	_, err := d.Bindings.Create(d.Context(), owner, i.ID, w.ID)
	servicetest.Must(t, err)
	run(t, d, "segmenter", process.StateCompleted)
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)
	if _, err := rollback(d, i.ID); err != nil {
		t.Error(err)
	}
	_, err = d.Builds.Create(d.Context(), build.CreateRequest{Owner: owner, ImageID: i.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5})
	servicetest.Refused(t, err, problem.EditionNotSupported, "image_id")
}
