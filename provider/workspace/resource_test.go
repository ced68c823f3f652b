package workspace_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/workspace"
	"github.com/kilnhq/kiln/provider/acctest"
)

const address = "kiln_workspace.x"

func TestMain(m *testing.M) { acctest.Main(m) }

// TestAccLifecycle: created, read, imported by id and by name, updated in place, and gone at the end.
func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	first := d.Provider() + `resource "kiln_workspace" "x" { name = "analytics" }`
	second := d.Provider() + `resource "kiln_workspace" "x" {
  name        = "reporting"
  description = "the reporting team"
}`
	acctest.Run(t,
		resource.TestStep{Config: first, Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttrSet(address, "id"),
			resource.TestCheckResourceAttr(address, "region", "local"),
			resource.TestCheckResourceAttr(address, "name", "analytics"),
			resource.TestCheckResourceAttr(address, "description", ""),
		)},
		acctest.Unchanged(first),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateIdFunc: acctest.ImportID(address, "name"),
		},
		acctest.Planned(second, address, plancheck.ResourceActionUpdate),
		acctest.Unchanged(second),
	)
	left, err := d.Client.Workspaces(t.Context(), "")
	if err != nil || len(left) != 0 {
		t.Errorf("left = %v, %v; want none", left, err)
	}
}

// TestAccDisappears: what was deleted behind Terraform's back is created again.
func TestAccDisappears(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + `resource "kiln_workspace" "x" { name = "analytics" }`
	var id string
	acctest.Run(t,
		resource.TestStep{Config: config, Check: acctest.Attribute(address, "id", &id)},
		resource.TestStep{
			PreConfig: func() {
				if err := d.Client.DeleteWorkspace(t.Context(), id); err != nil {
					t.Error(err)
				}
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
			}},
		},
	)
}

// TestAccDrift: what was changed behind Terraform's back is changed back.
func TestAccDrift(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + `resource "kiln_workspace" "x" { name = "analytics" }`
	var id string
	acctest.Run(t,
		resource.TestStep{Config: config, Check: acctest.Attribute(address, "id", &id)},
		resource.TestStep{
			PreConfig: func() {
				w, err := d.Client.Workspace(t.Context(), id, "")
				if err != nil {
					t.Error(err)
				}
				w.Description = "changed by hand"
				if _, err := d.Client.UpdateWorkspace(t.Context(), w); err != nil {
					t.Error(err)
				}
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
			}},
			Check: resource.TestCheckResourceAttr(address, "description", ""),
		},
	)
}

// TestAccRefused: what can be judged without the daemon is refused in the plan, the rest in the apply.
func TestAccRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	workspace := func(label, body string) string {
		return "resource \"kiln_workspace\" \"" + label + "\" {\n" + body + "\n}\n"
	}
	cli := d.CLI(t)
	refused := func(config string, want acctest.Refusal) {
		t.Helper()
		cli.Config(config)
		cli.RefusePlan(want)
	}
	refused(workspace("x", `name = "7up"`), acctest.Refusal{Code: problem.InvalidName, Field: "name", Says: []string{`Value: "7up"`}})
	refused(workspace("x", "name = \"a\"\ndescription = \"two\\nlines\""),
		acctest.Refusal{Code: problem.InvalidParameter, Field: "description", Says: []string{"128 characters on one line"}})
	cli.Provider(d.Provider(`region = "mars"`), workspace("x", `name = "a"`))
	cli.RefusePlan(acctest.Refusal{
		Code: problem.UnknownRegion, Field: "region", Says: []string{"Value: mars", "Limit: local"},
	})
	refused(workspace("x", `name = "a"`)+"import {\n  to = kiln_workspace.x\n  id = \"nobody\"\n}\n",
		acctest.Refusal{Code: problem.NotFound, Doing: `import workspace "nobody"`, Field: "id", Says: []string{"Value: nobody"}})
	const later = "resource \"terraform_data\" \"later\" { input = \"a\" }\n"
	cli.Config(workspace("x", `name = "a"`) + later)
	cli.Apply()
	// A name that is known after apply is judged then, before anything is written.
	cli.Config(workspace("x", `name = "a"`) + strings.Replace(later, `"a"`, `"b"`, 1) +
		workspace("y", "name = substr(\"a${terraform_data.later.output}\", 0, 1)"))
	cli.FailApply(acctest.Refusal{Code: problem.NameConflict, Field: "name", Says: []string{"terraform import ADDRESS ws-"}})
}

// TestAccUnknown: a name that is known after apply is judged then.
func TestAccUnknown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := func(name string) string {
		return d.Provider() + `
resource "terraform_data" "name" { input = "` + name + `" }
resource "kiln_workspace" "x" {
  name        = terraform_data.name.output
  description = terraform_data.name.id
}`
	}
	acctest.Run(t,
		resource.TestStep{Config: config("7up"), ExpectError: acctest.Words("InvalidName", `"7up"`)},
		resource.TestStep{Config: config("fine"), Check: resource.TestCheckResourceAttr(address, "name", "fine")},
	)
}

