//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/kilnhq/kiln/internal/domain/process"
)

// The image of the quickstart's example, and its persistent build.
const (
	quickImage = "kiln_custom_image.segmenter"
	quickBuild = "kiln_persistent_build.segmenter"
)

// BenchmarkQuickstart compares the quickstart with the same work done without Kiln, turn by turn. It reports medians in
// seconds and their quotients, and judges none of them.
func BenchmarkQuickstart(b *testing.B) {
	q := &quickstart{daemon: ownDaemon(b, "bench")}
	q.workspace = q.daemon.workspace(b, mainTool(), "")
	copyExample(b, q.workspace)
	q.apply(b)
	b.Run("Build", q.benchmarkBuild)
	b.Run("Plan", q.benchmarkPlan)
	q.destroy(b)
}

// quickstart is the applied example.
type quickstart struct {
	*workspace
	daemon *kilnd
}

// benchmarkBuild compares the baking of a new recipe, and of one that was baked before, with the buildah command line.
func (q *quickstart) benchmarkBuild(b *testing.B) {
	buildah := q.newBuilder(b)
	digest := q.attribute(b, quickBuild, "digest")
	buildah.recipe(b, q, "")
	buildah.build(b, "--layers") // once before it counts, as Kiln has done: the base is where it is pushed to, too
	buildah.push(b)
	cold, rebuild := duel{name: "cold"}, duel{name: "rebuild"}
	var pushes []time.Duration
	for round := 0; b.Loop(); round++ {
		content := fmt.Sprintf("round %d\n", round)
		baked := q.bake(b, content)
		buildah.recipe(b, q, content)
		built := buildah.build(b, "--no-cache")
		pushed := buildah.push(b)
		cold.add(baked, built+pushed)
		pushes = append(pushes, pushed)

		reverted := q.revert(b, digest)
		buildah.recipe(b, q, "")
		rebuild.add(reverted, buildah.build(b, "--layers"))
	}
	report(b, "Buildah", cold, rebuild)
	b.ReportMetric(median(pushes).Seconds(), "buildah_push_s") // a part of its cold_s
}

// override adds to the example's image what Terraform merges into it; empty leaves it as it is.
func (q *quickstart) override(tb testing.TB, arguments string) {
	tb.Helper()
	path := filepath.Join(q.dir, "bench_override.tf")
	err := os.Remove(path)
	if arguments != "" {
		err = os.WriteFile(path, []byte("resource \"kiln_custom_image\" \"segmenter\" {\n"+arguments+"}\n"), 0o600)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		tb.Fatal(err)
	}
}

// builds lists what was baked, the newest first.
func (q *quickstart) builds(tb testing.TB) []process.Process {
	tb.Helper()
	var list []process.Process
	for _, p := range q.daemon.processes(tb, q.attribute(tb, quickImage, "id"), process.KindBuild) {
		list = append(list, p.Process)
	}
	return list
}

// bake gives how long the baking of a new recipe took: the build, the list of its packages, the push, and the reading
// back. A file makes the recipe and its layer new; the test, which the other side does not have, is not counted.
func (q *quickstart) bake(tb testing.TB, content string) time.Duration {
	tb.Helper()
	before := len(q.builds(tb))
	q.override(tb, fmt.Sprintf("  files = [{ content = %q, target = \"/opt/round\" }]\n", content))
	q.apply(tb)
	list := q.builds(tb)
	if len(list) != before+1 || list[0].State != process.StateCompleted {
		tb.Fatalf("a new recipe was not baked once: %+v", list)
	}
	return list[0].Duration(time.Time{})
}

// revert gives how long an apply takes that goes back to what was baked before.
func (q *quickstart) revert(tb testing.TB, digest string) time.Duration {
	tb.Helper()
	before := len(q.builds(tb))
	q.override(tb, "")
	begun := time.Now()
	q.apply(tb)
	taken := time.Since(begun)
	if after, now := len(q.builds(tb)), q.attribute(tb, quickBuild, "digest"); after != before || now != digest {
		tb.Fatalf("the recipe was baked again: %d processes after %d, digest %s after %s", after, before, now, digest)
	}
	return taken
}

// builder is the buildah command line with the base image of the example, by the name that Kiln gives it.
type builder struct {
	*containerTool
	context, file, layout string
}

