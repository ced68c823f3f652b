package image_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/acctest"
)

const address = "kiln_custom_image.x"

func TestMain(m *testing.M) { acctest.Main(m) }

// image is the image kiln_custom_image.x with its resource group; an argument that is empty is left out.
func image(arguments map[string]string) string {
	all := map[string]string{
		"name":       `"segmenter"`,
		"task_types": `["pyodps3", "shell"]`,
		"source":     `{ official = { image = "dataworks_pyodps_task_pod" } }`,
		"test":       `{ resource_group_id = kiln_resource_group.rg.id }`,
	}
	maps.Copy(all, arguments)
	text := acctest.Group + "resource \"kiln_custom_image\" \"x\" {\n"
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] != "" {
			text += "  " + name + " = " + all[name] + "\n"
		}
	}
	return text + "}\n"
}

// pinned is a list with one package of a version.
func pinned(version string) string {
	return `[{ type = "python3", names = ["jieba==` + version + `"] }]`
}

func known(attribute string, value knownvalue.Check) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func unknown(attributes ...string) []plancheck.PlanCheck {
	var checks []plancheck.PlanCheck
	for _, a := range attributes {
		checks = append(checks, plancheck.ExpectUnknownValue(address, tfjsonpath.New(a)))
	}
	return checks
}

func attribute(name, value string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttr(address, name, value)
}

// TestAccLifecycle: created, tested and published, read, imported by id and by name, changed without a new version, and gone at
// the end.
func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	script := "<<-EOT\n    set -x\n    echo 'a $HOME' > /opt/a\n  EOT\n"
	rich := map[string]string{
		"packages": "[\n{ type = \"apt\", names = [\"tree=2.1.0-1\"] },\n" +
			"{ type = \"python3\", names = [\"jieba==0.42.1\"], index = \"https://mirror.internal/simple\" },\n" +
			"{ type = \"script\", script = " + script + "  },\n]",
		"env": `{ LANG = "C.UTF-8", EMPTY = "" }`,
		"test": `{ resource_group_id = kiln_resource_group.rg.id
			commands = ["python3 -c 'import jieba'"]
			cu = 1 }`,
	}
	open := func(config string) string { return strings.ReplaceAll(config, `egress = "none"`, `egress = "public"`) } // for the index
	first := open(d.Provider() + image(rich))
	renamed := maps.Clone(rich)
	maps.Copy(renamed, map[string]string{
		"name": `"cutter"`, "description": `"cuts words"`, "visibility": `"public"`, "task_types": `["pyodps3"]`, "timeouts": `{ create = "1h" }`,
	})
	second := open(d.Provider() + image(renamed))
	acctest.Run(t,
		resource.TestStep{
			Config: first,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: append(
				unknown("id", "version", "published_version", "stage", "resolved_packages", "process_id"),
				known("region", knownvalue.StringExact("local")),
				known("input_hash", knownvalue.StringFunc(hash)), known("containerfile", knownvalue.StringFunc(from)),
				known("base_update_available", knownvalue.Bool(false)),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("source").AtMapKey("official").AtMapKey("version"),
					knownvalue.StringExact(acctest.OfficialVersion)),
			)},
			Check: resource.ComposeTestCheckFunc(
				attribute("version", "1"), attribute("published_version", "1"), attribute("stage", "Published"), attribute("status", "Available"),
				attribute("visibility", "private"), attribute("description", ""), attribute("publish", "true"), attribute("resolved_packages.#", "1"),
				attribute("resolved_packages.0.name", "pip"), attribute("size_bytes", strconv.Itoa(210<<20)),
				resource.TestCheckResourceAttrSet(address, "base_digest"), resource.TestCheckResourceAttrSet(address, "process_id"),
			),
		},
		acctest.Unchanged(first),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"packages.2.script"}},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateIdFunc: acctest.ImportID(address, "name"),
			ImportStateVerifyIgnore: []string{"packages.2.script"},
		},
		acctest.Planned(second, address, plancheck.ResourceActionUpdate,
			known("version", knownvalue.Int64Exact(1)), known("stage", knownvalue.StringExact("Published"))),
		acctest.Unchanged(second),
	)
	if n := d.Engine.Calls(worker.KindImage); n != 1 {
		t.Errorf("%d builds, want 1", n)
	}
	left, err := d.Client.Images(t.Context(), "")
	if err != nil || len(left) != 0 {
		t.Errorf("left = %v, %v; want none", left, err)
	}
}

// TestAccEmptyScript: an empty script, and none, are the same recipe. Taking it away along with a name that is there
// twice is no new version.
func TestAccEmptyScript(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	empty := d.Provider() + image(map[string]string{"packages": `[{ type = "python3", names = ["jieba==0.42.1", "jieba==0.42.1"], script = "" }]`})
	none := d.Provider() + image(map[string]string{"packages": pinned("0.42.1")})
	acctest.Run(t,
		resource.TestStep{Config: empty},
		acctest.Unchanged(empty),
		acctest.Planned(none, address, plancheck.ResourceActionUpdate, known("version", knownvalue.Int64Exact(1))),
		acctest.Unchanged(none),
		acctest.Planned(empty, address, plancheck.ResourceActionUpdate, known("version", knownvalue.Int64Exact(1))),
		acctest.Unchanged(empty),
	)
}