// TestAccRegion: a workspace moves with the provider's region, by replacement, and stays where it is without one.
func TestAccRegion(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t, func(c *daemon.Config) { c.Regions = []daemon.Region{{Name: "east"}, {Name: "west"}} })
	workspace := `resource "kiln_workspace" "x" { name = "analytics" }`
	acctest.Run(t,
		resource.TestStep{Config: d.Provider() + workspace, Check: resource.TestCheckResourceAttr(address, "region", "east")},
		acctest.Unchanged(d.Provider(`region = "east"`)+workspace),
		acctest.Planned(d.Provider(`region = "west"`)+workspace, address, plancheck.ResourceActionDestroyBeforeCreate),
		resource.TestStep{
			Config: d.Provider() + workspace, Check: resource.TestCheckResourceAttr(address, "region", "west"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
	)
}

// TestAccDaemonDown: one error says that the daemon cannot be reached, however many resources there are, and a plan that
// does not need it goes on.
func TestAccDaemonDown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	workspaces := "resource \"kiln_workspace\" \"x\" {\n  count = 5\n  name = \"w${count.index}\"\n}"
	errors := 0
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: acctest.Factories(),
		ErrorCheck:               acctest.Once(t, "DaemonUnavailable", &errors),
		Steps: []resource.TestStep{
			{Config: d.Provider() + workspaces},
			{PreConfig: d.Stop, Config: d.Provider() + workspaces, PlanOnly: true},
			{Config: d.Provider("skip_remote_validation = true") + workspaces, PlanOnly: true},
			{PreConfig: d.Run, Config: d.Provider() + workspaces, PlanOnly: true},
		},
	})
	if errors != 2 {
		t.Errorf("%d errors, want one a plan without the daemon", errors)
	}
}

// TestAccNameTaken: a name that something outside of this state has, or that the configuration gives away twice, is refused in the
// plan; one that the same plan sets free is not.
func TestAccNameTaken(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	other, err := d.Client.CreateWorkspace(t.Context(), "", workspace.Workspace{Name: "taken"})
	if err != nil {
		t.Fatal(err)
	}
	cli := d.CLI(t)
	cli.Config(`resource "kiln_workspace" "a" { name = "a" }` + "\n" + `resource "kiln_workspace" "z" { name = "z" }`)
	cli.Apply()
	const a = `resource "kiln_workspace" "a" { name = "a" }`
	for _, test := range []struct {
		name, config string
		says         []string // none: the plan is made
	}{
		{"Taken", a + "\n" + `resource "kiln_workspace" "b" { name = "taken" }`, []string{"Value: taken", "terraform import ADDRESS " + other.ID}},
		{"RenamedToTaken", `resource "kiln_workspace" "a" { name = "taken" }`, []string{"Value: taken", other.ID}},
		{"Twice", a + "\n" + `resource "kiln_workspace" "b" {
  count = 2
  name  = "b"
}`, []string{"Value: b", "one of them"}},
		{"SetFreeByDeletion", `resource "kiln_workspace" "b" { name = "a" }`, nil},
		{"SetFreeByRenaming", `resource "kiln_workspace" "a" { name = "c" }` + "\n" + `resource "kiln_workspace" "b" { name = "a" }`, nil},
		{"Passed", `resource "kiln_workspace" "a" { name = "c" }` + "\n" + `resource "kiln_workspace" "z" { name = "a" }`, nil},
		{"Swapped", `resource "kiln_workspace" "a" { name = "z" }` + "\n" + `resource "kiln_workspace" "z" { name = "a" }`, []string{"third name"}},
		{"OneStays", `resource "kiln_workspace" "a" { name = "a" }` + "\n" + `resource "kiln_workspace" "z" { name = "a" }`, []string{"two"}},
		{"OneStaysForACreation", a + "\n" + `resource "kiln_workspace" "b" { name = "a" }`, []string{"two"}},
		{"OneEach", a + "\n" + `resource "kiln_workspace" "b" { name = "b" }` + "\n" + `resource "kiln_network" "b" {
  name   = "b"
  egress = "none"
}`, nil},
	} {
		cli.Config(test.config)
		if test.says != nil {
			cli.RefusePlan(acctest.Refusal{Code: problem.NameConflict, Field: "name", Says: test.says})
			continue
		}
		if output, code := cli.Run("plan", "-no-color"); code != 0 {
			t.Errorf("%s: plan ended with %d:\n%s", test.name, code, output)
		}
	}
	cli.Config(a)
	if output, code := cli.Run("apply", "-replace=kiln_workspace.a", "-auto-approve", "-no-color"); code != 0 {
		t.Errorf("the replacement ended with %d:\n%s", code, output)
	}
}

