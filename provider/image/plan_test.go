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
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/acctest"
)

// official is a source of this image; a version may be added.
func official(name, further string) string {
	return `{ official = { image = "` + name + `"` + further + ` } }`
}

// TestAccRefusedConfiguration: what needs no daemon is refused without asking one, at the attribute that is wrong, and nothing is written.
func TestAccRefusedConfiguration(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	t.Cleanup(func() {
		if calls := d.Calls(); len(calls) != 0 {
			t.Errorf("the daemon was asked: %v", calls)
		}
	})
	group := `{ resource_group_id = kiln_resource_group.rg.id`
	for name, tt := range map[string]struct {
		argument, value string
		want            acctest.Refusal
	}{
		"ExactlyOneSource":     {"source", "", acctest.Refusal{Code: problem.ExactlyOneSource, Field: "source"}},
		"ExactlyOneSourceNone": {"source", "{}", acctest.Refusal{Code: problem.ExactlyOneSource, Field: "source"}},
		"InvalidName":          {"name", `"My-Image"`, acctest.Refusal{Code: problem.InvalidName, Field: "name", Says: []string{`for example "my_image"`}}},
		"Description":          {"description", `"` + strings.Repeat("x", 129) + `"`, acctest.Refusal{Code: problem.InvalidParameter, Field: "description"}},
		"Visibility":           {"visibility", `"team"`, acctest.Refusal{Code: problem.InvalidParameter, Field: "visibility", Says: []string{"private, public"}}},
		"EmptyTaskTypes":       {"task_types", "[]", acctest.Refusal{Code: problem.EmptyTaskTypes, Field: "task_types"}},
		"TaskType":             {"task_types", `["cobol"]`, acctest.Refusal{Code: problem.TaskTypeNotSupported, Field: "task_types", Says: []string{"Value: cobol"}}},
		"PackageType": {
			"packages", `[{ type = "conda", names = ["git"] }]`,
			acctest.Refusal{Code: problem.InvalidPackageType, Field: "packages[0].type", Says: []string{"apt, yum, python2, python3, script"}},
		},
		"Requirement": {
			"packages", `[{ type = "apt", names = ["git=1:2.39", "rm -rf /"] }]`,
			acctest.Refusal{Code: problem.InvalidRequirement, Field: "packages[0].names[1]", Says: []string{"rm -rf /"}},
		},
		"PipIncompatible": {
			"packages", `[{ type = "python2", names = ["six==1.16.0", "pip>=21"] }]`,
			acctest.Refusal{Code: problem.PipIncompatible, Field: "packages[0].names[1]", Says: []string{"Value: pip>=21", "pip==20.3.4"}},
		},
		"NoNames": {"packages", `[{ type = "apt" }]`, acctest.Refusal{Code: problem.MissingRequired, Field: "packages[0].names"}},
		"BinaryScript": {
			"packages", `[{ type = "script", script = "true\u0000" }]`,
			acctest.Refusal{Code: problem.InvalidScript, Field: "packages[0].script", Says: []string{"Value: byte 0x00 in line 1"}},
		},
		"LargeScript": {
			"packages", `[{ type = "script", script = join("", [for n in range(1000) : "true # ${join("", [for m in range(10) : "0123456"])}\n"]) }]`,
			acctest.Refusal{Code: problem.ScriptTooLarge, Field: "packages[0].script", Says: []string{"Value: 78000 bytes", "Limit: 65536 bytes"}},
		},
		"EmptyScript": {"packages", `[{ type = "script", script = " " }]`, acctest.Refusal{Code: problem.EmptyScript, Field: "packages[0].script"}},
		"ScriptAndNames": {
			"packages", `[{ type = "script", script = "x", names = ["y"] }]`, acctest.Refusal{Code: problem.ConflictingAttribute, Field: "packages[0].names"},
		},
		"Index": {
			"packages", `[{ type = "script", script = "true", index = "https://i" }]`,
			acctest.Refusal{Code: problem.ConflictingAttribute, Field: "packages[0].index", Says: []string{"Value: https://"}},
		},
		"AptIndex": {
			"packages", `[{ type = "apt", names = ["git=1"], index = "https://i" }]`,
			acctest.Refusal{Code: problem.InvalidParameter, Field: "packages[0].index", Says: []string{"Value: https://i", "bookworm main"}},
		},
		"FileTarget": {
			"files", `[{ content = "x", target = "/proc/x" }]`, acctest.Refusal{Code: problem.InvalidFile, Field: "files[0].target", Says: []string{"outside of /dev"}},
		},
		"FileMode": {"files", `[{ content = "x", target = "/a", mode = "999" }]`, acctest.Refusal{Code: problem.InvalidFile, Field: "files[0].mode"}},
		"FileTwice": {
			"files", `[{ content = "x", target = "/a" }, { content = "y", target = "/a" }]`, acctest.Refusal{Code: problem.InvalidFile, Field: "files[1].target"},
		},
		"FileWithout": {"files", `[{ target = "/a" }]`, acctest.Refusal{Code: problem.MissingRequired, Field: "files[0].source"}},
		"FileBoth": {
			"files", `[{ source = "a", content = "x", target = "/a" }]`, acctest.Refusal{Code: problem.ConflictingAttribute, Field: "files[0].content"},
		},
		"EmptyVersion": {
			"source", official(acctest.Official, `, version = ""`), acctest.Refusal{Code: problem.InvalidParameter, Field: "source.official.version", Says: []string{"newest one"}},
		},
		"EnvNull": {"env", `{ A = null }`, acctest.Refusal{Code: problem.InvalidEnv, Field: `env["A"]`}},
		"EnvLarge": {
			"env", `{ A = join("", [for n in range(1000) : "0123456789012345678901234567890123456789"]) }`,
			acctest.Refusal{Code: problem.InvalidEnv, Field: `env["A"]`, Says: []string{"40001 bytes", "32768 bytes"}},
		},
		"ScriptsLarge": {
			"packages", `[for n in range(20) : { type = "script", script = "true # ${join("", [for m in range(880) : "0123456789012345678901234567890123456789012345678901234567890123"])}" }]`,
			acctest.Refusal{Code: problem.RequestTooLarge, Field: "packages", Says: []string{"921600 bytes in all"}},
		},
		"Env":     {"env", `{ "A-B" = "x" }`, acctest.Refusal{Code: problem.InvalidEnv, Field: `env["A-B"]`}},
		"CU":      {"test", group + "\ncu = 0.3 }", acctest.Refusal{Code: problem.InvalidCu, Field: "test.cu", Says: []string{"0.3"}}},
		"Command": {"test", group + "\ncommands = [\"\"] }", acctest.Refusal{Code: problem.InvalidParameter, Field: "test.commands[0]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cli := d.CLI(t)
			cli.Config(image(map[string]string{tt.argument: tt.value}))
			cli.RefusePlan(tt.want)
		})
	}
}

