//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/process"
)

// TestStory is the life of an image: a commit, its revert, a rollback by number, a baking that fails, and what somebody does
// behind Terraform's back.
func TestStory(t *testing.T) {
	t.Parallel()
	d, g := daemon(t), newGate(t)
	around := surroundings("story", g.host())
	config := func(version string) string {
		return around + shellImage("story", script("echo "+version+" > /etc/story\n"), "") + persistentBuild
	}
	w := d.workspace(t, mainTool(), config("one"))
	w.apply(t)
	s := story{d: d, w: w, id: w.attribute(t, imageAddress, "id")}
	one := w.attribute(t, buildAddress, "image_ref")
	s.serves(t, "one", one)

	w.write(t, config("two"))
	w.apply(t)
	two := w.attribute(t, buildAddress, "image_ref")
	s.serves(t, "two", two)
	if one == two {
		t.Error("another recipe has the same digest")
	}

	// The reverted commit: everything is known in the plan, and nothing runs.
	done := s.done(t)
	w.write(t, config("one"))
	out, err := w.run(t, "plan", "-input=false", "-no-color")
	digest := one[strings.IndexByte(one, '@')+1:]
	if err != nil || !strings.Contains(out, "-> 1") || !strings.Contains(out, digest) {
		t.Errorf("plan of the revert: %v\n%s", err, out)
	}
	w.apply(t)
	s.serves(t, "one", one)
	s.nothingRan(t, "the revert", done)
	w.settled(t)

	// The rollback by number shows as drift, and the next apply goes forward again.
	w.write(t, config("two"))
	w.apply(t)
	stays := "story version 1 Published\nits persistent build still has version 2, " + two[strings.IndexByte(two, '@')+1:] + ", until the next apply"
	if out, err := d.kiln(t, "rollback", "story", "1"); err != nil || !strings.HasPrefix(out, stays) {
		t.Errorf("kiln rollback: %q, %v, want %q", out, err, stays)
	}
	s.serves(t, "one", two)
	w.write(t, config("one"))
	if out, err := w.run(t, "plan", "-input=false", "-no-color"); err != nil || !strings.Contains(out, "0 to add, 1 to change, 0 to destroy") ||
		!strings.Contains(out, "2 -> 1") || !strings.Contains(out, digest) {
		t.Errorf("plan of the reverted commit after the rollback: %v\n%s", err, out)
	}
	w.write(t, config("two"))
	if out, err := w.run(t, "plan", "-input=false", "-detailed-exitcode", "-no-color"); err == nil || !strings.Contains(out, "published_version") {
		t.Errorf("plan after the rollback: %v\n%s", err, out)
	}
	w.apply(t)
	s.serves(t, "two", two)
	s.nothingRan(t, "the rollback and the way forward", done)
	if out, err := d.kiln(t, "versions", "story", "--history"); err != nil || strings.Count(out, "Revert") != 3 || strings.Count(out, "Rollback") != 1 {
		t.Errorf("kiln versions: %v\n%s", err, out)
	}
	if _, err := d.kiln(t, "rollback", "story", "3"); err == nil || !strings.Contains(err.Error(), "VersionNotFound") {
		t.Errorf("kiln rollback to what is not there: %v", err)
	}

	s.swap(t, g, around, two)
	s.drift(t, config("two"))
	w.destroy(t)
}

// story is an image in its workspace.
type story struct {
	d  *kilnd
	w  *workspace
	id string
}

// swap bakes a version whose baking fails, though its test has passed: what was baked before goes on serving.
func (s story) swap(t *testing.T, g *gate, around, ref string) {
	t.Helper()
	three := around + shellImage("story", script(g.script()+"echo three > /etc/story\n"), "")
	s.w.write(t, three+persistentBuild)
	apply := s.w.startApply(t)
	g.wait(t).pass(t)
	step := g.wait(t) // of the baking
	pulls(t, ref)
	if _, err := step.conn.Write([]byte("stop\n")); err != nil {
		t.Fatal(err)
	}
	if found := apply.fails(t); !strings.Contains(found.Summary+found.Detail, "Unclassified") {
		t.Errorf("the baking fails as %+v", found)
	}
	b, err := s.d.client.Build(t.Context(), s.id)
	if err != nil || b.Stage != "BuildFailed" || b.BakedVersion != 2 || b.ImageRef != ref || b.DurationSeconds <= 0 || b.CUSeconds <= 0 {
		t.Errorf("after the failure: %+v, %v", b, err)
	}
	pulls(t, ref)
	again := s.w.startApply(t)
	g.wait(t).pass(t)
	again.succeeds(t)
	s.serves(t, "three", s.w.attribute(t, buildAddress, "image_ref"))
	pulls(t, ref) // a revert would need it
}

// drift deletes and changes behind Terraform's back: the plan says it, and the apply puts it right.
func (s story) drift(t *testing.T, config string) {
	t.Helper()
	s.w.write(t, config)
	s.w.apply(t)
	b, err := s.d.client.Build(t.Context(), s.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.d.client.DeleteBuild(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	out, err := s.w.run(t, "plan", "-input=false", "-detailed-exitcode", "-no-color")
	if err == nil || !strings.Contains(out, "1 to add, 0 to change, 0 to destroy") {
		t.Errorf("plan without the persistent build: %v\n%s", err, out)
	}
	s.w.apply(t)
	s.serves(t, "two", s.w.attribute(t, buildAddress, "image_ref"))
	s.w.settled(t)
}

// serves checks that the image runs as a version says, and that this can be pulled.
func (s story) serves(t *testing.T, says, ref string) {
	t.Helper()
	s.says(t, says)
	pulls(t, ref)
}

func (s story) says(t *testing.T, want string) {
	t.Helper()
	if said, err := s.d.kiln(t, "run", "story", "--", "cat", "/etc/story"); err != nil || said != want+"\n" {
		t.Errorf("kiln run: %q, %v, want %s", said, err, want)
	}
}

// done gives how many tests and bakings there were.
func (s story) done(t *testing.T) int {
	t.Helper()
	return len(s.d.processes(t, s.id, process.KindTest)) + len(s.d.processes(t, s.id, process.KindBuild))
}

func (s story) nothingRan(t *testing.T, when string, before int) {
	t.Helper()
	if n := s.done(t) - before; n != 0 {
		t.Errorf("%s: %d tests and bakings", when, n)
	}
}

// pulls checks that the registry has a manifest, as a client sees it.
func pulls(t *testing.T, ref string) {
	t.Helper()
	host, path, _ := strings.Cut(ref, "/")
	repository, digest, _ := strings.Cut(path, "@")
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/v2/%s/manifests/%s", host, repository, digest), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("pull %s: %s", ref, answer.Status)
	}
}
