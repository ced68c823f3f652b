package build_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccNetworkDiffers: baking on another network than the test had is a warning, unless it lets the same through.
func TestAccNetworkDiffers(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	other := `
resource "kiln_network" "other" {
  name   = "other"
  egress = "EGRESS"
}
resource "kiln_resource_group" "other" {
  name       = "other"
  network_id = kiln_network.other.id
  cu         = 2
}
`
	there := image("0.42.1", "") + other
	bake := strings.Replace(build(""), "kiln_resource_group.rg.id", "kiln_resource_group.other.id", 1)
	for _, test := range []struct {
		egress string
		warned bool
	}{{"public", true}, {"none", false}} {
		config := strings.Replace(there, "EGRESS", test.egress, 1)
		cli.Config(config)
		cli.Apply()
		cli.Config(config + bake)
		output, code := cli.Run("plan", "-no-color")
		want := acctest.Words("Warning: NetworkConfigDrift", "with kiln_persistent_build.x", "Field: resource_group_id",
			"Value: other ("+test.egress+")", "Limit: closed (none)")
		if code != 0 || want.MatchString(output) != test.warned {
			t.Errorf("%s: plan ended with %d:\n%s", test.egress, code, output)
		}
	}
}

// TestAccChangedElsewhere: a build that somebody else has turned to another version is told as such, and turned back.
func TestAccChangedElsewhere(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image("0.42.1", "") + build(""))
	cli.Apply()
	cli.Config(image("0.42.2", "") + build(""))
	cli.Apply()
	b, err := d.Client.Builds(t.Context(), "")
	if err != nil || len(b) != 1 {
		t.Fatalf("builds = %v, %v", b, err)
	}
	if _, err := d.Client.UpdateBuild(t.Context(), client.UpdateBuild{
		ID: b[0].ID, ImageVersion: 1, ResourceGroupID: b[0].ResourceGroupID, CU: b[0].CU,
	}); err != nil {
		t.Fatal(err)
	}
	output, code := cli.Run("plan", "-no-color", "-detailed-exitcode")
	if code != 2 || !acctest.Words("Warning: ChangedElsewhere", "image_version 2 -> 1, baked_version 2 -> 1, digest sha256:").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
	if err := d.Client.DeleteBuild(t.Context(), b[0].ID); err != nil {
		t.Fatal(err)
	}
	output, code = cli.Run("plan", "-no-color", "-detailed-exitcode")
	if code != 2 || !acctest.Words("Warning: NotFound", "persistent build is not there any more").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}