// TestAccRefusedByCatalogue: what the catalogue, the region's policy or the resource group do not admit is refused in the plan.
func TestAccRefusedByCatalogue(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	apt := `[{ type = "apt", names = ["git"] }]`
	cli := d.CLI(t)
	refused := func(arguments map[string]string, want ...acctest.Refusal) {
		t.Helper()
		cli.Config(image(arguments))
		cli.RefusePlan(want...)
	}
	refused(map[string]string{"source": official("nowhere", "")}, acctest.Refusal{
		Code: problem.OfficialImageNotFound, Field: "source.official.image", Says: []string{"Value: nowhere", "dataworks_pyodps_task_pod"},
	})
	refused(map[string]string{"source": official("dataworks_shell_rpm_task_pod", ""), "task_types": `["shell"]`}, acctest.Refusal{
		Code: problem.OfficialImageUnavailable, Field: "source.official.image",
		Says: []string{"Value: dataworks_shell_rpm_task_pod", "catalogue.rpm_mirror"},
	})
	refused(map[string]string{"source": official(acctest.Official, `, version = "19990101"`)}, acctest.Refusal{
		Code: problem.VersionNotFound, Field: "source.official.version", Says: []string{"Value: 19990101", acctest.OfficialVersion},
	})
	refused(map[string]string{"task_types": `["pyodps3", "cdh"]`}, acctest.Refusal{
		Code: problem.TaskTypeNotSupported, Field: "task_types", Says: []string{"Value: cdh", "pyodps3, shell"},
	})
	refused(map[string]string{
		"source": official("dataworks_shell_task_pod", ""), "task_types": `["shell"]`, "packages": pinned("0.42.1"),
	}, acctest.Refusal{Code: problem.RuntimeMissing, Field: "packages[0].type", Says: []string{"python3"}})
	refused(map[string]string{"packages": `[{ type = "python3", names = ["a==1", "jieba"] }, { type = "apt", names = ["git"] }]`},
		acctest.Refusal{Code: problem.UnpinnedPackage, Field: "packages[0].names[1]", Says: []string{"Value: jieba", "Limit: jieba==VERSION"}},
		acctest.Refusal{Code: problem.UnpinnedPackage, Field: "packages[1].names[0]", Says: []string{"Value: git", "Limit: git=VERSION"}})
	refused(map[string]string{"packages": apt}, acctest.Refusal{Code: problem.UnpinnedPackage, Field: "packages[0].names[0]"})
	cli.Config(acctest.Group)
	cli.Apply()
	refused(map[string]string{"test": `{ resource_group_id = "rg-none" }`}, acctest.Refusal{
		Code: problem.NotFound, Field: "test.resource_group_id", Says: []string{"No such resource group", "Value: rg-none", "Check the id"},
	})
	refused(map[string]string{"test": `{ resource_group_id = "default" }`}, acctest.Refusal{
		Code: problem.NotFound, Field: "test.resource_group_id", Says: []string{"it is the name of one", "Value: default", "Use the id in place of the name, rg-"},
	})
	refused(map[string]string{"test": "{ resource_group_id = kiln_resource_group.rg.id\ncu = 4 }"}, acctest.Refusal{
		Code: problem.CuExceedsResourceGroup, Field: "test.cu", Says: []string{"Value: 4", "2 (resource group default)"},
	})
	exclusive := func(text string) string {
		return strings.ReplaceAll(text, "cu         = 2", "cu = 2\ntype = \"exclusive_scheduler\"")
	}
	cli.Config(exclusive(acctest.Group))
	cli.Apply()
	cli.Config(exclusive(image(nil)))
	cli.RefusePlan(acctest.Refusal{Code: problem.ResourceGroupTypeNotSupported, Field: "test.resource_group_id"})
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
	cli.RefusePlan(acctest.Refusal{
		Code: problem.CuExceedsResourceGroup, Field: "test.cu", Says: []string{"Value: 2", "1 (resource group default)"},
	})
	cli.Config(config("1", "1"))
	cli.Apply() // both get smaller
	group, _ := cli.Attributes("kiln_resource_group.rg")
	lone := image(map[string]string{"name": `"other"`, "test": fmt.Sprintf("{ resource_group_id = %q\ncu = 1 }", group["id"])})
	others.Config(strings.TrimPrefix(lone, acctest.Group))
	others.Apply()
	cli.Config(config("0.5", "0.5"))
	output, code := cli.Run("plan", "-no-color")
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
		return strings.ReplaceAll(config, `egress = "none"`, `egress = "restricted"`+"\n  allow = ["+allow+"]")
	}
	pip := image(map[string]string{"packages": pinned("0.42.1")})
	apt := image(map[string]string{"packages": `[{ type = "apt", names = ["git=1"] }]`})
	index := image(map[string]string{
		"packages": `[{ type = "python3", names = ["jieba==0.42.1"], index = "https://pypi.internal/simple" }]`,
	})
	script := image(map[string]string{"packages": `[{ type = "script", script = "pip3 install -i https://pypi.internal/simple jieba==0.42.1" }]`})
	cli := d.CLI(t)
	unreachable := func(field, host string) acctest.Refusal {
		return acctest.Refusal{Code: problem.PublicAccessRequired, Field: field, Says: []string{
			"does not reach " + host, "network closed reaches",
		}}
	}
	refused := func(config, field, host string) {
		t.Helper()
		cli.Config(config)
		cli.RefusePlan(unreachable(field, host))
	}
	planned := func(config string) {
		t.Helper()
		cli.Config(config)
		if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 2 {
			t.Errorf("plan ended with %d:\n%s", code, output)
		}
	}
	// All of it is new: what the network reaches is known when the apply has made it.
	cli.Config(pip)
	cli.FailApply(unreachable("packages[0].type", "pypi.org:443"))
	if made, err := d.Client.Images(t.Context(), ""); err != nil || len(made) != 0 {
		t.Errorf("images = %v, %v; want none", made, err)
	}
	refused(pip, "packages[0].type", "pypi.org:443")
	refused(apt, "packages[0].type", "mirror.internal:80")
	refused(restricted(pip, `"mirror.internal:80"`), "packages[0].type", "pypi.org:443")
	refused(restricted(index, `"pypi.internal:80"`), "packages[0].index", "pypi.internal:443")
	refused(restricted(script, `"mirror.internal:80"`), "packages[0].script", "pypi.internal:443")
	// The same plan opens the network.
	cli.Config(restricted(index, `"pypi.internal"`))
	cli.Apply()
	// And closes it: what is there stays, and nothing else can come.
	planned(image(map[string]string{
		"packages":    `[{ type = "python3", names = ["jieba==0.42.1"], index = "https://pypi.internal/simple" }]`,
		"description": `"no new test"`,
	}))
	refused(script, "packages[0].script", "pypi.internal:443")
	if n := d.Engine.Calls(worker.KindImage); n != 1 {
		t.Errorf("%d builds, want 1", n)
	}
}

