package image_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/provider/acctest"
)

// official is a source of this image; a version may be added.
func official(name, further string) string {
	return `{ official = { image = "` + name + `"` + further + ` } }`
}

// TestAccRefusedConfiguration: what needs no daemon is refused without one, at the attribute that is wrong.
func TestAccRefusedConfiguration(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	d.Stop()
	group := `{ resource_group_id = kiln_resource_group.rg.id`
	for name, tt := range map[string]struct {
		argument, value string
		want            []string
	}{
		"ExactlyOneSource":     {"source", "", []string{"Error: ExactlyOneSource", "Field: source"}},
		"ExactlyOneSourceNone": {"source", "{}", []string{"Error: ExactlyOneSource", "Field: source"}},
		"InvalidName":          {"name", `"My-Image"`, []string{"Error: InvalidName", "Field: name", `for example "my_image"`}},
		"Description":          {"description", `"` + strings.Repeat("x", 129) + `"`, []string{"Error: InvalidParameter", "Field: description"}},
		"Visibility":           {"visibility", `"team"`, []string{"Error: InvalidParameter", "Field: visibility", "private, public"}},
		"EmptyTaskTypes":       {"task_types", "[]", []string{"Error: EmptyTaskTypes", "Field: task_types"}},
		"TaskType":             {"task_types", `["cobol"]`, []string{"Error: TaskTypeNotSupported", "Field: task_types", "Value: cobol"}},
		"PackageType": {
			"packages", `[{ type = "conda", names = ["git"] }]`,
			[]string{"Error: InvalidPackageType", "Field: packages[0].type", "apt, yum, python2, python3, script"},
		},
		"Requirement": {
			"packages", `[{ type = "apt", names = ["git=1:2.39", "rm -rf /"] }]`,
			[]string{"Error: InvalidRequirement", "Field: packages[0].names[1]", "rm -rf /"},
		},
		"PipIncompatible": {
			"packages", `[{ type = "python2", names = ["six==1.16.0", "pip>=21"] }]`,
			[]string{"Error: PipIncompatible", "Field: packages[0].names[1]", "Value: pip>=21", "pip==20.3.4"},
		},
		"NoNames":     {"packages", `[{ type = "apt" }]`, []string{"Error: MissingRequired", "Field: packages[0].names"}},
		"EmptyScript": {"packages", `[{ type = "script", script = " " }]`, []string{"Error: EmptyScript", "Field: packages[0].script"}},
		"ScriptAndNames": {
			"packages", `[{ type = "script", script = "x", names = ["y"] }]`, []string{"Error: ConflictingAttribute", "Field: packages[0].names"},
		},
		"Index": {
			"packages", `[{ type = "apt", names = ["git=1"], index = "https://i" }]`, []string{"Error: ConflictingAttribute", "Field: packages[0].index"},
		},
		"FileTarget": {
			"files", `[{ content = "x", target = "/proc/x" }]`, []string{"Error: InvalidFile", "Field: files[0].target", "outside of /dev"},
		},
		"FileMode": {"files", `[{ content = "x", target = "/a", mode = "999" }]`, []string{"Error: InvalidFile", "Field: files[0].mode"}},
		"FileTwice": {
			"files", `[{ content = "x", target = "/a" }, { content = "y", target = "/a" }]`, []string{"Error: InvalidFile", "Field: files[1].target"},
		},
		"FileWithout": {"files", `[{ target = "/a" }]`, []string{"Error: MissingRequired", "Field: files[0].source"}},
		"FileBoth": {
			"files", `[{ source = "a", content = "x", target = "/a" }]`, []string{"Error: ConflictingAttribute", "Field: files[0].content"},
		},
		"EmptyVersion": {
			"source", official(acctest.Official, `, version = ""`), []string{"Error: InvalidParameter", "Field: source.official.version", "newest one"},
		},
		"EnvNull": {"env", `{ A = null }`, []string{"Error: InvalidEnv", `Field: env["A"]`}},
		"EnvLarge": {
			"env", `{ A = join("", [for n in range(1000) : "0123456789012345678901234567890123456789"]) }`,
			[]string{"Error: InvalidEnv", `Field: env["A"]`, "40001 bytes", "32768 bytes"},
		},
		"ScriptsLarge": {
			"packages", `[for n in range(20) : { type = "script", script = "true # ${join("", [for m in range(880) : "0123456789012345678901234567890123456789012345678901234567890123"])}" }]`,
			[]string{"Error: RequestTooLarge", "Field: packages", "921600 bytes in all"},
		},
		"Env":     {"env", `{ "A-B" = "x" }`, []string{"Error: InvalidEnv", `Field: env["A-B"]`}},
		"CU":      {"test", group + "\ncu = 0.3 }", []string{"Error: InvalidCu", "Field: test.cu", "0.3"}},
		"Command": {"test", group + "\ncommands = [\"\"] }", []string{"Error: InvalidParameter", "Field: test.commands"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acctest.Run(t, acctest.Refused(d.Provider()+image(map[string]string{tt.argument: tt.value}), tt.want...))
		})
	}
}

