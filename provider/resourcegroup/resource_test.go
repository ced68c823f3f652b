package resourcegroup_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/acctest"
)

const (
	address = "kiln_resource_group.x"
	network = "resource \"kiln_network\" \"n\" {\n  name = \"closed\"\n  egress = \"none\"\n}\n"
)

func TestMain(m *testing.M) { acctest.Main(m) }

func group(body string) string {
	return network + "resource \"kiln_resource_group\" \"x\" {\n  name = \"default\"\n  network_id = kiln_network.n.id\n" + body + "\n}\n"
}

// TestAccLifecycle: created, read, imported by id and by name, updated in place, replaced, and gone at the end.
func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	first := d.Provider() + group("cu = 2")
	second := d.Provider() + group("cu = 0.75\ntime_zone = \"Asia/Shanghai\"")
	third := d.Provider() + group("cu = 0.75\ntype = \"exclusive_scheduler\"")
	acctest.Run(t,
		resource.TestStep{Config: first, Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttrSet(address, "id"),
			resource.TestCheckResourceAttr(address, "type", "serverless"),
			resource.TestCheckResourceAttr(address, "time_zone", "UTC"),
			resource.TestCheckResourceAttr(address, "status", "Normal"),
		)},
		acctest.Unchanged(first),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateIdFunc: acctest.ImportID(address, "name"),
		},
		acctest.Planned(second, address, plancheck.ResourceActionUpdate),
		acctest.Unchanged(second),
		acctest.Planned(third, address, plancheck.ResourceActionDestroyBeforeCreate),
	)
	left, err := d.Client.ResourceGroups(t.Context(), "")
	if err != nil || len(left) != 0 {
		t.Errorf("left = %v, %v; want none", left, err)
	}
}

// TestAccDrift: what was deleted or changed behind Terraform's back is made right again.
func TestAccDrift(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + group("cu = 2")
	var id string
	changed := acctest.Planned(config, address, plancheck.ResourceActionUpdate)
	changed.PreConfig = func() {
		g, err := d.Client.ResourceGroup(t.Context(), id, "")
		if err != nil {
			t.Error(err)
		}
		g.CU = 8
		if _, err := d.Client.UpdateResourceGroup(t.Context(), g); err != nil {
			t.Error(err)
		}
	}
	changed.Check = resource.TestCheckResourceAttr(address, "cu", "2")
	gone := acctest.Planned(config, address, plancheck.ResourceActionCreate)
	gone.PreConfig = func() {
		if err := d.Client.DeleteResourceGroup(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	acctest.Run(t, resource.TestStep{Config: config, Check: acctest.Attribute(address, "id", &id)}, changed, gone)
}

// TestAccRefused: what can be judged without the daemon is refused in the plan, the rest in the apply.
func TestAccRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	refused := func(body string, want acctest.Refusal) {
		t.Helper()
		cli.Config("resource \"kiln_resource_group\" \"x\" {\n  name = \"default\"\n  network_id = \"net-none\"\n" + body + "\n}\n")
		cli.RefusePlan(want)
	}
	refused("cu = 0.3", acctest.Refusal{Code: problem.InvalidCu, Field: "cu", Says: []string{"Value: 0.3", "0.25 to 64"}})
	refused("cu = 1\ntype = \"spot\"", acctest.Refusal{Code: problem.InvalidParameter, Field: "type", Says: []string{"serverless, exclusive_scheduler"}})
	refused("cu = 1\ntime_zone = \"Mars/Olympus\"", acctest.Refusal{Code: problem.InvalidTimeZone, Field: "time_zone", Says: []string{"Mars/Olympus"}})
	refused("cu = 1", acctest.Refusal{Code: problem.NotFound, Field: "network_id", Says: []string{"No such network", "Value: net-none"}})
	cli.Config(group("cu = 1") + "import {\n  to = " + address + "\n  id = \"nobody\"\n}\n")
	cli.RefusePlan(acctest.Refusal{Code: problem.NotFound, Doing: `import resource group "nobody"`, Field: "id", Says: []string{"Value: nobody"}})
}

// TestAccUnknown: what is known is judged beside what is not.
func TestAccUnknown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := func(zone string) string {
		return d.Provider() + `
resource "terraform_data" "known_later" { input = "1.5" }
` + group("cu = terraform_data.known_later.output\ntime_zone = \""+zone+"\"")
	}
	cli := d.CLI(t)
	cli.Config(strings.TrimPrefix(config("nowhere"), d.Provider()))
	cli.RefusePlan(acctest.Refusal{Code: problem.InvalidTimeZone, Field: "time_zone", Says: []string{"Value: nowhere"}})
	acctest.Run(t,
		resource.TestStep{Config: config("UTC"), Check: resource.TestCheckResourceAttr(address, "cu", "1.5")},
	)
}

// TestAccInUse: a network that a resource group of somebody's else's making stands on is not deleted.
func TestAccInUse(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(network)
	cli.Apply()
	made, _ := cli.Attributes("kiln_network.n")
	id, _ := made["id"].(string)
	d.CreateGroup("other", id)
	cli.Config("")
	cli.RefuseApply(acctest.Refusal{Code: problem.NetworkInUse, Doing: "delete network " + id, Field: "id", Says: []string{"resource group other"}})
	d.DeleteGroup("other")
	cli.Apply()
}
