package image_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccDataSources: images are found by name, stage, visibility and task type, and one of them with its versions.
func TestAccDataSources(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	few := acctest.Group + `
resource "kiln_custom_image" "x" {
  name       = "segmenter"
  task_types = ["pyodps3"]
  visibility = "public"
  source     = { official = { image = "dataworks_pyodps_task_pod" } }
  packages   = [{ type = "python3", names = ["jieba==VERSION"] }]
  test       = { resource_group_id = kiln_resource_group.rg.id }
}
resource "kiln_workspace" "w" { name = "w" }
resource "kiln_image_workspace_binding" "x" {
  image_id     = kiln_custom_image.x.id
  workspace_id = kiln_workspace.w.id
}
resource "kiln_custom_image" "y" {
  count      = 2
  depends_on = [kiln_custom_image.x]
  name       = "draft_${count.index}"
  task_types = ["shell"]
  source     = { official = { image = "dataworks_shell_task_pod" } }
  publish    = false
  test       = { resource_group_id = kiln_resource_group.rg.id }
}
`
	look := `
data "kiln_custom_image" "x" { name = "segmenter" }
data "kiln_custom_image" "id" { id = data.kiln_custom_image.x.id }
data "kiln_custom_images" "all" {}
data "kiln_custom_images" "named" { name_contains = "draft" }
data "kiln_custom_images" "published" { stages = ["Published"] }
data "kiln_custom_images" "public" { visibilities = ["public"] }
data "kiln_custom_images" "python" { task_types = ["pyodps3", "python"] }
data "kiln_custom_images" "bound" { workspace_ids = [kiln_image_workspace_binding.x.workspace_id] }
data "kiln_custom_images" "newest" {
  order_by   = "created"
  descending = true
}
data "kiln_custom_images" "none" {
  name_contains = "draft"
  stages        = ["Published"]
}
`
	acctest.Run(t,
		resource.TestStep{Config: d.Provider() + strings.Replace(few, "VERSION", "0.42.1", 1)},
		resource.TestStep{Config: d.Provider() + strings.Replace(few, "VERSION", "0.42.2", 1)},
		resource.TestStep{Config: d.Provider() + strings.Replace(few, "VERSION", "0.42.2", 1) + look, Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttrPair("data.kiln_custom_image.x", "id", address, "id"),
			resource.TestCheckResourceAttrPair("data.kiln_custom_image.id", "containerfile", address, "containerfile"),
			resource.TestCheckResourceAttr("data.kiln_custom_image.id", "name", "segmenter"),
			resource.TestCheckResourceAttr("data.kiln_custom_image.x", "published_version", "2"),
			resource.TestCheckResourceAttr("data.kiln_custom_image.x", "versions.#", "2"),
			resource.TestCheckResourceAttr("data.kiln_custom_image.x", "versions.0.number", "1"),
			resource.TestCheckResourceAttr("data.kiln_custom_image.x", "versions.0.stage", "Published"),
			resource.TestCheckResourceAttrSet("data.kiln_custom_image.x", "versions.1.tested_at"),
			resource.TestCheckResourceAttrPair("data.kiln_custom_image.x", "versions.1.input_hash", address, "input_hash"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.all", "images.#", "3"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.named", "images.#", "2"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.named", "images.0.name", "draft_0"),
			resource.TestCheckNoResourceAttr("data.kiln_custom_images.named", "images.0.published_version"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.published", "images.#", "1"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.public", "images.0.name", "segmenter"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.python", "images.#", "1"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.bound", "images.#", "1"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.bound", "images.0.name", "segmenter"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.newest", "images.2.name", "segmenter"),
			resource.TestCheckResourceAttr("data.kiln_custom_images.none", "images.#", "0"),
		)},
	)
	cli := d.CLI(t)
	cli.Config(`data "kiln_custom_image" "x" { name = "nobody" }`)
	cli.RefusePlan(acctest.Refusal{Code: problem.NotFound, Doing: "read image nobody", Field: "id", Says: []string{"Value: nobody"}})
}

// TestAccDataSourceArguments: arguments that choose nothing are refused in the plan.
func TestAccDataSourceArguments(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	acctest.Run(t,
		acctest.Refused(d.Provider()+`data "kiln_custom_images" "x" { stages = ["Sleeping"] }`, "stages", `"Sleeping"`),
		acctest.Refused(d.Provider()+`data "kiln_custom_images" "x" { order_by = "size" }`, "order_by", `"size"`),
		acctest.Refused(d.Provider()+`data "kiln_custom_images" "x" { workspace_ids = ["ws-none"] }`, "NotFound", "Field: workspace_ids", "ws-none"),
		acctest.Refused(d.Provider()+`data "kiln_custom_image" "x" {}`, `[id,name]`),
	)
}

// TestAccDataSourceRefused: what no image can have is refused as everything else is.
func TestAccDataSourceRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	for argument, want := range map[string][]string{
		`stages = ["Failed"]`:         {"Field: stages", "Value: Failed", "Published"},
		`visibilities = ["everyone"]`: {"Field: visibilities", "Value: everyone", "public"},
		`task_types = ["perl"]`:       {"Field: task_types", "Value: perl", "pyodps3"},
		`order_by = "size"`:           {"Field: order_by", "Value: size", "created"},
	} {
		config := d.Provider() + "data \"kiln_custom_images\" \"x\" { " + argument + " }\n"
		acctest.Run(t, acctest.Refused(config, append(append([]string{"InvalidParameter"}, want...), "Choose values of this list.")...))
	}
}