// TestAccScript: a script is judged in the plan: what it installs without a version, what cannot work, what cannot be told.
func TestAccScript(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	for script, want := range map[string]acctest.Refusal{
		"pip3 install pandas":        {Code: problem.UnpinnedPackage, Says: []string{"Line 1, column 14", "Value: pandas", "pandas==VERSION"}},
		"true\nwget git":             {Code: problem.InvalidDownloadURL, Says: []string{"Line 2, column 6", "Value: git"}},
		"pip3 install urllib3<2.0":   {Code: problem.UnquotedRedirection, Says: []string{"Line 1, column 14", "urllib3<2.0"}},
		"apt-get install git":        {Code: problem.UnpinnedPackage, Says: []string{"Line 1, column 17", "Value: git", "git=VERSION"}},
		"git clone https://h.org/a":  {Code: problem.UnpinnedDownload, Says: []string{"Line 1, column 11", "Value: https://h.org/a"}},
		"curl -o /a https://h.org/a": {Code: problem.UnpinnedDownload, Says: []string{"Line 1, column 12", "Value: https://h.org/a"}},
		"pip3 install pandas==1.5.3": {},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			cli := d.CLI(t)
			cli.Config(image(map[string]string{"packages": fmt.Sprintf("[{ type = \"script\", script = %q }]", script)}))
			if want.Code == "" {
				cli.WarnPlan()
				return
			}
			want.Field = "packages[0].script"
			cli.RefusePlan(want)
		})
	}
}

