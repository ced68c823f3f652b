package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/provider/acctest"
)

// regions hold as many images as the largest edition admits, each.
const regions = 3

// BenchmarkPlan compares unchanged plans of images with plans over as many resources of Terraform's own, turn by turn. The images
// are in several regions, by a provider each, for one region has no room for them all.
func BenchmarkPlan(b *testing.B) {
	for _, images := range []int{10, 100, 300} {
		b.Run(fmt.Sprint(images), func(b *testing.B) {
			d := acctest.Start(b, func(c *daemon.Config) {
				for n := range regions {
					c.Regions = append(c.Regions, daemon.Region{Name: fmt.Sprintf("r%d", n), Edition: string(quota.EditionEnterprise)})
				}
			})
			kiln, own := d.CLI(b), d.CLI(b)
			kiln.Config(spread(d, images))
			kiln.Apply()
			kiln.Ship("../bin/terraform-provider-kiln")
			unchanged(b, kiln) // fails when it was not built
			config := fmt.Sprintf("resource \"terraform_data\" \"x\" {\n  count = %d\n  input = count.index\n}\n", images)
			if err := os.WriteFile(filepath.Join(own.Dir, "main.tf"), []byte(config), 0o600); err != nil {
				b.Fatal(err)
			}
			own.Apply()
			var ours, theirs []time.Duration
			for b.Loop() {
				ours, theirs = append(ours, unchanged(b, kiln)), append(theirs, unchanged(b, own))
			}
			b.ReportMetric(0, "ns/op") // a mean over both sides has no meaning
			slices.Sort(ours)
			slices.Sort(theirs)
			mine, other := ours[len(ours)/2].Seconds(), theirs[len(theirs)/2].Seconds()
			b.ReportMetric(mine, "kiln_s")
			b.ReportMetric(other, "terraform_s")
			b.ReportMetric(mine/other, "ratio")
		})
	}
}

// unchanged gives how long a plan takes that finds no change.
func unchanged(b *testing.B, cli *acctest.CLI) time.Duration {
	b.Helper()
	begun := time.Now()
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 0 {
		b.Fatalf("plan ended with %d:\n%s", code, output)
	}
	return time.Since(begun)
}

// spread is a configuration of a number of images in all regions.
func spread(d *acctest.Daemon, images int) string {
	var text strings.Builder
	for n := range regions {
		fmt.Fprintf(&text, `
provider "kiln" {
  alias    = "r%[1]d"
  region   = "r%[1]d"
  endpoint = %[2]q
}
resource "kiln_network" "n%[1]d" {
  provider = kiln.r%[1]d
  name     = "closed"
  egress   = "none"
}
resource "kiln_resource_group" "g%[1]d" {
  provider   = kiln.r%[1]d
  name       = "default"
  network_id = kiln_network.n%[1]d.id
  cu         = 2
}
resource "kiln_custom_image" "i%[1]d" {
  provider   = kiln.r%[1]d
  count      = %[3]d
  name       = "i${count.index}"
  task_types = ["pyodps3"]
  source     = { official = { image = %[4]q } }
  packages   = [{ type = "python3", names = ["jieba==0.42.${count.index}"] }]
  test       = { resource_group_id = kiln_resource_group.g%[1]d.id }
}
`, n, d.Endpoint, (images+regions-1-n)/regions, acctest.Official)
	}
	return text.String()
}
