//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/process"
)

// ownRPMs is a repository of empty packages.
type ownRPMs struct{ work, dir string }

func newOwnRPMs(t *testing.T) *ownRPMs {
	t.Helper()
	work := t.TempDir()
	r := &ownRPMs{work: work, dir: filepath.Join(work, "repository")}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return r
}

// put adds a package of release 1; requires is what it needs, or empty.
func (r *ownRPMs) put(t *testing.T, name, version, requires string) {
	t.Helper()
	spec := fmt.Sprintf("Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n", name, version)
	if requires != "" {
		spec += "Requires: " + requires + "\n"
	}
	file := filepath.Join(r.work, "own.spec")
	err := errors.Join(
		os.WriteFile(file, []byte(spec+"%description\nx\n%files\n"), 0o644),
		runTool(r.work, "rpmbuild", "-bb", "--quiet", "--define=_topdir "+filepath.Join(r.work, "top"), "--define=_rpmdir "+r.dir, file),
		runTool(r.work, "createrepo_c", "--quiet", r.dir),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// drop removes a version.
func (r *ownRPMs) drop(t *testing.T, name, version string) {
	t.Helper()
	err := errors.Join(
		os.Remove(filepath.Join(r.dir, "noarch", name+"-"+version+"-1.noarch.rpm")), runTool(r.work, "createrepo_c", "--quiet", r.dir),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// rpmLocked lets a dependency get a newer version after the test: runs and the baking install the one that was tested, also where the
// recipe installs on the way what is not there in the end. When the tested one is gone, that is said.
func (d *kilnd) rpmLocked(t *testing.T, base string) {
	t.Helper()
	own := newOwnRPMs(t)
	own.put(t, "kiln-app", "1.0", "kiln-dep >= 1")
	own.put(t, "kiln-dep", "1.0", "")
	own.put(t, "kiln-tool", "1.0", "")
	server := newYumServer(t, &rpms{dir: own.dir})
	image := func(packages string) string {
		return surroundings("rpmlock", base, server.host) + customImage("rpmlock", rpmImage, "shell", "packages = [\n"+packages+"]", "")
	}
	entry := func(name string) string {
		return fmt.Sprintf("{ type = \"yum\", names = [\"%s-1.0-1\"], index = \"http://%s\" },\n", name, server.host)
	}
	w := d.workspace(t, mainTool(), image(entry("kiln-app")))
	w.apply(t)
	own.put(t, "kiln-dep", "2.0", "")
	has := func() {
		t.Helper()
		if said, err := d.kiln(t, "run", "rpmlock", "--", "rpm", "-q", "kiln-dep"); err != nil || said != "kiln-dep-1.0-1.noarch\n" {
			t.Errorf("kiln run: %q, %v", said, err)
		}
	}
	has()
	w.write(t, image(entry("kiln-app"))+persistentBuild)
	w.apply(t)
	has()
	w.settled(t)

	// A tool that is removed again is not in the list of what was tested, so nothing of it could be installed.
	own.drop(t, "kiln-dep", "2.0")
	onTheWay := image(entry("kiln-app") + entry("kiln-tool") + `{ type = "script", script = "rpm -e kiln-tool" },`)
	w.write(t, onTheWay)
	w.apply(t)
	w.write(t, onTheWay+persistentBuild)
	w.apply(t)
	bakings := func() (log string) {
		t.Helper()
		for _, p := range d.processes(t, w.attribute(t, imageAddress, "id"), process.KindBuild) {
			text, err := d.kiln(t, "logs", p.ID)
			if err != nil {
				t.Fatal(err)
			}
			log += text
		}
		return log
	}
	if log := bakings(); !strings.Contains(log, "on the way, the recipe installs") {
		t.Errorf("no baking was done again without the lock:\n%s", log)
	}

	w.write(t, image(entry("kiln-app")+entry("kiln-tool")))
	w.apply(t)
	own.put(t, "kiln-dep", "2.0", "")
	own.drop(t, "kiln-dep", "1.0")
	w.write(t, image(entry("kiln-app")+entry("kiln-tool"))+persistentBuild)
	found := w.applyFails(t)
	for _, want := range []string{"PackageVersionGone", "kiln-dep.noarch 1.0-1", "there are 2.0-1", "which is what was tested"} {
		if !strings.Contains(found.Summary+found.Detail, want) {
			t.Fatalf("the diagnostic has no %q:\n%s\n%s\n%s", want, found.Summary, found.Detail, bakings())
		}
	}
	w.destroy(t)
}