// TestAccRefusedByCatalogue: what the catalogue, the region's policy or the resource group do not admit is refused in the plan.
func TestAccRefusedByCatalogue(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	with := func(arguments map[string]string) string { return d.Provider() + image(arguments) }
	apt := `[{ type = "apt", names = ["git"] }]`
	exclusive := strings.ReplaceAll(with(nil), "cu         = 2", "cu = 2\ntype = \"exclusive_scheduler\"")
	acctest.Run(t,
		acctest.Refused(with(map[string]string{"source": official("nowhere", "")}),
			"Error: OfficialImageNotFound", "Field: source.official.image", "Value: nowhere", "dataworks_pyodps_task_pod"),
		acctest.Refused(with(map[string]string{"source": official("dataworks_shell_rpm_task_pod", ""), "task_types": `["shell"]`}),
			"Error: OfficialImageUnavailable", "Field: source.official.image", "Value: dataworks_shell_rpm_task_pod", "catalogue.rpm_mirror"),
		acctest.Refused(with(map[string]string{"source": official(acctest.Official, `, version = "19990101"`)}),
			"Error: VersionNotFound", "Field: source.official.version", "Value: 19990101", acctest.OfficialVersion),
		acctest.Refused(with(map[string]string{"task_types": `["pyodps3", "cdh"]`}),
			"Error: TaskTypeNotSupported", "Field: task_types", "Value: cdh", "pyodps3, shell"),
		acctest.Refused(with(map[string]string{
			"source": official("dataworks_shell_task_pod", ""), "task_types": `["shell"]`, "packages": pinned("0.42.1"),
		}), "Error: RuntimeMissing", "Field: packages[0].type", "python3"),
		acctest.Refused(with(map[string]string{"packages": `[{ type = "python3", names = ["a==1", "jieba"] }, { type = "apt", names = ["git"] }]`}),
			"Error: UnpinnedPackage", "Field: packages[0].names[1]", "Value: jieba", "Error: UnpinnedPackage", "Field: packages[1].names[0]"),
		acctest.Refused(with(map[string]string{"packages": apt}), "Error: UnpinnedPackage"),
		resource.TestStep{Config: d.Provider() + acctest.Group},
		acctest.Refused(with(map[string]string{"test": `{ resource_group_id = "rg-none" }`}),
			"Error: NotFound", "Field: test.resource_group_id", "Value: rg-none"),
		acctest.Refused(with(map[string]string{"test": `{ resource_group_id = "default" }`}),
			"Error: NotFound", "Field: test.resource_group_id", "not its name"),
		acctest.Refused(with(map[string]string{"test": "{ resource_group_id = kiln_resource_group.rg.id\ncu = 4 }"}),
			"Error: CuExceedsResourceGroup", "Field: test.cu", "Value: 4", "2 (resource group default)"),
		resource.TestStep{
			Config: exclusive, ExpectError: acctest.Words("Error: ResourceGroupTypeNotSupported", "Field: test.resource_group_id"),
		},
	)
	if n := d.Engine.Calls(worker.KindImage); n != 0 {
		t.Errorf("%d builds, want none", n)
	}
}