// TestAccScriptRisks: what of a script may go wrong, or cannot be told, is a warning at its entry.
func TestAccScriptRisks(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	for script, want := range map[string]acctest.Refusal{
		"pip3 install $(cat the-list)":                {Code: problem.CannotAnalyse, Says: []string{"Line 1, column 14"}},
		"true\napt-get install git=1":                 {Code: problem.InteractiveInstall, Says: []string{"Line 2, column 1", "Limit: -y"}},
		"pip3 install -i http://p.internal/s a==1":    {Code: problem.InsecureDownload, Says: []string{"Line 1, column 17", "Limit: https://"}},
		"export DEPLOY_TOKEN=hunter22":                {Code: problem.SecretInScript, Says: []string{"Value: DEPLOY_TOKEN=xxxxx"}},
		"curl -k -X POST -d x https://p.internal/run": {},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			cli := d.CLI(t)
			cli.Config(image(map[string]string{"packages": fmt.Sprintf("[\n{ type = \"script\", script = \"true\" },\n{ type = \"script\", script = %q }\n]", script)}))
			if want.Code == "" {
				cli.WarnPlan()
				return
			}
			want.Field = "packages[1].script"
			cli.WarnPlan(want)
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
	second.RefusePlan(acctest.Refusal{Code: problem.NameConflict, Field: "name", Says: []string{"terraform import ADDRESS img-"}})
	script["name"] = `"another"`
	second.Config(strings.TrimPrefix(image(script), acctest.Group))
	second.Apply()
	second.Config(lone)
	second.RefusePlan(acctest.Refusal{Code: problem.NameConflict, Field: "name", Says: []string{"Value: segmenter"}})
	twice := strings.Replace(lone, "{\n", "{\n  count = 2\n", 1)
	third := d.CLI(t)
	third.Config(strings.ReplaceAll(twice, `"segmenter"`, `"fresh"`))
	third.RefusePlan(acctest.Refusal{Code: problem.NameConflict, Field: "name", Says: []string{"Value: fresh", "one of them"}})
	second.Config("")
	second.Apply()
	second.Config(lone + "import {\n  to = " + address + "\n  id = \"segmenter\"\n}\n")
	output, code := second.Run("plan", "-no-color")
	if code != 0 || !acctest.Words("Plan: 1 to import, 0 to add, 0 to change, 0 to destroy").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}

// TestAccNameSetFree: published images get other addresses and keep their names, in one plan and apply: the old ones go, in whatever
// order Terraform comes to them.
func TestAccNameSetFree(t *testing.T) {
	t.Parallel()
	cli := acctest.Start(t).CLI(t)
	config := strings.ReplaceAll(images("a", "b"), "publish    = false", "publish    = true")
	cli.Config(config)
	cli.Apply()
	before, _ := cli.Attributes("kiln_custom_image.a")
	cli.Config(strings.NewReplacer(`_image" "a"`, `_image" "c"`, `_image" "b"`, `_image" "d"`).Replace(config))
	cli.Apply()
	after, _ := cli.Attributes("kiln_custom_image.c")
	if before["name"] != after["name"] || before["id"] == after["id"] {
		t.Errorf("before = %v, after = %v", before, after)
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
	cli := d.CLI(t)
	cli.Config(strings.TrimPrefix(config("1", `, "rm -rf /"`), d.Provider()))
	cli.RefusePlan(acctest.Refusal{Code: problem.InvalidRequirement, Field: "packages[0].names[2]"})
	acctest.Run(t,
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
