//go:build e2e

package e2e

import "testing"

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
