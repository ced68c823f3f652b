package registry_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccDataSources: what a registry has is read with its user and password, through the networks that it is bound to or the one that
// is named, and a tag that moved is seen.
func TestAccDataSources(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	declared := d.Provider() + at("registry.internal:5000", stored)
	data := func(kind, arguments string) string {
		return declared + "data \"kiln_registry_" + kind + "\" \"d\" {\n  registry_id = kiln_registry.x.id\n" + arguments + "\n}\n"
	}
	list := func(kind, attribute string, want ...string) resource.TestCheckFunc {
		checks := []resource.TestCheckFunc{resource.TestCheckResourceAttr("data.kiln_registry_"+kind+".d", attribute+".#", string(rune('0'+len(want))))}
		for i, value := range want {
			checks = append(checks, resource.TestCheckResourceAttr("data.kiln_registry_"+kind+".d", attribute+"."+string(rune('0'+i)), value))
		}
		return resource.ComposeTestCheckFunc(checks...)
	}
	image := func(digest string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr("data.kiln_registry_image.d", "digest", "sha256:"+digest)
	}
	const one, nine = "1111111111111111111111111111111111111111111111111111111111111111", "9999999999999999999999999999999999999999999999999999999999999999"
	moved := resource.TestStep{Config: data("image", "repository = \"team/base\"\nreference = \"v1\""), Check: image(nine)}
	moved.PreConfig = func() { d.Upstream.Push("team/base:v1", "9") }
	acctest.Run(t,
		resource.TestStep{Config: data("repositories", ""), Check: resource.ComposeTestCheckFunc(
			list("repositories", "repositories", "single", "team/base"), list("repositories", "namespaces", "team"),
		)},
		resource.TestStep{Config: data("repositories", `namespace = "team"`), Check: list("repositories", "repositories", "team/base")},
		resource.TestStep{Config: data("repositories", `namespace = "nobody"`), Check: list("repositories", "repositories")},
		resource.TestStep{Config: data("tags", `repository = "team/base"`), Check: list("tags", "tags", "v1", "v2")},
		resource.TestStep{Config: data("tags", "repository = \"gone\"\nnetwork_id = kiln_network.n.id"), Check: list("tags", "tags")},
		resource.TestStep{Config: data("image", "repository = \"team/base\"\nreference = \"v1\""), Check: resource.ComposeTestCheckFunc(
			image(one), resource.TestCheckResourceAttr("data.kiln_registry_image.d", "size_bytes", "42"),
			resource.TestCheckResourceAttr("data.kiln_registry_image.d", "layers", "1"),
		)},
		acctest.Unchanged(data("image", "repository = \"team/base\"\nreference = \"v1\"")),
		moved,
		acctest.Refused(data("image", "repository = \"team/base\"\nreference = \"v3\""), "Cannot read the image", "ManifestUnknown", "Field: reference"),
		acctest.Refused(data("tags", "repository = \"team/base\"\nnetwork_id = \"net-other\""), "VpcNotBoundToRegistry", "Field: network_id", "net-other"),
		acctest.Refused(d.Provider()+"data \"kiln_registry_tags\" \"d\" {\n  registry_id = \"reg-none\"\n  repository = \"a\"\n}\n", "NotFound", "reg-none"),
	)
	asked := d.Upstream.Asked()
	if asked.Password != "c4nary" || asked.Registry.Credential.Username != "ci" || len(asked.Networks) != 1 || asked.Networks[0].Name != "registry" {
		t.Errorf("it was asked as %q with %q through %+v", asked.Registry.Credential.Username, string(asked.Password), asked.Networks)
	}
}