// TestAccGroupShrinks: a resource group that the plan makes too small for what it does not change is refused, and what others run in
// it is warned of.
func TestAccGroupShrinks(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli, others := d.CLI(t), d.CLI(t)
	config := func(group, cu string) string {
		text := image(map[string]string{"test": "{ resource_group_id = kiln_resource_group.rg.id\ncu = " + cu + " }"})
		return strings.ReplaceAll(text, "cu         = 2", "cu = "+group)
	}
	cli.Config(config("2", "2"))
	cli.Apply()
	cli.Config(config("1", "2"))
	output, code := cli.Run("plan", "-no-color")
	if code != 1 || !acctest.Words("Error: CuExceedsResourceGroup", "Field: test.cu", "Value: 2", "1 (resource group default)").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
	cli.Config(config("1", "1"))
	cli.Apply() // both get smaller
	group, _ := cli.Attributes("kiln_resource_group.rg")
	lone := image(map[string]string{"name": `"other"`, "test": fmt.Sprintf("{ resource_group_id = %q\ncu = 1 }", group["id"])})
	others.Config(strings.TrimPrefix(lone, acctest.Group))
	others.Apply()
	cli.Config(config("0.5", "0.5"))
	output, code = cli.Run("plan", "-no-color")
	if code != 0 || !acctest.Words("Warning: CuExceedsResourceGroup", "Field: cu", "image other (1)").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}

// TestAccGroupGrows: a resource group that the same plan enlarges is judged as it will be.
func TestAccGroupGrows(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	big := image(map[string]string{"test": "{ resource_group_id = kiln_resource_group.rg.id\ncu = 4 }"})
	acctest.Run(t,
		resource.TestStep{Config: d.Provider() + acctest.Group},
		resource.TestStep{Config: d.Provider() + strings.ReplaceAll(big, "cu         = 2", "cu = 4"), Check: attribute("test.cu", "4")},
	)
}

// TestAccPinning: the region's policy may warn, or say nothing.
func TestAccPinning(t *testing.T) {
	t.Parallel()
	for policy, warnings := range map[string]int{"warn": 1, "off": 0} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			d := acctest.Start(t, func(c *daemon.Config) { c.VersionPinning = policy })
			cli := d.CLI(t)
			cli.Config(image(map[string]string{"packages": `[{ type = "apt", names = ["git"] }]`}))
			output, code := cli.Run("plan", "-no-color")
			if code != 0 || strings.Count(output, "Warning: UnpinnedPackage") != warnings {
				t.Errorf("plan ended with %d:\n%s", code, output)
			}
			cli.Apply()
		})
	}
}

// TestAccPlain: an image that adds nothing to its base is planned with a warning, one with a variable without.
func TestAccPlain(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	for env, warnings := range map[string]int{"": 1, `{ A = "1" }`: 0} {
		cli := d.CLI(t)
		cli.Config(image(map[string]string{"env": env}))
		if output, code := cli.Run("plan", "-no-color"); code != 0 || strings.Count(output, "Warning: NoCustomisation") != warnings {
			t.Errorf("plan ended with %d:\n%s", code, output)
		}
	}
}

// TestAccPackageChanges: a plan says how the named packages change, and suggests the version that the last test has found.
func TestAccPackageChanges(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t, func(c *daemon.Config) { c.VersionPinning = "warn" })
	cli := d.CLI(t)
	cli.Config(image(map[string]string{"packages": pinned("0.42.0")}))
	cli.Apply()
	cli.Config(image(map[string]string{"packages": `[{ type = "python3", names = ["jieba==0.42.1", "pip"] }]`}))
	output, code := cli.Run("plan", "-no-color")
	if code != 0 || !acctest.Words(`+ "~ jieba 0.42.0 -> 0.42.1",`, `+ "+ pip",`).MatchString(output) || !acctest.Words("Write pip==23.0.1").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
	cli.Apply()
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 0 {
		t.Errorf("another plan ended with %d:\n%s", code, output)
	}
}

