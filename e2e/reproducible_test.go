//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/process"
)

// TestReproducible bakes the same recipe, with apt, pip and a script, in two daemons with stores of their own: the digests are the same.
func TestReproducible(t *testing.T) {
	t.Parallel()
	x := ownIndex(t)
	x.put("kilnapp", "1.0", wheel{requires: []string{"kilndep>=1"}})
	x.put("kilndep", "1.0", wheel{})
	packages := `packages = [
    { type = "apt", names = ["hello=2.10-3", "python3-six=1.16.0-4"] },
    { type = "python3", names = ["kilnapp==1.0"], index = "` + x.url() + `" },
    { type = "script", script = "python3 -c 'import kilnapp, six' && mkdir /made && date > /var/log/dpkg.log" },
  ]`
	config := surroundings("reproducible", mirror, x.host()) + customImage("reproducible", pythonImage, "pyodps3", packages, "") + persistentBuild
	digest := func(d *kilnd) string {
		w := d.workspace(t, mainTool(), config)
		w.apply(t)
		digest := w.attribute(t, "kiln_persistent_build.test", "digest")
		w.destroy(t)
		return digest
	}
	first, second := digest(daemon(t)), digest(ownDaemon(t, "reproducible"))
	if first != second {
		t.Errorf("one store has %s, the other %s", first, second)
	}
}

// TestIrreproducible loses what was baked by a script that does not do the same twice: it is baked again, with another digest, and the
// log of the baking says which file is the reason.
func TestIrreproducible(t *testing.T) {
	t.Parallel()
	d := ownDaemon(t, "irreproducible")
	text := script("mkdir /made && echo same > /made/same && cat /proc/sys/kernel/random/uuid > /made/uuid\n")
	w := d.workspace(t, mainTool(), surroundings("irreproducible")+shellImage("irreproducible", text, "")+persistentBuild)
	w.apply(t)
	first := w.attribute(t, buildAddress, "digest")
	hex := strings.TrimPrefix(first, "sha256:")
	if err := os.Remove(filepath.Join(d.dir, "data", "registry", "docker/registry/v2/blobs/sha256", hex[:2], hex, "data")); err != nil {
		t.Fatal(err)
	}
	w.apply(t)
	second := w.attribute(t, buildAddress, "digest")
	bakings := d.processes(t, w.attribute(t, imageAddress, "id"), process.KindBuild)
	if second == first || len(bakings) != 2 {
		t.Fatalf("baked as %s, and again as %s by %d processes", first, second, len(bakings))
	}
	w.settled(t)
	log := ""
	for _, b := range bakings {
		text, err := d.kiln(t, "logs", b.ID)
		if err != nil {
			t.Fatal(err)
		}
		log += text
	}
	for _, want := range []string{"files that differ: 1\n", "/made/uuid: content\n", "the same recipe was " + first + " before"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
	w.destroy(t)
}
