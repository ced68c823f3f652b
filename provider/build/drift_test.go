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

// TestAccNetworkMoves: the network of the test is the one that the same plan gives to the image, and lets through what the same plan
// makes of it.
func TestAccNetworkMoves(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	other := strings.NewReplacer("rg", "other", `"n"`, `"m"`, "network.n", "network.m", `"closed"`, `"open"`, `"default"`, `"other"`, `"none"`, `"public"`)
	around := func(version string) string { return image(version, "") + other.Replace(acctest.Group) }
	move := strings.NewReplacer("kiln_resource_group.rg.id", "kiln_resource_group.other.id")
	cli.Config(around("0.42.1") + move.Replace(build("")))
	if output := cli.Apply(); !acctest.Words("Warning: NetworkConfigDrift", "with kiln_persistent_build.x", "Limit: closed (none)").MatchString(output) {
		t.Errorf("the apply of what is all new warns of nothing:\n%s", output)
	}
	cli.Config(around("0.42.1") + build(""))
	cli.Apply()
	for name, tt := range map[string]struct {
		config string
		want   []string // none: nothing is warned of
	}{
		"Image": {
			move.Replace(around("0.42.2")) + build(""),
			[]string{"Warning: NetworkConfigDrift", "with kiln_persistent_build.x", "Field: resource_group_id", "Value: closed (none)", "Limit: open (public)"},
		},
		"Build": {
			around("0.42.2") + move.Replace(build("")),
			[]string{"Warning: NetworkConfigDrift", "with kiln_persistent_build.x", "Value: open (public)", "Limit: closed (none)"},
		},
		"Both":   {move.Replace(around("0.42.2") + build("")), nil},
		"Opened": {strings.Replace(move.Replace(around("0.42.2"))+build(""), `"none"`, `"public"`, 1), nil},
	} {
		cli.Config(tt.config)
		output, code := cli.Run("plan", "-no-color")
		if code != 0 || strings.Contains(output, "NetworkConfigDrift") != (tt.want != nil) || !acctest.Words(tt.want...).MatchString(output) {
			t.Errorf("%s: plan ended with %d:\n%s", name, code, output)
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
