package binding_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/internal/domain/problem"
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
	unpublished := strings.Replace(image, "name       = \"segmenter\"", "name = \"segmenter\"\npublish = false", 1)
	cli := d.CLI(t)
	refused := func(config string, want acctest.Refusal) {
		t.Helper()
		cli.Config(config)
		cli.RefusePlan(want)
	}
	imported := func(id string) string {
		return image + binding("kiln_workspace.w[1].id") + "import {\n  to = " + address + "\n  id = \"" + id + "\"\n}\n"
	}
	cli.Config(unpublished)
	cli.Apply()
	refused(unpublished+binding("kiln_workspace.w[0].id"), acctest.Refusal{
		Code: problem.ImageNotPublished, Field: "image_id", Says: []string{"Value: segmenter"},
	})
	refused(image+binding(`"ws-none"`), acctest.Refusal{Code: problem.NotFound, Field: "workspace_id", Says: []string{"No such workspace", "Value: ws-none"}})
	refused(image+strings.Replace(binding("kiln_workspace.w[0].id"), "kiln_custom_image.i.id", `"img-none"`, 1),
		acctest.Refusal{Code: problem.NotFound, Field: "image_id", Says: []string{"No such image", "Value: img-none"}})
	cli.Config(image)
	cli.Apply()
	refused(imported("segmenter"), acctest.Refusal{
		Code: problem.InvalidImportID, Doing: `import binding "segmenter"`, Field: "id", Says: []string{"IMAGE/WORKSPACE"},
	})
	refused(imported("segmenter/w1"), acctest.Refusal{Code: problem.NotFound, Doing: `import binding "segmenter/w1"`, Field: "id"})
}

// TestAccImageInUse: an image that a workspace uses is not deleted, and the refusal names the workspace.
func TestAccImageInUse(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image + binding("kiln_workspace.w[0].id"))
	cli.Apply()
	bound, _ := cli.Attributes(address)
	imageID, _ := bound["image_id"].(string)
	workspaceID, _ := bound["workspace_id"].(string)
	cli.Config(image + "removed {\n  from = " + address + "\n  lifecycle {\n    destroy = false\n  }\n}\n")
	cli.Apply()
	cli.Config(image[:strings.Index(image, `resource "kiln_custom_image"`)] + image[strings.Index(image, `resource "kiln_workspace"`):])
	cli.RefuseApply(acctest.Refusal{Code: problem.ImageInUse, Doing: "delete image " + imageID, Field: "id", Says: []string{"workspace w0"}})
	if err := d.Client.DeleteBinding(t.Context(), imageID, workspaceID); err != nil {
		t.Error(err)
	}
	cli.Apply()
}

// TestAccTaken: a binding that is there belongs to whoever made it: another configuration is refused, and told how to take it over.
// Where this may be an apply that replaces the binding, it is warned.
func TestAccTaken(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli, foreign := d.CLI(t), d.CLI(t)
	cli.Config(image + binding("kiln_workspace.w[0].id"))
	cli.Apply()
	bound, _ := cli.Attributes(address)
	imageID, _ := bound["image_id"].(string)
	workspaceID, _ := bound["workspace_id"].(string)
	there := strings.Replace(binding(`"`+workspaceID+`"`), "kiln_custom_image.i.id", `"`+imageID+`"`, 1)
	refusal := acctest.Refusal{
		Code: problem.NameConflict, Field: "workspace_id",
		Says: []string{"Value: " + workspaceID, "terraform import ADDRESS " + imageID + "/" + workspaceID},
	}
	foreign.Config(there)
	foreign.RefusePlan(refusal)
	foreign.Config(there + `resource "kiln_workspace" "mine" { name = "mine" }` + "\n")
	foreign.Run("apply", "-auto-approve", "-target=kiln_workspace.mine")
	foreign.RefuseApply(refusal) // whose plan has read what the state holds
	if output, code := cli.Run("apply", "-auto-approve", "-no-color", "-replace="+address); code != 0 {
		t.Errorf("apply ended with %d:\n%s", code, output)
	}
	if left, err := d.Client.Bindings(t.Context(), "", ""); err != nil || len(left) != 1 || left[0].WorkspaceID != workspaceID {
		t.Errorf("bound: %v, %v", left, err)
	}
}

// TestAccShared: two resources of one configuration do not get one binding.
func TestAccShared(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	one := binding("kiln_workspace.w[0].id")
	both := one + strings.Replace(one, `"x"`, `"y"`, 1)
	cli.Config(image + both) // no plan knows that the two are one
	if output, code := cli.Run("apply", "-auto-approve", "-no-color"); code != 1 || !acctest.Words("NameConflict").MatchString(output) {
		t.Errorf("apply ended with %d:\n%s", code, output)
	}
	if left, err := d.Client.Bindings(t.Context(), "", ""); err != nil || len(left) != 1 {
		t.Errorf("bound: %v, %v", left, err)
	}
	cli.RefusePlan(acctest.Refusal{Code: problem.NameConflict, Field: "workspace_id", Says: []string{"another one that is to be created would go on with it"}})
	cli.Config(image)
	cli.Apply()
	cli.Config(image + both)
	cli.RefusePlan(acctest.Refusal{Code: problem.NameConflict, Field: "workspace_id", Says: []string{"resources that are to be created would have"}})
	cli.Config(image + one)
	cli.Apply()
	cli.Config(image + strings.Replace(one, `"x"`, `"y"`, 1)) // another address, for the one that goes
	cli.Apply()
	if have, _ := cli.Attributes("kiln_image_workspace_binding.y"); have == nil {
		t.Error("the state has no binding")
	}
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
	cli.RefusePlan(acctest.Refusal{Code: problem.RegionMismatch, Field: "workspace_id", Says: []string{"Value: west", "Limit: east"}})
}
