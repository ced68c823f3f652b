//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

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

// app puts a package with a dependency into an index, and gives an image of the first, which says what it has of the second.
func (x *index) app(name string) string {
	x.put("kilnapp", "1.0", wheel{requires: []string{"kilndep>=1"}})
	x.put("kilndep", "1.0", wheel{text: "tested"})
	return surroundings(name, x.host()) + customImage(name, pythonImage, "pyodps3", x.python("kilnapp==1.0"), "")
}

// says runs the image and checks what it has of the dependency.
func (d *kilnd) says(t *testing.T, name, want string) {
	t.Helper()
	said, err := d.kiln(t, "run", name, "--", "/home/tops/bin/python3", "-c", "import kilndep; print(kilndep.version, kilndep.text)")
	if err != nil || said != want+"\n" {
		t.Errorf("kiln run: %q, %v, want %s", said, err, want)
	}
}

// TestLocked lets a dependency get a newer version after the test: runs and the baking install the one that was tested.
func TestLocked(t *testing.T) {
	t.Parallel()
	d, x := daemon(t), ownIndex(t)
	config := x.app("locked")
	w := d.workspace(t, mainTool(), config)
	w.apply(t)
	x.put("kilndep", "2.0", wheel{text: "newer"})
	d.says(t, "locked", "1.0 tested")
	w.write(t, config+persistentBuild)
	w.apply(t)
	d.says(t, "locked", "1.0 tested")
	w.settled(t)
	w.destroy(t)
}

// TestLockFile writes what a test has found into the recipe: the new version has the same packages, and needs no index to find out which.
func TestLockFile(t *testing.T) {
	t.Parallel()
	d, x := daemon(t), ownIndex(t)
	w := d.workspace(t, mainTool(), x.app("lockfile"))
	w.apply(t)
	before := w.attribute(t, imageAddress, "resolved_packages")
	lock, err := d.kiln(t, "lock", "lockfile", "-o", "hcl")
	if err != nil || !strings.Contains(lock, `"kilndep==1.0"`) {
		t.Fatalf("kiln lock: %v\n%s", err, lock)
	}
	x.put("kilndep", "2.0", wheel{text: "newer"})
	w.write(t, surroundings("lockfile", x.host())+customImage("lockfile", pythonImage, "pyodps3", lock, ""))
	w.apply(t)
	if after := w.attribute(t, imageAddress, "resolved_packages"); after != before || w.attribute(t, imageAddress, "published_version") != "2" {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
	w.settled(t)
	w.destroy(t)
}

// TestBuildDrift replaces a wheel by another of the same version after the test: the baking fails, and succeeds when the tested one
// is there again.
func TestBuildDrift(t *testing.T) {
	t.Parallel()
	d, x := daemon(t), ownIndex(t)
	config := x.app("drift")
	w := d.workspace(t, mainTool(), config)
	w.apply(t)
	x.put("kilndep", "1.0", wheel{text: "moved"})
	w.write(t, config+persistentBuild)
	found := w.applyFails(t)
	if !strings.HasSuffix(found.Summary, ": BuildDrift") || !strings.Contains(found.Detail, "kilndep (python3.11) 1.0 → 1.0 with other content") {
		t.Errorf("the diagnostic is not that of drift:\n%s\n%s", found.Summary, found.Detail)
	}
	x.put("kilndep", "1.0", wheel{text: "tested"})
	w.apply(t)
	d.says(t, "drift", "1.0 tested")
	w.destroy(t)
}

// TestVersionGone takes versions out of the index: of a pin before the test, and of a dependency between test and baking.
func TestVersionGone(t *testing.T) {
	t.Parallel()
	d, x := daemon(t), ownIndex(t)
	config := x.app("gone")
	w := d.workspace(t, mainTool(), strings.ReplaceAll(config, "kilnapp==1.0", "kilnapp==0.9"))
	found := w.applyFails(t)
	if !strings.HasSuffix(found.Summary, ": PackageVersionGone") || !strings.Contains(found.Detail, "there are 1.0") {
		t.Errorf("the diagnostic is not that of a pin without a version:\n%s\n%s", found.Summary, found.Detail)
	}
	w.write(t, config)
	w.apply(t)
	x.put("kilndep", "2.0", wheel{text: "newer"})
	x.drop("kilndep", "1.0")
	w.write(t, config+persistentBuild)
	found = w.applyFails(t)
	for _, want := range []string{"kilndep 1.0", "which is what was tested", "there are 2.0"} {
		if !strings.HasSuffix(found.Summary, ": PackageVersionGone") || !strings.Contains(found.Detail, want) {
			t.Errorf("the diagnostic lacks %q:\n%s\n%s", want, found.Summary, found.Detail)
		}
	}
	if said, err := d.kiln(t, "run", "gone", "--", "true"); err == nil || !strings.Contains(err.Error(), "PackageVersionGone") {
		t.Errorf("kiln run: %q, %v", said, err)
	}
	w.destroy(t)
}

// TestPinOnTheWay installs one version of a package and then another, which the constraints of the second would forbid.
func TestPinOnTheWay(t *testing.T) {
	t.Parallel()
	d, x := daemon(t), ownIndex(t)
	x.put("kilndep", "1.0", wheel{text: "first"})
	x.put("kilndep", "2.0", wheel{text: "second"})
	entry := "{ type = \"python3\", names = [%q], index = %q }"
	packages := "packages = [" + fmt.Sprintf(entry, "kilndep==1.0", x.url()) + ", " + fmt.Sprintf(entry, "kilndep==2.0", x.url()) + "]"
	w := d.workspace(t, mainTool(), surroundings("way", x.host())+customImage("way", pythonImage, "pyodps3", packages, "")+persistentBuild)
	w.apply(t)
	d.says(t, "way", "2.0 second")
	w.destroy(t)
}