// TestAccVersions: another recipe makes a new version, the published one stays until then, and a reverted recipe goes back to
// its version without any work.
func TestAccVersions(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	first := d.Provider() + image(map[string]string{"packages": pinned("0.42.1")})
	second := d.Provider() + image(map[string]string{"packages": pinned("0.42.2")})
	builds := func(want int) resource.TestCheckFunc {
		return resource.TestCheckResourceAttrWith(address, "id", func(string) error {
			if n := d.Engine.Calls(worker.KindImage); n != want {
				t.Errorf("%d builds, want %d", n, want)
			}
			return nil
		})
	}
	forward := acctest.Planned(second, address, plancheck.ResourceActionUpdate, unknown("version", "published_version", "stage")...)
	forward.Check = resource.ComposeTestCheckFunc(attribute("version", "2"), attribute("published_version", "2"), builds(2))
	back := acctest.Planned(first, address, plancheck.ResourceActionUpdate, known("version", knownvalue.Int64Exact(1)),
		known("published_version", knownvalue.Int64Exact(1)), known("stage", knownvalue.StringExact("Published")))
	back.Check = resource.ComposeTestCheckFunc(attribute("version", "1"), attribute("published_version", "1"), builds(2))
	acctest.Run(t,
		resource.TestStep{Config: first, Check: resource.ComposeTestCheckFunc(attribute("version", "1"), builds(1))},
		forward, acctest.Unchanged(second), back, acctest.Unchanged(first),
	)
}

// TestAccDrift: what was deleted behind Terraform's back is created again, and what was changed is changed back.
func TestAccDrift(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + image(map[string]string{"packages": pinned("0.42.1")})
	var id string
	changed := acctest.Planned(config, address, plancheck.ResourceActionUpdate, known("version", knownvalue.Int64Exact(1)))
	changed.PreConfig = func() {
		i, err := d.Client.Image(t.Context(), id, "")
		if err != nil {
			t.Error(err)
		}
		i.Spec.Recipe.Packages = nil
		i.Spec.Description = "changed by hand"
		d.Update(i)
	}
	changed.Check = resource.ComposeTestCheckFunc(attribute("version", "1"), attribute("packages.#", "1"), attribute("description", ""))
	gone := acctest.Planned(config, address, plancheck.ResourceActionCreate)
	gone.PreConfig = func() {
		if err := d.Client.DeleteImage(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	acctest.Run(t, resource.TestStep{Config: config, Check: acctest.Attribute(address, "id", &id)}, changed, gone, acctest.Unchanged(config))
}

// TestAccPublish: publish = false leaves a tested version alone; true publishes it without another test.
func TestAccPublish(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	no := d.Provider() + image(map[string]string{"publish": "false"})
	yes := d.Provider() + image(nil)
	publish := acctest.Planned(yes, address, plancheck.ResourceActionUpdate, known("version", knownvalue.Int64Exact(1)))
	publish.Check = resource.ComposeTestCheckFunc(attribute("stage", "Published"), attribute("published_version", "1"))
	acctest.Run(t,
		resource.TestStep{Config: no, Check: resource.ComposeTestCheckFunc(
			attribute("stage", "Unpublished"), resource.TestCheckNoResourceAttr(address, "published_version"),
		)},
		acctest.Unchanged(no),
		publish,
	)
	if n := d.Engine.Calls(worker.KindImage); n != 1 {
		t.Errorf("%d builds, want 1", n)
	}
}

// TestAccUnpublishRefused: there is no way back, and nothing is written when one asks for it.
func TestAccUnpublishRefused(t *testing.T) {
	t.Parallel()
	cli := acctest.Start(t).CLI(t)
	cli.Config(image(nil))
	cli.Apply()
	cli.Config(image(map[string]string{"publish": "false"}))
	cli.RefusePlan(acctest.Refusal{Code: problem.CannotUnpublish, Field: "publish", Says: []string{"terraform taint ADDRESS"}})
}

// TestAccUnpublish: what the refusal to unpublish advises works.
func TestAccUnpublish(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	anew := acctest.Planned(d.Provider()+image(map[string]string{"publish": "false"}), address, plancheck.ResourceActionReplace)
	anew.Taint = []string{address}
	anew.Check = resource.ComposeTestCheckFunc(attribute("stage", "Unpublished"), resource.TestCheckNoResourceAttr(address, "published_version"))
	acctest.Run(t, resource.TestStep{Config: d.Provider() + image(nil)}, anew)
}
