package official_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/kilnhq/kiln/provider/acctest"
)

const address = "data.kiln_official_images.x"

func TestMain(m *testing.M) { acctest.Main(m) }

// TestAccFilters: all images, those of a name, those that serve a task type, and none.
func TestAccFilters(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	images := func(body string) string {
		return d.Provider() + "data \"kiln_official_images\" \"x\" {\n" + body + "\n}\n"
	}
	acctest.Run(t,
		acctest.Refused(images(`task_type = "cobol"`), "InvalidParameter", "Field: task_type", "Value: cobol", "Limit:", "pyodps2", "Choose values of this list."),
		resource.TestStep{Config: images(""), Check: resource.TestCheckResourceAttr(address, "images.#", "8")},
		resource.TestStep{Config: images(`name = "` + acctest.Official + `"`), Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttr(address, "images.#", "2"),
			resource.TestCheckResourceAttr(address, "images.0.task_types.0", "pyodps3"),
			resource.TestCheckResourceAttr(address, "images.1.version", acctest.OfficialVersion),
			resource.TestCheckResourceAttr(address, "images.1.task_types.0", "pyodps2"),
			resource.TestCheckResourceAttr(address, "images.1.default_for.0", "pyodps2"),
			resource.TestCheckResourceAttr(address, "images.1.provides.#", "3"),
			resource.TestCheckResourceAttr(address, "images.0.status", "ReadOnly"),
			resource.TestCheckResourceAttr(address, "images.0.available", "false"),
			resource.TestCheckNoResourceAttr(address, "images.0.size_bytes"),
		)},
		resource.TestStep{Config: images(`task_type = "python"`), Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttr(address, "images.#", "1"),
			resource.TestCheckResourceAttr(address, "images.0.name", "dataworks_python_task_pod"),
		)},
		resource.TestStep{
			Config: images("name = \"" + acctest.Site + "\"\ntask_type = \"python\""), Check: resource.TestCheckResourceAttr(address, "images.#", "0"),
		},
	)
}

// TestAccUnknown: a filter that is known after apply is applied then.
func TestAccUnknown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	acctest.Run(t, resource.TestStep{Config: d.Provider() + `
resource "terraform_data" "type" { input = "python" }
data "kiln_official_images" "x" { task_type = terraform_data.type.output }
`, Check: resource.TestCheckResourceAttr(address, "images.#", "1")})
}

// TestAccDaemonDown: a catalogue that cannot be read is an error.
func TestAccDaemonDown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	d.Stop()
	acctest.Run(t,
		acctest.Refused(d.Provider()+`data "kiln_official_images" "x" {}`, "Cannot connect to the daemon: DaemonUnavailable"),
		acctest.Refused(d.Provider("skip_remote_validation = true")+`data "kiln_official_images" "x" {}`,
			"Cannot read the catalogue of official images: DaemonUnavailable"),
	)
}
