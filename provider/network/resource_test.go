package network_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/acctest"
)

const address = "kiln_network.x"

func TestMain(m *testing.M) { acctest.Main(m) }

func network(body string) string {
	return "resource \"kiln_network\" \"x\" {\n  name = \"mirror\"\n" + body + "\n}\n"
}

// TestAccLifecycle: created, read, imported by id and by name, updated in place, and gone at the end.
func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	closed := d.Provider() + network(`egress = "none"`)
	empty := d.Provider() + network("egress = \"public\"\nallow = []")
	open := d.Provider() + network("egress = \"restricted\"\n"+
		`allow = ["mirror.internal:443", "10.8.0.0/16:5000", "host.kiln.internal:8081", "[2001:db8::]:80", "10.9.0.1"]`)
	acctest.Run(t,
		resource.TestStep{Config: closed, Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttrSet(address, "id"),
			resource.TestCheckResourceAttr(address, "region", "local"),
			resource.TestCheckNoResourceAttr(address, "allow"),
		)},
		acctest.Unchanged(closed),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		acctest.Planned(open, address, plancheck.ResourceActionUpdate),
		acctest.Unchanged(open),
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateIdFunc: acctest.ImportID(address, "name"),
		},
		acctest.Planned(empty, address, plancheck.ResourceActionUpdate),
		acctest.Unchanged(empty),
	)
	left, err := d.Client.Networks(t.Context(), "")
	if err != nil || len(left) != 0 {
		t.Errorf("left = %v, %v; want none", left, err)
	}
}

// TestAccDrift: what was deleted or changed behind Terraform's back is made right again.
func TestAccDrift(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + network(`egress = "none"`)
	var id string
	open := func() {
		n, err := d.Client.Network(t.Context(), id, "")
		if err != nil {
			t.Error(err)
		}
		n.Egress = "public"
		if _, err := d.Client.UpdateNetwork(t.Context(), n); err != nil {
			t.Error(err)
		}
	}
	remove := func() {
		if err := d.Client.DeleteNetwork(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	changed := acctest.Planned(config, address, plancheck.ResourceActionUpdate)
	changed.PreConfig = open
	changed.Check = resource.TestCheckResourceAttr(address, "egress", "none")
	gone := acctest.Planned(config, address, plancheck.ResourceActionCreate)
	gone.PreConfig = remove
	acctest.Run(t, resource.TestStep{Config: config, Check: acctest.Attribute(address, "id", &id)}, changed, gone)
}

// TestAccRefused: what can be judged without the daemon is refused in the plan, at the entry that is wrong.
func TestAccRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	refused := func(config string, want acctest.Refusal) {
		t.Helper()
		cli.Config(config)
		cli.RefusePlan(want)
	}
	refused(network(`egress = "some"`), acctest.Refusal{Code: problem.InvalidParameter, Field: "egress", Says: []string{"none, restricted, public"}})
	refused(network("egress = \"none\"\nallow = [\"a:1\"]"), acctest.Refusal{Code: problem.ConflictingAttribute, Field: "allow"})
	refused(network("egress = \"restricted\"\nallow = [\"a:1\", \"https://b\"]"),
		acctest.Refusal{Code: problem.InvalidAllowEntry, Field: "allow[1]", Says: []string{"Value: https://b"}})
	refused(network(`egress = "none"`)+"import {\n  to = "+address+"\n  id = \"nobody\"\n}\n",
		acctest.Refusal{Code: problem.NotFound, Doing: `import network "nobody"`, Field: "id", Says: []string{"Value: nobody"}})
}

// TestAccUnknown: what is known is judged beside what is not.
func TestAccUnknown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := func(entry string) string {
		return d.Provider() + "resource \"terraform_data\" \"host\" { input = \"mirror:443\" }\n" +
			network("egress = \"restricted\"\nallow = [terraform_data.host.output, "+entry+"]")
	}
	unknown := d.Provider() + "resource \"terraform_data\" \"all\" { input = [\"mirror:443\"] }\n" +
		network("egress = \"restricted\"\nallow = terraform_data.all.output")
	cli := d.CLI(t)
	cli.Config(strings.TrimPrefix(config(`"b:0"`), d.Provider()))
	cli.RefusePlan(acctest.Refusal{Code: problem.InvalidAllowEntry, Field: "allow[1]", Says: []string{"Value: b:0"}})
	acctest.Run(t,
		resource.TestStep{Config: config(`"b:1"`), Check: resource.TestCheckResourceAttr(address, "allow.0", "mirror:443")},
		resource.TestStep{Config: unknown, Check: resource.TestCheckResourceAttr(address, "allow.#", "1")},
	)
}
