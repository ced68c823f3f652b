//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// queueRegion is a region of the test of the queue: so many images, each with a persistent build, whose steps wait at a gate.
func queueRegion(g *gate, region string, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%q", fmt.Sprintf("%s_%d", region, i))
	}
	return strings.NewReplacer("REGION", region, "NAMES", strings.Join(names, ", "), "HOST", g.host(), "PORT", g.port()).Replace(`
provider "kiln" {
  alias  = "REGION"
  region = "REGION"
}
resource "kiln_network" "REGION" {
  provider = kiln.REGION
  name     = "queue"
  egress   = "restricted"
  allow    = ["HOST"]
}
resource "kiln_resource_group" "REGION" {
  provider   = kiln.REGION
  name       = "queue"
  type       = "serverless"
  network_id = kiln_network.REGION.id
  cu         = 8
  time_zone  = "UTC"
}
resource "kiln_custom_image" "REGION" {
  for_each   = toset([NAMES])
  provider   = kiln.REGION
  name       = each.key
  task_types = ["shell"]
  source     = { official = { image = "dataworks_shell_task_pod" } }
  packages = [{ type = "script", script = <<-EOT
    exec 3<>/dev/tcp/host.kiln.internal/PORT
    echo ${each.key} >&3
    read -r answer <&3
    [[ $answer == go ]]
    EOT
  }]
  test = { resource_group_id = kiln_resource_group.REGION.id }
}
resource "kiln_persistent_build" "REGION" {
  for_each          = kiln_custom_image.REGION
  provider          = kiln.REGION
  image_id          = each.value.id
  image_version     = each.value.published_version
  resource_group_id = kiln_resource_group.REGION.id
}
`)
}

// TestQueue bakes five images of one region and two of another in one apply: two of each region run at a time, the others
// say their place, all succeed, and what is metered is what ran.
func TestQueue(t *testing.T) {
	t.Parallel()
	d, err := newDaemon("queue", "workers = 16\nregion \"local\" { edition = \"professional\" }\nregion \"east\" { edition = \"professional\" }\n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.end(); err != nil {
			t.Error(err)
		}
	})
	g := newGate(t)
	w := d.workspace(t, mainTool(), queueRegion(g, "local", 5)+queueRegion(g, "east", 2))
	apply := w.startApply(t, "-parallelism=10")

	// Each image comes to the gate when it is tested, and once more when it is baked.
	seen, baking := map[string]bool{}, []*visitor{}
	for len(seen) < 7 || len(baking) < 4 {
		v := g.wait(t)
		if seen[v.said] {
			baking = append(baking, v)
			continue
		}
		seen[v.said] = true
		v.pass(t)
	}
	bakings := func(region string) []client.Process {
		list, err := d.client.Processes(t.Context(), client.ProcessFilter{Kind: process.KindBuild, Region: region})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	eventually(t, "all bakings are there", func() bool { return len(bakings("local"))+len(bakings("east")) == 7 })
	for region, want := range map[string]string{"local": "0 0 1 2 3", "east": "0 0"} {
		var places []string
		for _, p := range bakings(region) {
			places = append(places, fmt.Sprint(p.QueuePosition))
		}
		slices.Sort(places)
		if got := strings.Join(places, " "); got != want {
			t.Errorf("the places in %s are %s, want %s", region, got, want)
		}
	}
	if out, err := d.kiln(t, "jobs", "--kind", "build", "--state", "queued", "--region", "local", "-o", "json"); err != nil || strings.Count(out, `"queue_position": 3`) != 1 {
		t.Errorf("kiln jobs: %v\n%s", err, out)
	}
	for _, v := range baking {
		v.pass(t)
	}
	for range 3 {
		g.wait(t).pass(t)
	}
	apply.succeeds(t)
	for region, count := range map[string]int{"local": 5, "east": 2} {
		list := bakings(region)
		if most := atOnce(list); len(list) != count || most != 2 {
			t.Errorf("%d bakings in %s, %d at once, want %d, two at once", len(list), region, most, count)
		}
		metered(t, d, list)
	}
	if most := atOnce(slices.Concat(bakings("local"), bakings("east"))); most != 4 {
		t.Errorf("%d bakings at once in both regions, want 4", most)
	}
	w.settled(t)
	w.destroy(t)
}

// atOnce is how many processes ran at the same time, by the times that the daemon has recorded.
func atOnce(list []client.Process) (most int) {
	for _, p := range list {
		n := 0
		for _, other := range list {
			if !other.StartedAt.After(p.StartedAt) && other.EndedAt.After(p.StartedAt) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// metered checks that bakings have the meter of their running time, and their builds the same.
func metered(t *testing.T, d *kilnd, list []client.Process) {
	t.Helper()
	for _, p := range list {
		ran := p.EndedAt.Sub(p.StartedAt).Seconds()
		b, err := d.client.Build(t.Context(), p.ImageID)
		if err != nil || p.State != process.StateCompleted || ran <= 0 || math.Abs(p.CUSeconds-0.5*ran) > 0.5*time.Millisecond.Seconds() ||
			b.CUSeconds != p.CUSeconds || math.Abs(b.DurationSeconds-ran) > time.Millisecond.Seconds() {
			t.Errorf("%s, %g s, %g CU-seconds; the build says %g s, %g CU-seconds; %v", p.State, ran, p.CUSeconds, b.DurationSeconds, b.CUSeconds, err)
		}
	}
}