// TestAccNetwork: packages that the network of the test surely keeps from where they come from are refused in the plan, as the plan
// will have the network; and by the daemon, when the plan could not know.
func TestAccNetwork(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t, func(c *daemon.Config) {
		c.Indexes, c.Catalogue.Mirror, c.Catalogue.Internal = nil, "http://mirror.internal/debian", false
	})
	restricted := func(config, allow string) string {
		return d.Provider() + strings.ReplaceAll(config, `egress = "none"`, `egress = "restricted"`+"\n  allow = ["+allow+"]")
	}
	pip := image(map[string]string{"packages": pinned("0.42.1")})
	apt := image(map[string]string{"packages": `[{ type = "apt", names = ["git=1"] }]`})
	index := image(map[string]string{
		"packages": `[{ type = "python3", names = ["jieba==0.42.1"], index = "https://pypi.internal/simple" }]`,
	})
	script := image(map[string]string{"packages": `[{ type = "script", script = "pip3 install -i https://pypi.internal/simple jieba==0.42.1" }]`})
	refused := func(config, field, host string) resource.TestStep {
		return acctest.Refused(config, "Error: PublicAccessRequired", "does not reach "+host, "Field: "+field, "Value: "+host, "network closed reaches")
	}
	acctest.Run(t,
		// All of it is new: only the daemon knows.
		resource.TestStep{Config: d.Provider() + pip, ExpectError: acctest.Words(
			"Error: PublicAccessRequired", "Field: packages[0].type", "Value: pypi.org:443")},
		refused(d.Provider()+pip, "packages[0].type", "pypi.org:443"),
		refused(d.Provider()+apt, "packages[0].type", "mirror.internal:80"),
		refused(restricted(pip, `"mirror.internal:80"`), "packages[0].type", "pypi.org:443"),
		refused(restricted(index, `"pypi.internal:80"`), "packages[0].index", "pypi.internal:443"),
		refused(restricted(script, `"mirror.internal:80"`), "packages[0].script", "pypi.internal:443"),
		// The same plan opens the network.
		acctest.Planned(restricted(index, `"pypi.internal"`), address, plancheck.ResourceActionCreate),
		// And closes it: what is there stays, and nothing else can come.
		acctest.Planned(d.Provider()+image(map[string]string{
			"packages":    `[{ type = "python3", names = ["jieba==0.42.1"], index = "https://pypi.internal/simple" }]`,
			"description": `"no new test"`,
		}), address, plancheck.ResourceActionUpdate),
		refused(d.Provider()+script, "packages[0].script", "pypi.internal:443"),
	)
	if n := d.Engine.Calls(worker.KindImage); n != 1 {
		t.Errorf("%d builds, want 1", n)
	}
}

// TestAccScript: a script is judged in the plan: what it installs without a version, what cannot work, what cannot be told.
func TestAccScript(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	for script, want := range map[string][]string{
		"pip3 install pandas==1.5.3":   nil,
		"pip3 install pandas":          {"Error: UnpinnedPackage", "Line 1, column 14", "pandas==VERSION"},
		"wget git":                     {"Error: InvalidDownloadUrl"},
		"pip3 install urllib3<2.0":     {"Error: UnquotedShellRedirection"},
		"pip3 install $(cat the-list)": {"Warning: CannotAnalyse"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			cli := d.CLI(t)
			cli.Config(image(map[string]string{"packages": fmt.Sprintf("[{ type = \"script\", script = %q }]", script)}))
			output, code := cli.Run("plan", "-no-color")
			refused := len(want) > 0 && strings.HasPrefix(want[0], "Error")
			if (code != 0) != refused || !acctest.Words(want...).MatchString(output) {
				t.Errorf("plan ended with %d:\n%s", code, output)
			}
		})
	}
}

