package quota_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/provider/acctest"
)

const address = "data.kiln_quota.x"

func TestMain(m *testing.M) { acctest.Main(m) }

// quota is the data source; it is read after whatever it depends on.
func quota(dependsOn string) string {
	return "data \"kiln_quota\" \"x\" {\n  depends_on = [" + dependsOn + "]\n}\n"
}

func attributes(values map[string]string) resource.TestCheckFunc {
	var checks []resource.TestCheckFunc
	for name, value := range values {
		checks = append(checks, resource.TestCheckResourceAttr(address, name, value))
	}
	return resource.ComposeTestCheckFunc(checks...)
}

// TestAccQuota: the limits are those of the region's edition, and what is used is counted when it is read.
func TestAccQuota(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t, func(c *daemon.Config) {
		c.Regions = []daemon.Region{{Name: "local", Edition: "basic"}, {Name: "east", Edition: "enterprise"}}
	})
	basic := map[string]string{
		"region": "local", "edition": "basic", "images_used": "0", "images_limit": "10", "builds_limit": "2", "persistent_builds": "false",
	}
	used := map[string]string{"images_used": "1", "images_limit": "10"}
	image := acctest.Group + `
resource "kiln_custom_image" "x" {
  name       = "counted"
  task_types = ["pyodps3"]
  source     = { official = { image = "` + acctest.Official + `" } }
  test       = { resource_group_id = kiln_resource_group.rg.id }
}
`
	acctest.Run(t,
		resource.TestStep{Config: d.Provider() + quota(""), Check: attributes(basic)},
		resource.TestStep{Config: d.Provider() + image + quota("kiln_custom_image.x"), Check: attributes(used)},
		acctest.Unchanged(d.Provider()+image+quota("kiln_custom_image.x")),
	)
	acctest.Run(t, resource.TestStep{Config: d.Provider(`region = "east"`) + quota(""), Check: attributes(map[string]string{
		"region": "east", "edition": "enterprise", "images_used": "0", "images_limit": "100", "builds_limit": "2", "persistent_builds": "true",
	})})
}

// TestAccDaemonDown: a quota that cannot be read is an error.
func TestAccDaemonDown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	d.Stop()
	acctest.Run(t,
		acctest.Refused(d.Provider("skip_remote_validation = true")+quota(""), "Cannot read the quota: DaemonUnavailable"),
	)
}
