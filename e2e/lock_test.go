//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// ownIndex starts a package index that the test may change.
func ownIndex(t *testing.T) *index {
	t.Helper()
	x, err := newIndex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.server.Close() })
	return x
}

// python is a packages argument with requirements from an index.
func (x *index) python(requirements ...string) string {
	return fmt.Sprintf("packages = [{ type = \"python3\", names = [\"%s\"], index = %q }]", strings.Join(requirements, `", "`), x.url())
}

// TestResolved installs a package with a dependency, and finds both in the state, and nothing that the official image has.
func TestResolved(t *testing.T) {
	t.Parallel()
	d, x := daemon(t), ownIndex(t)
	x.put("kilnapp", "1.0", wheel{requires: []string{"kilndep>=1"}})
	x.put("kilndep", "1.0", wheel{})
	w := d.workspace(t, mainTool(), surroundings("resolved", x.host())+customImage("resolved", pythonImage, "pyodps3", x.python("kilnapp==1.0"), ""))
	w.apply(t)
	const want = "[map[base_version:<nil> interpreter:/usr/bin/python3.11 manager:pip name:kilnapp version:1.0] " +
		"map[base_version:<nil> interpreter:/usr/bin/python3.11 manager:pip name:kilndep version:1.0]]"
	if got := w.attribute(t, "kiln_custom_image.test", "resolved_packages"); got != want {
		t.Errorf("resolved_packages is %s, want %s", got, want)
	}
	w.settled(t)
	w.destroy(t)
}

// TestConflict installs two packages one after the other that do not fit together, which pip itself only warns of.
func TestConflict(t *testing.T) {
	t.Parallel()
	d, x := daemon(t), ownIndex(t)
	x.put("kilnapp", "1.0", wheel{requires: []string{"kilndep<2"}})
	x.put("kilndep", "1.0", wheel{})
	x.put("kilndep", "2.0", wheel{})
	packages := func(second string) string {
		entry := "{ type = \"python3\", names = [%q], index = %q }"
		return "packages = [" + fmt.Sprintf(entry, "kilnapp==1.0", x.url()) + ", " + fmt.Sprintf(entry, second, x.url()) + "]"
	}
	around := surroundings("conflict", x.host())
	w := d.workspace(t, mainTool(), around+customImage("conflict", pythonImage, "pyodps3", packages("kilndep==2.0"), ""))
	found := w.applyFails(t)
	const line = "/usr/bin/python3.11: kilnapp 1.0 has requirement kilndep<2, but you have kilndep 2.0."
	if !strings.HasSuffix(found.Summary, ": DependencyConflict") || !strings.Contains(found.Detail, line) {
		t.Errorf("the diagnostic is not that of a conflict:\n%s\n%s", found.Summary, found.Detail)
	}
	w.write(t, around+customImage("conflict", pythonImage, "pyodps3", packages("kilndep==1.0"), ""))
	w.apply(t)
	w.destroy(t)
}
