package binding_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/provider/acctest"
)

const (
	address = "kiln_image_workspace_binding.x"
	image   = acctest.Group + `
resource "kiln_custom_image" "i" {
  name       = "segmenter"
  task_types = ["pyodps3"]
  source     = { official = { image = "` + acctest.Official + `" } }
  test       = { resource_group_id = kiln_resource_group.rg.id }
}
resource "kiln_workspace" "w" {
  count = 2
  name  = "w${count.index}"
}
`
)

func TestMain(m *testing.M) { acctest.Main(m) }

func binding(workspace string) string {
	return "resource \"kiln_image_workspace_binding\" \"x\" {\n  image_id = kiln_custom_image.i.id\n  workspace_id = " + workspace + "\n}\n"
}

// TestAccLifecycle: bound, read, imported by ids and by names, replaced for another workspace, and gone at the end.
func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	first := d.Provider() + image + binding("kiln_workspace.w[0].id")
	second := d.Provider() + image + binding("kiln_workspace.w[1].id")
	acctest.Run(t,
		resource.TestStep{Config: first, Check: resource.TestCheckResourceAttrSet(address, "id")},
		acctest.Unchanged(first),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: "segmenter/w0"},
		acctest.Planned(second, address, plancheck.ResourceActionDestroyBeforeCreate),
		acctest.Unchanged(second),
	)
	left, err := d.Client.Bindings(t.Context(), "", "")
	if err != nil || len(left) != 0 {
		t.Errorf("left = %v, %v; want none", left, err)
	}
}

// TestAccDisappears: a binding that was deleted behind Terraform's back is made again.
func TestAccDisappears(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + image + binding("kiln_workspace.w[0].id")
	var imageID, workspaceID string
	gone := acctest.Planned(config, address, plancheck.ResourceActionCreate)
	gone.PreConfig = func() {
		if err := d.Client.DeleteBinding(t.Context(), imageID, workspaceID); err != nil {
			t.Error(err)
		}
	}
	acctest.Run(t,
		resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(
			acctest.Attribute(address, "image_id", &imageID), acctest.Attribute(address, "workspace_id", &workspaceID),
		)},
		gone,
	)
}

// TestAccRefused: an image without a published version is refused in the plan when nothing in it will publish one; what is not
// there, and the deletion of what is bound, in the apply.
func TestAccRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	unpublished := d.Provider() + strings.Replace(image, "name       = \"segmenter\"", "name = \"segmenter\"\npublish = false", 1)
	var workspaceID string
	acctest.Run(t,
		resource.TestStep{Config: unpublished, Check: acctest.Attribute("kiln_workspace.w.0", "id", &workspaceID)},
		acctest.Refused(unpublished+binding("kiln_workspace.w[0].id"), "Error: ImageNotPublished", "Field: image_id", "Value: segmenter"),
		acctest.Refused(d.Provider()+image+binding(`"ws-none"`), "Error: NotFound", "Field: workspace_id", "Value: ws-none"),
		acctest.Refused(d.Provider()+image+strings.Replace(binding("kiln_workspace.w[0].id"), "kiln_custom_image.i.id", `"img-none"`, 1),
			"Error: NotFound", "Field: image_id", "Value: img-none"),
		resource.TestStep{Config: d.Provider() + image + binding("kiln_workspace.w[0].id")},
		resource.TestStep{
			Config: d.Provider() + image + binding("kiln_workspace.w[1].id"), ResourceName: address, ImportState: true, ImportStateId: "segmenter",
			ExpectError: acctest.Words(`Cannot import binding "segmenter": InvalidImportID`, "IMAGE/WORKSPACE"),
		},
		resource.TestStep{
			Config: d.Provider() + image + binding("kiln_workspace.w[1].id"), ResourceName: address, ImportState: true,
			ImportStateId: "segmenter/w1",
			ExpectError:   acctest.Words(`Cannot import binding "segmenter/w1": NotFound`),
		},
	)
}

// TestAccImageInUse: an image that a workspace uses is not deleted, and the refusal names the workspace.
func TestAccImageInUse(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	unmanaged := "removed {\n  from = " + address + "\n  lifecycle {\n    destroy = false\n  }\n}\n"
	var imageID, workspaceID string
	acctest.Run(t,
		resource.TestStep{Config: d.Provider() + image + binding("kiln_workspace.w[0].id"), Check: resource.ComposeTestCheckFunc(
			acctest.Attribute(address, "image_id", &imageID), acctest.Attribute(address, "workspace_id", &workspaceID),
		)},
		resource.TestStep{Config: d.Provider() + image + unmanaged},
		resource.TestStep{Config: d.Provider(), ExpectError: acctest.Words("Cannot delete image", "ImageInUse", "workspace w0")},
		resource.TestStep{
			PreConfig: func() {
				if err := d.Client.DeleteBinding(t.Context(), imageID, workspaceID); err != nil {
					t.Error(err)
				}
			},
			Config: d.Provider(),
		},
	)
}

// TestAccRegionMismatch: an image and a workspace of two regions are refused in the plan.
func TestAccRegionMismatch(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t, func(c *daemon.Config) { c.Regions = []daemon.Region{{Name: "east"}, {Name: "west"}} })
	cli := d.CLI(t)
	other := "provider \"kiln\" {\n  alias = \"west\"\n  region = \"west\"\n  endpoint = \"" + d.Endpoint + "\"\n}\n"
	there := other + strings.Replace(image, "count = 2\n", "count = 2\n  provider = kiln.west\n", 1)
	cli.Config(there)
	cli.Apply()
	cli.Config(there + binding("kiln_workspace.w[0].id"))
	output, code := cli.Run("plan", "-no-color")
	if code != 1 || !acctest.Words("Error: RegionMismatch", "Field: workspace_id", "Value: west", "Limit: east").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}