// TestAccNameConflict: a name that an image outside of this state has is refused in the plan, with how to take it over.
func TestAccNameConflict(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	first, second := d.CLI(t), d.CLI(t)
	script := map[string]string{"packages": "[{ type = \"script\", script = <<-EOT\n    true\n  EOT\n  }]"}
	first.Config(image(script))
	first.Apply()
	group, _ := first.Attributes("kiln_resource_group.rg")
	script["test"] = fmt.Sprintf("{ resource_group_id = %q }", group["id"])
	lone := strings.TrimPrefix(image(script), acctest.Group)
	second.Config(lone)
	output, code := second.Run("plan", "-no-color")
	if code != 1 || !acctest.Words("Error: NameConflict", "Field: name", "terraform import ADDRESS img-").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
	script["name"] = `"another"`
	second.Config(strings.TrimPrefix(image(script), acctest.Group))
	second.Apply()
	second.Config(lone)
	output, code = second.Run("plan", "-no-color")
	if code != 1 || !acctest.Words("Error: NameConflict", "Field: name", "Value: segmenter").MatchString(output) {
		t.Errorf("the plan of another name ended with %d:\n%s", code, output)
	}
	twice := strings.Replace(lone, "{\n", "{\n  count = 2\n", 1)
	third := d.CLI(t)
	third.Config(strings.ReplaceAll(twice, `"segmenter"`, `"fresh"`))
	output, code = third.Run("plan", "-no-color")
	if code != 1 || !acctest.Words("Error: NameConflict", "Field: name", "Value: fresh", "one of them").MatchString(output) {
		t.Errorf("the plan of one name for two ended with %d:\n%s", code, output)
	}
	second.Config("")
	second.Apply()
	second.Config(lone + "import {\n  to = " + address + "\n  id = \"segmenter\"\n}\n")
	output, code = second.Run("plan", "-no-color")
	if code != 0 || !acctest.Words("Plan: 1 to import, 0 to add, 0 to change, 0 to destroy").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}

// TestAccUnknown: what depends on other resources is judged as far as it is known, and again when it is.
func TestAccUnknown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := func(version, further string) string {
		return d.Provider() + `
resource "terraform_data" "later" { input = { version = "` + version + `", lines = ["jieba==` + version + `"], base = "` + acctest.Official + `" } }
` + image(map[string]string{
			"name":     `"img_${terraform_data.later.output.version}"`,
			"source":   `{ official = { image = terraform_data.later.output.base } }`,
			"packages": `[{ type = "python3", names = ["x==1", "jieba==${terraform_data.later.output.version}"` + further + `] }, { type = "python3", names = terraform_data.later.output.lines }]`,
			"files":    `[{ content = terraform_data.later.output.version, target = "/opt/${terraform_data.later.output.version}" }]`,
			"env":      `{ VERSION = terraform_data.later.output.version }`,
			"test":     "{ resource_group_id = kiln_resource_group.rg.id\ncommands = [terraform_data.later.output.version] }",
		})
	}
	first := acctest.Planned(config("1", ""), address, plancheck.ResourceActionCreate,
		append(unknown("input_hash", "containerfile", "name"),
			plancheck.ExpectUnknownValue(address, tfjsonpath.New("source").AtMapKey("official").AtMapKey("version")),
			plancheck.ExpectUnknownValue(address, tfjsonpath.New("files").AtSliceIndex(0).AtMapKey("sha256")))...)
	first.Check = resource.ComposeTestCheckFunc(
		attribute("name", "img_1"), attribute("stage", "Published"), attribute("source.official.version", acctest.OfficialVersion),
	)
	acctest.Run(t,
		acctest.Refused(config("1", `, "rm -rf /"`), "Error: InvalidRequirement", "Field: packages[0].names[2]"),
		first,
		acctest.Unchanged(config("1", "")),
		acctest.Planned(config("2", ""), address, plancheck.ResourceActionUpdate, unknown("input_hash", "version")...),
		resource.TestStep{Config: config("$", ""), ExpectError: acctest.Words("InvalidRequirement")},
	)
}

// TestAccWhollyUnknown: whole lists, objects and maps may be unknown too.
func TestAccWhollyUnknown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + `
resource "terraform_data" "later" {
  input = {
    source     = ` + official(acctest.Official, "") + `
    task_types = ["shell"]
    packages   = [{ type = "apt", names = ["git=1"] }]
    one        = { type = "apt", names = ["git=1"] }
    files      = [{ content = "x", target = "/x" }]
    env        = { A = "b" }
    commands   = ["true"]
    publish    = true
  }
}
` + image(map[string]string{
		"task_types": `terraform_data.later.output.task_types`,
		"source":     `{ official = { image = terraform_data.later.output.source.official.image } }`,
		"packages":   `[{ type = "apt", names = ["curl=1"] }, { type = terraform_data.later.output.one.type, names = terraform_data.later.output.one.names }]`,
		"files":      `[for f in terraform_data.later.output.files : { content = f.content, target = f.target }]`,
		"env":        `terraform_data.later.output.env`,
		"test":       "{ resource_group_id = kiln_resource_group.rg.id\ncommands = terraform_data.later.output.commands }",
		"publish":    `terraform_data.later.output.publish`,
	})
	acctest.Run(t,
		resource.TestStep{Config: config, Check: resource.ComposeTestCheckFunc(
			attribute("packages.1.names.0", "git=1"), attribute("files.0.mode", "0644"), attribute("env.A", "b"), attribute("stage", "Published"),
		)},
		acctest.Unchanged(config),
	)
}

