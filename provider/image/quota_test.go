package image_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/provider/acctest"
)

// basic runs a daemon whose region may hold ten images, with so many that no Terraform knows.
func basic(t *testing.T, used int) *acctest.Daemon {
	t.Helper()
	d := acctest.Start(t, func(c *daemon.Config) { c.Regions = []daemon.Region{{Name: "local", Edition: "basic"}} })
	if used == 0 {
		return d
	}
	n, err := d.Client.CreateNetwork(t.Context(), "", network.Network{Name: "elsewhere", Egress: network.EgressNone})
	if err != nil {
		t.Fatal(err)
	}
	spec := domain.Spec{
		TaskTypes: []tasktype.Type{"pyodps3"}, Visibility: domain.VisibilityPrivate,
		Test: domain.Test{ResourceGroupID: d.CreateGroup("elsewhere", n.ID), CU: 1},
	}
	spec.Recipe.Base.Official = acctest.Official
	for i := range used {
		spec.Name = fmt.Sprint("elsewhere_", i)
		made, err := d.Client.CreateImage(t.Context(), client.CreateImage{Spec: spec})
		if err == nil {
			_, err = d.Client.Wait(t.Context(), made.ProcessID, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// images are images of these names, each one a resource of its own.
func images(names ...string) string {
	var text strings.Builder
	text.WriteString(acctest.Group)
	for _, name := range names {
		fmt.Fprintf(&text, `
resource "kiln_custom_image" %[1]q {
  name       = %[1]q
  task_types = ["pyodps3"]
  publish    = false
  source     = { official = { image = %[2]q } }
  test       = { resource_group_id = kiln_resource_group.rg.id }
}
`, name, acctest.Official)
	}
	return text.String()
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("n", i)
	}
	return names
}

// TestAccQuotaOfThePlan: three new images above nine are refused in the plan, though each fits alone, whoever has the nine.
func TestAccQuotaOfThePlan(t *testing.T) {
	t.Parallel()
	exceeded := func(says ...string) acctest.Refusal {
		return acctest.Refusal{
			Code: problem.ImageQuotaExceeded, Field: "name", Says: append(says, "Limit: 10 images in edition basic", "Delete an image that is no longer needed"),
		}
	}
	t.Run("OfThisState", func(t *testing.T) {
		t.Parallel()
		cli := basic(t, 0).CLI(t)
		cli.Config(images(numbered(9)...))
		cli.Apply()
		cli.Config(images(append(numbered(9), "a", "b", "c")...))
		cli.RefusePlan(exceeded("Value: 9 used, 3 planned: a, b, c"))
	})
	t.Run("OfNobodyHere", func(t *testing.T) {
		t.Parallel()
		cli := basic(t, 9).CLI(t)
		cli.Config(images("a", "b", "c"))
		cli.RefusePlan(exceeded("No image was seen whose deletion makes room", "Value: 9 used, 3 planned: a, b, c"))
		cli.Config(images("a"))
		cli.Apply()
		cli.Config(images("a", "b"))
		cli.RefusePlan(exceeded("Value: 10 used, 1 planned: b"))
	})
}

// TestAccQuotaSwap: at the limit, one image goes and another one comes, in one plan and apply, whichever Terraform begins with.
func TestAccQuotaSwap(t *testing.T) {
	t.Parallel()
	cli := basic(t, 9).CLI(t)
	for i := range 21 { // the first one only creates
		cli.Config(images([]string{"a", "b"}[i%2]))
		if output := cli.Apply(); strings.Contains(output, "ImageQuotaExceeded") {
			t.Errorf("run %d warns:\n%s", i, output)
		}
	}
}

// TestAccQuotaOrder: the deletion is far behind the creation, and the other way round.
func TestAccQuotaOrder(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]struct{ old, new string }{
		"CreationFirst": {"when = destroy", ""},
		"DeletionFirst": {"", "when = create"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cli := basic(t, 9).CLI(t)
			for i := range 2 {
				cli.Config(images() + counted("old", 1-i, order.old) + counted("new", i, order.new))
				cli.Apply()
			}
		})
	}
}

// counted is so many images, and what is slow beside them: before their creation or their deletion, when that is said.
func counted(name string, count int, slow string) string {
	needs, after := "terraform_data."+name, ""
	if slow == "when = destroy" {
		needs, after = "", "kiln_custom_image."+name
	}
	if slow != "" {
		slow = "provisioner \"local-exec\" {\n" + slow + "\ncommand = \"sleep 3\"\n}"
	}
	return fmt.Sprintf(`
resource "terraform_data" %[1]q {
  count      = %[2]d
  depends_on = [%[4]s]
  %[5]s
}
resource "kiln_custom_image" %[1]q {
  count      = %[2]d
  name       = "%[1]s_image"
  task_types = ["pyodps3"]
  publish    = false
  source     = { official = { image = %[6]q } }
  test       = { resource_group_id = kiln_resource_group.rg.id }
  depends_on = [%[3]s]
}
`, name, count, needs, after, slow, acctest.Official)
}

// TestAccQuotaAllAtOnce: ten images go and ten others come, though Terraform does no more than ten things at a time.
func TestAccQuotaAllAtOnce(t *testing.T) {
	t.Parallel()
	cli := basic(t, 0).CLI(t)
	for _, prefix := range []string{"x", "y"} {
		names := numbered(10)
		for i := range names {
			names[i] = prefix + names[i]
		}
		cli.Config(images(names...))
		cli.Apply()
	}
}

// TestQuotaUnderConcurrency: of twenty creations at once above nine images exactly one finds room.
func TestQuotaUnderConcurrency(t *testing.T) {
	t.Parallel()
	d := basic(t, 9)
	there, err := d.Client.Image(t.Context(), "elsewhere_0", "")
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	for i := range 20 {
		spec := there.Spec
		spec.Name = fmt.Sprint("new_", i)
		go func() {
			_, err := d.Client.CreateImage(t.Context(), client.CreateImage{Spec: spec})
			errs <- err
		}()
	}
	created := 0
	for range 20 {
		if err := <-errs; err == nil {
			created++
		} else if !problem.Has(err, problem.ImageQuotaExceeded) {
			t.Error(err)
		}
	}
	left, err := d.Client.Images(t.Context(), "")
	if created != 1 || err != nil || len(left) != 10 {
		t.Errorf("%d were created, %d are there, %v; want 1 and 10", created, len(left), err)
	}
}