// keyed is a workspace for each of the keys, of the name that an expression gives.
func keyed(keys []string, name string) string {
	return fmt.Sprintf("resource \"kiln_workspace\" \"x\" {\n  for_each = toset(%s)\n  name     = %s\n}\n",
		strings.ReplaceAll(fmt.Sprintf("%q", keys), " ", ", "), name)
}

// TestAccNameSetFree: what a name belongs to in the same state gives it up in the same apply, by a deletion or by a renaming, in
// whatever order Terraform comes to them.
func TestAccNameSetFree(t *testing.T) {
	t.Parallel()
	cli := acctest.Start(t).CLI(t)
	cli.Config(keyed([]string{"a1", "a2", "a3", "a4", "c"}, `"w_${each.key}"`))
	cli.Apply()
	for i := range 2 { // other keys, the same names
		cli.Config(keyed([]string{fmt.Sprint("b1", i), fmt.Sprint("b2", i), fmt.Sprint("b3", i), fmt.Sprint("b4", i)},
			`"w_a${substr(each.key, 1, 1)}"`))
		cli.Apply()
	}
	cli.Config(`resource "kiln_workspace" "a" { name = "one" }` + "\n" + `resource "kiln_workspace" "b" { name = "two" }` + "\n" + `resource "kiln_workspace" "c" { name = "three" }`)
	cli.Apply()
	// c goes, b gets its name, and a that of b.
	cli.Config(`resource "kiln_workspace" "a" { name = "two" }` + "\n" + `resource "kiln_workspace" "b" { name = "three" }`)
	cli.Apply()
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 0 {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}

// TestAccNameUnheard: of more creations than Terraform plans at once none is refused for a name that this state holds.
func TestAccNameUnheard(t *testing.T) {
	t.Parallel()
	cli := acctest.Start(t).CLI(t)
	const fifty = "resource \"kiln_workspace\" \"x\" {\n  for_each = toset([for i in range(50) : \"%s${i}\"])\n  name     = \"w${substr(each.key, 1, -1)}\"\n}\n"
	cli.Config(fmt.Sprintf(fifty, "a"))
	cli.Apply()
	cli.Config(fmt.Sprintf(fifty, "b"))
	output, code := cli.Run("plan", "-no-color")
	if code != 0 || !acctest.Words("Plan: 50 to add, 0 to change, 50 to destroy").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}

// TestAccNameOneAtATime: when Terraform does one thing at a time, a plan cannot wait to hear who has a name: it warns, and the apply
// decides.
func TestAccNameOneAtATime(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	if _, err := d.Client.CreateWorkspace(t.Context(), "", workspace.Workspace{Name: "taken"}); err != nil {
		t.Fatal(err)
	}
	cli := d.CLI(t)
	cli.Env("TF_CLI_ARGS_plan=-parallelism=1", "TF_CLI_ARGS_apply=-parallelism=1")
	cli.Config(keyed([]string{"a1", "a2", "a3", "a4", "a5"}, `"w_${substr(each.key, 1, 1)}"`))
	cli.Apply()
	cli.Config(keyed([]string{"b1", "b2", "b3", "b4", "b5"}, `"w_${substr(each.key, 1, 1)}"`))
	for range 2 {
		if output, code := cli.Run("plan", "-no-color"); code != 0 || !acctest.Words("Plan: 5 to add, 0 to change, 5 to destroy").MatchString(output) {
			t.Errorf("plan ended with %d:\n%s", code, output)
		}
	}
	cli.Config(`resource "kiln_workspace" "x" { name = "taken" }`)
	cli.Run("destroy", "-auto-approve")
	cli.WarnPlan(acctest.Refusal{Code: problem.NameConflict, Field: "name", Says: []string{"not planned yet", "Value: taken"}})
	cli.FailApply(acctest.Refusal{
		Code: problem.NameConflict, Field: "name", Doing: `create workspace "taken"`, Says: []string{"nothing has set the name free", "terraform import"},
	})
}

// TestAccNameTakenSince: who takes a name between a plan and its apply is told of by the apply, which waits only as long as the
// name may still become free.
func TestAccNameTakenSince(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(`resource "kiln_workspace" "a" { name = "a" }`)
	cli.Apply()
	for name, config := range map[string]string{"renamed": `resource "kiln_workspace" "a" { name = "renamed" }`, "created": `resource "kiln_workspace" "a" { name = "a" }
resource "kiln_workspace" "b" { name = "created" }`} {
		cli.Config(config)
		if output, code := cli.Run("plan", "-out=saved", "-no-color"); code != 0 {
			t.Fatalf("plan ended with %d:\n%s", code, output)
		}
		if _, err := d.Client.CreateWorkspace(t.Context(), "", workspace.Workspace{Name: name}); err != nil {
			t.Fatal(err)
		}
		if output, code := cli.Run("apply", "-no-color", "saved"); code != 1 || !acctest.Words("NameConflict", "Value: "+name, "terraform import").MatchString(output) {
			t.Errorf("apply ended with %d:\n%s", code, output)
		}
	}
}
