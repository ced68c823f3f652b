package image_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccRollback: what was rolled back by number shows as drift, with both versions known in the plan. A reverted commit agrees
// with it; the same commit once more goes forward. Nothing is tested for any of it.
func TestAccRollback(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	one := d.Provider() + image(map[string]string{"packages": pinned("0.42.1")})
	two := d.Provider() + image(map[string]string{"packages": pinned("0.42.2")})
	var id string
	back := func() {
		i, err := d.Client.RollbackImage(t.Context(), client.RollbackImage{ID: id, Version: 1})
		if err != nil || i.PublishedVersion != 1 || i.CurrentVersion != 1 {
			t.Errorf("rolled back to %+v, %v", i, err)
		}
	}
	forward := acctest.Planned(two, address, plancheck.ResourceActionUpdate,
		known("version", knownvalue.Int64Exact(2)), known("published_version", knownvalue.Int64Exact(2)))
	forward.PreConfig = back
	forward.Check = resource.ComposeTestCheckFunc(attribute("version", "2"), attribute("published_version", "2"), attribute("stage", "Published"))
	reverted := acctest.Planned(one, address, plancheck.ResourceActionNoop)
	reverted.PreConfig = back
	acctest.Run(t,
		resource.TestStep{Config: one, Check: acctest.Attribute(address, "id", &id)},
		resource.TestStep{Config: two, Check: attribute("published_version", "2")},
		forward, acctest.Unchanged(two), reverted, acctest.Unchanged(one),
	)
	if n := d.Engine.Calls(worker.KindImage); n != 2 {
		t.Errorf("%d tests, want those of the two versions", n)
	}
}
