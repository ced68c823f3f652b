//go:build e2e

package e2e

import (
	"fmt"
	"strings"
)

// mirror is the package mirror of the official images.
const mirror = "deb.debian.org:80"

// surroundings is a network that reaches what is given, and a resource group on it, both of one name.
func surroundings(name string, allow ...string) string {
	egress := `egress = "none"`
	if len(allow) > 0 {
		egress = `egress = "restricted"` + "\n  allow = [\"" + strings.Join(allow, `", "`) + "\"]"
	}
	return fmt.Sprintf(`
resource "kiln_network" "test" {
  name = %q
  %s
}
resource "kiln_resource_group" "test" {
  name       = %q
  type       = "serverless"
  network_id = kiln_network.test.id
  cu         = 8
  time_zone  = "UTC"
}
`, name, egress, name)
}

// shellImage is an image over the smallest official one; what is given are arguments of the resource and of its test.
func shellImage(name, arguments, test string) string {
	return customImage(name, "dataworks_shell_task_pod", "shell", arguments, test)
}

func customImage(name, official, taskType, arguments, test string) string {
	return fmt.Sprintf(`
resource "kiln_custom_image" "test" {
  name       = %q
  task_types = [%q]
  source     = { official = { image = %q } }
  %s
  test = {
    resource_group_id = kiln_resource_group.test.id
    %s
  }
}
`, name, taskType, official, arguments, test)
}

// script is a packages argument with one script.
func script(text string) string {
	return "packages = [{ type = \"script\", script = <<-EOT\n" + text + "EOT\n  }]"
}

// persistentBuild bakes the image.
const persistentBuild = `
resource "kiln_persistent_build" "test" {
  image_id          = kiln_custom_image.test.id
  image_version     = kiln_custom_image.test.published_version
  resource_group_id = kiln_resource_group.test.id
}
`

// address of the image and of its persistent build in the configurations above.
const (
	imageAddress = "kiln_custom_image.test"
	buildAddress = "kiln_persistent_build.test"
)
