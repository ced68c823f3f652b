//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/client"
)

// TestQuota fills a region that may hold ten images, over plans and applies: above nine, three new ones are refused together
// in the plan, whoever has the nine; at the limit, one goes and another one comes.
func TestQuota(t *testing.T) {
	t.Parallel()
	d := ownDaemon(t, "quota", "workers = 4\nregion \"local\" { edition = \"basic\" }\n")
	nine := []string{"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"}
	three := []string{"Value: 9 used, 3 planned: a, b, c", "Limit: 10 images in edition basic", "Delete an image that is no longer needed"}
	w := d.workspace(t, mainTool(), quotaImages("here", nine...))
	w.apply(t)

	w.write(t, quotaImages("here", append(nine, "a", "b", "c")...))
	d.quotaRefuses(t, w, three...)
	other := d.workspace(t, mainTool(), quotaImages("elsewhere", "a", "b", "c"))
	d.quotaRefuses(t, other, append(three, "No image was seen whose deletion makes room")...)

	w.write(t, quotaImages("here", append(nine, "a")...))
	w.apply(t)
	other.write(t, quotaImages("elsewhere", "b"))
	d.quotaRefuses(t, other, "Value: 10 used, 1 planned: b")

	w.write(t, quotaImages("here", append(nine[1:], "a", "b")...))
	if out, err := w.run(t, "plan", "-input=false", "-no-color", "-out=swap"); err != nil || strings.Contains(out, "ImageQuotaExceeded") ||
		!strings.Contains(out, "Plan: 1 to add, 0 to change, 1 to destroy.") {
		t.Fatalf("plan at the limit: %v\n%s", err, out)
	}
	if out, err := w.run(t, "apply", "-input=false", "-no-color", "swap"); err != nil {
		t.Fatalf("apply at the limit: %v\n%s", err, out)
	}
	if got := d.imageNames(t); len(got) != 10 || slices.Contains(got, "n0") || !slices.Contains(got, "b") {
		t.Errorf("images = %q, want ten, b in place of n0", got)
	}
	w.settled(t)
	w.destroy(t)
}

// quotaImages are images that install nothing, on a network and in a group of their state: making and testing one takes a second.
func quotaImages(group string, names ...string) string {
	return surroundings(group) + fmt.Sprintf(`
resource "kiln_custom_image" "test" {
  for_each   = toset(["%s"])
  name       = each.key
  task_types = ["shell"]
  publish    = false
  source     = { official = { image = "dataworks_shell_task_pod" } }
  env        = { IMAGE = each.key }
  test       = { resource_group_id = kiln_resource_group.test.id }
}
`, strings.Join(names, `", "`))
}

// quotaRefuses checks that a plan fails with one error about the quota, and that images and processes are as they were before.
func (d *kilnd) quotaRefuses(t *testing.T, w *workspace, texts ...string) {
	t.Helper()
	images, processes := d.imageNames(t), d.processCount(t)
	out, err := w.run(t, "plan", "-input=false", "-json")
	found := diagnoses(t, out, "error")
	if err == nil || len(found) != 1 || found[0].Summary != "ImageQuotaExceeded" {
		t.Fatalf("plan: %v, want one error ImageQuotaExceeded:\n%s", err, out)
	}
	for _, text := range texts {
		if !strings.Contains(found[0].Detail, text) {
			t.Errorf("the refusal lacks %q:\n%s", text, found[0].Detail)
		}
	}
	if now := d.imageNames(t); !slices.Equal(now, images) {
		t.Errorf("images = %q after the plan, %q before", now, images)
	}
	if now := d.processCount(t); now != processes {
		t.Errorf("%d processes after the plan, %d before", now, processes)
	}
}

func (d *kilnd) imageNames(t *testing.T) []string {
	t.Helper()
	list, err := d.client.Images(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(list))
	for i, image := range list {
		names[i] = image.Spec.Name
	}
	slices.Sort(names)
	return names
}

func (d *kilnd) processCount(t *testing.T) int {
	t.Helper()
	list, err := d.client.Processes(t.Context(), client.ProcessFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