// newBuilder has Kiln bake an image that is nothing but its base, and pulls that.
func (q *quickstart) newBuilder(tb testing.TB) *builder {
	tb.Helper()
	where := tb.TempDir()
	x := &builder{
		containerTool: newContainerTool(tb, "buildah"),
		context:       filepath.Join(where, "context"), file: filepath.Join(where, "Containerfile"), layout: filepath.Join(where, "pushed"),
	}
	if err := os.Mkdir(x.context, 0o700); err != nil {
		tb.Fatal(err)
	}
	q.override(tb, "  packages = []\n  test     = { resource_group_id = kiln_resource_group.default.id }\n")
	q.apply(tb)
	id, err := x.run(tb, "pull", "--quiet", "--tls-verify=false", q.attribute(tb, quickBuild, "image_ref"))
	if err != nil {
		tb.Fatal(err)
	}
	from, base, _ := strings.Cut(strings.TrimSpace(q.attribute(tb, quickImage, "containerfile")), " ")
	if from != "FROM" || strings.ContainsAny(base, " \n") {
		tb.Fatalf("the image is more than its base: %s %s", from, base)
	}
	if _, err := x.run(tb, "tag", strings.TrimSpace(id), base); err != nil {
		tb.Fatal(err)
	}
	q.override(tb, "")
	q.apply(tb)
	return x
}

// recipe takes over what Kiln has built: its Containerfile, to the letter, and the file that is named in it by its hash.
func (x *builder) recipe(tb testing.TB, q *quickstart, content string) {
	tb.Helper()
	sum := sha256.Sum256([]byte(content))
	err := errors.Join(
		os.WriteFile(x.file, []byte(q.attribute(tb, quickImage, "containerfile")), 0o600),
		os.WriteFile(filepath.Join(x.context, "sha256-"+hex.EncodeToString(sum[:])), []byte(content), 0o600),
	)
	if err != nil {
		tb.Fatal(err)
	}
}

// built is the name of what was built last.
const built = "localhost/bench:latest"

// build builds on the network of the machine, with Kiln's runtime.
func (x *builder) build(tb testing.TB, cache string) time.Duration {
	tb.Helper()
	return x.timed(tb, "build", "--isolation=oci", "--runtime="+dir("bin", "runc"), "--network=host", "--pull-never", cache,
		"--tag="+built, "--file="+x.file, x.context)
}

// push writes compressed layers to a directory that keeps those it has, as a registry does.
func (x *builder) push(tb testing.TB) time.Duration {
	tb.Helper()
	return x.timed(tb, "push", "--quiet", built, "oci:"+x.layout+":bench")
}

func (x *builder) timed(tb testing.TB, args ...string) time.Duration {
	tb.Helper()
	begun := time.Now()
	if _, err := x.run(tb, args...); err != nil {
		tb.Fatal(err)
	}
	return time.Since(begun)
}

// benchmarkPlan compares a plan that finds no change with one over as many resources that are Terraform's own, which have
// neither a provider to start nor a daemon to ask.
func (q *quickstart) benchmarkPlan(b *testing.B) {
	const plans = 5 // a round; they are short
	out, err := q.run(b, "state", "list")
	if err != nil {
		b.Fatalf("state list: %v\n%s", err, out)
	}
	other := &workspace{tool: q.tool, dir: b.TempDir(), env: q.env}
	var config strings.Builder
	for i := range strings.Count(out, "\n") {
		fmt.Fprintf(&config, "resource \"terraform_data\" \"r%d\" {\n  input = \"%d\"\n}\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(other.dir, "main.tf"), []byte(config.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	if out, err := other.run(b, "init", "-input=false", "-no-color"); err != nil {
		b.Fatalf("init: %v\n%s", err, out)
	}
	other.apply(b)
	plan := duel{name: "plan"}
	for b.Loop() {
		for range plans {
			plan.add(q.plan(b), other.plan(b))
		}
	}
	report(b, "Terraform", plan)
}

// plan gives how long a plan takes that finds no change.
func (w *workspace) plan(tb testing.TB) time.Duration {
	tb.Helper()
	begun := time.Now()
	w.settled(tb)
	return time.Since(begun)
}

// duel is what both sides took for the same, turn by turn.
type duel struct {
	name        string
	kiln, other []time.Duration
}

func (d *duel) add(kiln, other time.Duration) {
	d.kiln, d.other = append(d.kiln, kiln), append(d.other, other)
}

func median(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// spread shows a median and what it is the median of: a machine that does other work at the same time shows here.
func spread(list []time.Duration) string {
	return fmt.Sprintf("%.2f s (%.2f to %.2f)", median(list).Seconds(), slices.Min(list).Seconds(), slices.Max(list).Seconds())
}

// report gives the medians to the benchmark, and as a table to whoever reads along.
func report(b *testing.B, other string, duels ...duel) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // a mean over all that was done has no meaning
	table := tabwriter.NewWriter(b.Output(), 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\tKiln\t%s\tratio\t\n", other)
	for _, d := range duels {
		kiln, peer := median(d.kiln).Seconds(), median(d.other).Seconds()
		b.ReportMetric(kiln, "kiln_"+d.name+"_s")
		b.ReportMetric(peer, strings.ToLower(other)+"_"+d.name+"_s")
		b.ReportMetric(kiln/peer, d.name+"_ratio")
		fmt.Fprintf(table, "%s\t%s\t%s\t%.2f\t\n", d.name, spread(d.kiln), spread(d.other), kiln/peer)
	}
	if err := table.Flush(); err != nil {
		b.Error(err)
	}
}
