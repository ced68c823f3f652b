//go:build e2e

package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
	context, file string
	registry      string // HOST:PORT
}

// newBuilder has Kiln bake an image that is nothing but its base, and pulls that.
func (q *quickstart) newBuilder(tb testing.TB) *builder {
	tb.Helper()
	where := tb.TempDir()
	x := &builder{
		containerTool: newContainerTool(tb, "buildah"),
		context:       filepath.Join(where, "context"), file: filepath.Join(where, "Containerfile"), registry: newPlainRegistry(tb),
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

// push pushes to a registry, which is asked first for what it has: to a directory, all layers would be compressed each time.
func (x *builder) push(tb testing.TB) time.Duration {
	tb.Helper()
	return x.timed(tb, "push", "--quiet", "--tls-verify=false", built, "docker://"+x.registry+"/bench:latest")
}

// newPlainRegistry serves the part of the registry's protocol that a push needs, over files, and gives its HOST:PORT. Kiln's
// own takes pushes from nobody else.
func newPlainRegistry(tb testing.TB) string {
	tb.Helper()
	const uploads = "/v2/bench/blobs/uploads/"
	where := tb.TempDir()
	blob := func(digest string) string { return filepath.Join(where, strings.TrimPrefix(digest, "sha256:")) }
	answer := func(w http.ResponseWriter, status int, err error) {
		if err != nil {
			tb.Errorf("registry: %v", err)
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/{$}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("HEAD /v2/bench/blobs/{digest}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, blob(r.PathValue("digest")))
	})
	mux.HandleFunc("POST "+uploads, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", uploads+rand.Text())
		answer(w, http.StatusAccepted, nil)
	})
	mux.HandleFunc("PATCH "+uploads+"{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Path)
		answer(w, http.StatusAccepted, save(blob(r.PathValue("id")), r.Body))
	})
	mux.HandleFunc("PUT "+uploads+"{id}", func(w http.ResponseWriter, r *http.Request) {
		upload := blob(r.PathValue("id"))
		answer(w, http.StatusCreated, errors.Join(save(upload, r.Body), accept(upload, blob(r.URL.Query().Get("digest")))))
	})
	mux.HandleFunc("PUT /v2/bench/manifests/{tag}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusCreated, save(filepath.Join(where, rand.Text()), r.Body))
	})
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// save adds to a file.
func save(path string, content io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

// accept makes an upload a blob when it is what it should be, and on the disk, as Kiln's registry does.
func accept(upload, path string) error {
	f, err := os.Open(upload)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != filepath.Base(path) {
		return fmt.Errorf("upload of %s hashes to %s", filepath.Base(path), got)
	}
	return os.Rename(upload, path)
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
