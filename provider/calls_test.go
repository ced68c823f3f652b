package provider_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/provider/acctest"
)

// many is a number of images, each with a workspace, a binding and a persistent build of its own.
func many(n int) string {
	return acctest.Group + fmt.Sprintf(`
resource "kiln_workspace" "w" {
  count = %d
  name  = "w${count.index}"
}
resource "kiln_custom_image" "i" {
  count      = length(kiln_workspace.w)
  name       = "i${count.index}"
  task_types = ["pyodps3"]
  source     = { official = { image = %q } }
  packages   = [{ type = "python3", names = ["jieba==0.42.${count.index}"] }]
  test       = { resource_group_id = kiln_resource_group.rg.id }
}
resource "kiln_image_workspace_binding" "b" {
  count        = length(kiln_workspace.w)
  image_id     = kiln_custom_image.i[count.index].id
  workspace_id = kiln_workspace.w[count.index].id
}
resource "kiln_persistent_build" "p" {
  count             = length(kiln_workspace.w)
  image_id          = kiln_custom_image.i[count.index].id
  image_version     = kiln_custom_image.i[count.index].published_version
  resource_group_id = kiln_resource_group.rg.id
}
`, n, acctest.Official)
}

// TestAccCalls: a plan asks the daemon as often for thirty images as for two: once for each kind of thing.
func TestAccCalls(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	want := map[string]int{
		"GetInfo": 1, "GetSnapshot": 1, "ListBindings": 1, "ListBuilds": 1, "ListImages": 1, "ListNetworks": 1,
		"ListResourceGroups": 1, "ListWorkspaces": 1,
	}
	for _, n := range []int{2, 30} {
		cli.Config(many(n))
		cli.Apply()
		d.Calls()
		stable(t, cli)
		if diff := cmp.Diff(want, d.Calls()); diff != "" {
			t.Errorf("an unchanged plan of %d images:\n%s", n, diff)
		}
	}
	// What differs costs calls of its own: an image that is not where the state has it.
	i, err := d.Client.Image(t.Context(), "i7", "")
	if err != nil {
		t.Fatal(err)
	}
	i.Spec.Recipe.Packages[0].Names = []string{"jieba==0.41"}
	d.Update(i)
	d.Calls()
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 2 {
		t.Fatalf("plan ended with %d:\n%s", code, output)
	}
	more := d.Calls()
	if more["GetImage"]--; more["GetImage"] != 0 || more["ListImages"] != 1 {
		t.Errorf("calls = %v, want one question for the image that differs", more)
	}
	for _, procedure := range slices.Sorted(maps.Keys(more)) {
		if more[procedure] > 1 {
			t.Errorf("%s was called %d times", procedure, more[procedure])
		}
	}
}

// TestAccDestroyTellsUsers: a plan that deletes what is in use says by whom, and asks for that once.
func TestAccDestroyTellsUsers(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(many(1))
	cli.Apply()
	b, err := d.Client.Builds(t.Context(), "")
	if err != nil || len(b) != 1 {
		t.Fatalf("builds = %v, %v", b, err)
	}
	d.Calls()
	output, code := cli.Run("plan", "-destroy", "-no-color")
	if code != 0 {
		t.Fatalf("plan ended with %d:\n%s", code, output)
	}
	for _, want := range [][]string{
		{"Warning: ImageInUse", "with kiln_custom_image.i[0]", "Limit: used by persistent build " + b[0].ID + ", workspace w0", "If the same plan deletes"},
		{"Warning: WorkspaceInUse", "with kiln_workspace.w[0]", "Limit: used by image i0"},
		{"Warning: NetworkInUse", "with kiln_network.n", "Limit: used by resource group default"},
		{"Warning: ResourceGroupInUse", "with kiln_resource_group.rg", "Limit: used by image i0, persistent build " + b[0].ID},
	} {
		if !acctest.Words(want...).MatchString(output) {
			t.Errorf("the plan does not say %q", want)
		}
	}
	if n := d.Calls()["ListUsage"]; n != 1 {
		t.Errorf("asked %d times who uses what", n)
	}
	if t.Failed() {
		t.Log(output)
	}
	run(t, cli, "destroy", "-auto-approve", "-no-color")
	output, code = cli.Run("plan", "-destroy", "-no-color")
	if code != 0 || strings.Contains(output, "InUse") {
		t.Errorf("%d, and something is still in use:\n%s", code, output)
	}
}