// TestAccSkipRemoteValidation: a plan without the daemon leaves open what only the daemon knows.
func TestAccSkipRemoteValidation(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	d.Stop()
	skip := d.Provider("skip_remote_validation = true")
	open, pinned := skip+image(nil), skip+image(map[string]string{"source": official(acctest.Official, `, version = "`+acctest.OfficialVersion+`"`)})
	plan := func(config string, checks ...plancheck.PlanCheck) resource.TestStep {
		return resource.TestStep{
			Config: config, PlanOnly: true, ExpectNonEmptyPlan: true, ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: checks},
		}
	}
	acctest.Run(t,
		plan(open, unknown("input_hash", "containerfile")...),
		plan(pinned, known("input_hash", knownvalue.StringFunc(hash))),
		resource.TestStep{PreConfig: d.Run, Config: open, Check: resource.ComposeTestCheckFunc(
			attribute("source.official.version", acctest.OfficialVersion), attribute("stage", "Published"), attribute("base_update_available", "false"),
		)},
		acctest.Unchanged(open),
		acctest.Unchanged(pinned),
	)
}

// TestAccBaseUpdate: a newer official image changes nothing by itself; it is shown, and used when its version is named.
func TestAccBaseUpdate(t *testing.T) {
	t.Parallel()
	newest := "20260202"
	site := map[string]string{"source": official(acctest.Site, ""), "task_types": `["shell"]`}
	d := acctest.Start(t)
	update := func() {
		d.Stop()
		d.Change(func(c *daemon.Config) {
			later := c.Catalogue.Images[0]
			later.Version = newest
			c.Catalogue.Images = append(c.Catalogue.Images, later)
		})
		d.Run()
	}
	config := d.Provider() + image(site)
	site["source"] = official(acctest.Site, `, version = "`+newest+`"`)
	next := acctest.Planned(d.Provider()+image(site), address, plancheck.ResourceActionUpdate,
		append(unknown("version", "base_digest"), known("base_update_available", knownvalue.Bool(false)))...)
	next.Check = resource.ComposeTestCheckFunc(attribute("version", "2"), attribute("source.official.version", newest))
	same := acctest.Unchanged(config)
	same.PreConfig, same.Check = update, resource.ComposeTestCheckFunc(
		attribute("base_update_available", "true"), attribute("source.official.version", acctest.SiteVersion),
	)
	acctest.Run(t, resource.TestStep{Config: config, Check: attribute("base_update_available", "false")}, same, next, acctest.Unchanged(config))
}

// TestAccPlanWritesNothing: two plans leave the daemon's database as it was, to the byte.
func TestAccPlanWritesNothing(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image(map[string]string{"packages": pinned("0.42.1")}))
	cli.Apply()
	cli.Config(image(map[string]string{"packages": pinned("0.42.2"), "files": `[{ content = "x", target = "/x" }]`}))
	sum := func() []byte {
		h := sha256.New()
		for _, name := range []string{"kiln.db", "kiln.db-wal"} {
			b, err := os.ReadFile(filepath.Join(d.DataDir, name))
			if err != nil {
				t.Fatal(err)
			}
			h.Write(b)
		}
		return h.Sum(nil)
	}
	before := sum()
	for range 2 {
		if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 2 {
			t.Fatalf("plan ended with %d:\n%s", code, output)
		}
	}
	if !bytes.Equal(before, sum()) {
		t.Error("the plans have changed the database")
	}
	files, err := os.ReadDir(filepath.Join(d.DataDir, "file"))
	if err != nil || len(files) != 0 {
		t.Errorf("files = %v, %v; want none", files, err)
	}
}
