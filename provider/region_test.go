package provider_test

import (
	"fmt"
	"testing"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccRegionMismatch: what one resource names of another region is refused in the plan, wherever ids are named, and in the
// apply before anything is asked for when no plan could know the id.
func TestAccRegionMismatch(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t, func(c *daemon.Config) { c.Regions = []daemon.Region{{Name: "east"}, {Name: "west"}} })
	cli := d.CLI(t)
	there := "provider \"kiln\" {\n  alias = \"west\"\n  region = \"west\"\n  endpoint = \"" + d.Endpoint + "\"\n}\n" + acctest.Group + `
resource "kiln_network" "west" {
  provider = kiln.west
  name     = "western"
  egress   = "none"
}
resource "kiln_resource_group" "west" {
  provider   = kiln.west
  name       = "western"
  network_id = kiln_network.west.id
  cu         = 2
}
` + image("there", "kiln_resource_group.rg.id")
	unapplied := "resource \"kiln_network\" \"later\" {\n  provider = kiln.west\n  name = \"later\"\n  egress = \"none\"\n}\n"
	group := "resource \"kiln_resource_group\" \"x\" {\n  name = \"x\"\n  cu = 1\n  network_id = kiln_network.%s.id\n}\n"
	cli.Config(there)
	cli.Apply()
	for field, config := range map[string]string{
		"test.resource_group_id": image("x", "kiln_resource_group.west.id"),
		"network_id":             fmt.Sprintf(group, "west"),
		"network_ids": "resource \"kiln_registry\" \"x\" {\n  name = \"x\"\n  endpoint = \"registry.internal\"\n  edition = \"enterprise\"\n" +
			"  network_ids = [kiln_network.n.id, kiln_network.west.id]\n}\n",
		"resource_group_id": "resource \"kiln_persistent_build\" \"x\" {\n  image_id = kiln_custom_image.there.id\n  image_version = 1\n" +
			"  resource_group_id = kiln_resource_group.west.id\n}\n",
	} {
		cli.Config(there + config)
		cli.RefusePlan(acctest.Refusal{Code: problem.RegionMismatch, Field: field, Says: []string{"another region", "Value: west", "Limit: east"}})
	}
	cli.Config(there + unapplied + fmt.Sprintf(group, "later"))
	cli.FailApply(acctest.Refusal{Code: problem.RegionMismatch, Field: "network_id", Says: []string{"Value: west", "Limit: east"}})
}

// image is a custom image that is tested in a resource group.
func image(name, group string) string {
	return fmt.Sprintf("resource \"kiln_custom_image\" %q {\n  name = %q\n  task_types = [\"pyodps3\"]\n"+
		"  source = { official = { image = %q } }\n  test = { resource_group_id = %s }\n}\n", name, name, acctest.Official, group)
}
