package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
)

// repository makes a repository in the image: kilnapp 1.0, which depends on kilnlib, of which there are the given versions.
func repository(versions string) string {
	return "FROM " + base + "\n" + `COPY --chmod=0755 <<'KILN' /repository.sh
set -e
mkdir -p /repository && cd /repository
deb() {
	mkdir -p "$1/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Kiln <kiln@example.com>\nDescription: test\n%s' "$1" "$2" "$3" > "$1/DEBIAN/control"
	dpkg-deb --build "$1" "$1_$2.deb" > /dev/null
	{ dpkg-deb -f "$1_$2.deb"; echo "Filename: ./$1_$2.deb"; echo "Size: $(stat -c %s "$1_$2.deb")"
	echo "SHA256: $(sha256sum "$1_$2.deb" | cut -d' ' -f1)"; echo; } >> Packages
	rm -r "$1"
}
deb kilnapp 1.0 'Depends: kilnlib
'
for version in ` + versions + `; do deb kilnlib "$version" ''; done
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/repository ./' > /etc/apt/sources.list
KILN
RUN ["/bin/sh", "/repository.sh"]
RUN apt-get update && apt-get install -y --no-install-recommends -o APT::Sandbox::User=root kilnapp=1.0
`
}

// library gives the version of kilnlib; empty when it is not there.
func library(packages []worker.Package) string {
	i := slices.IndexFunc(packages, func(p worker.Package) bool { return p.Name == "kilnlib" })
	if i < 0 {
		return ""
	}
	return packages[i].Version
}

// TestAptLock checks with apt itself that a dependency is installed in the version that was tested, and that nothing else is
// installed in its place when it is gone.
func TestAptLock(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	build := func(versions string, tested []worker.Package) (worker.Result, *recorder, error) {
		image := &worker.Image{Containerfile: repository(versions), Check: true}
		var list []official.Package
		for _, p := range tested {
			list = append(list, official.Package(p))
		}
		if text := lock.Preferences(list); text != "" {
			image.Mounts, image.Expect, image.Check = map[string]string{lock.AptPath: text}, tested, false
		}
		return execute(t, e, worker.Job{Kind: worker.KindImage, Image: image})
	}
	first, _, err := build("1.0", nil)
	if err != nil || library(first.Packages) != "1.0" {
		t.Fatalf("test: kilnlib %s, %v", library(first.Packages), err)
	}
	if second, _, err := build("1.0 2.0", nil); err != nil || library(second.Packages) != "2.0" {
		t.Fatalf("without a lock: kilnlib %s, %v", library(second.Packages), err)
	}
	if locked, _, err := build("1.0 2.0", first.Packages); err != nil || library(locked.Packages) != "1.0" {
		t.Errorf("with a lock: kilnlib %s, %v", library(locked.Packages), err)
	}
	_, r, err := build("2.0", first.Packages)
	failure, ok := errors.AsType[*worker.Failure](err)
	if !ok || failure.Kind != worker.FailureStep {
		t.Fatalf("without the tested version: %v", err)
	}
	var list []official.Package
	for _, p := range first.Packages {
		list = append(list, official.Package(p))
	}
	lines := strings.Split(r.text(worker.StreamStdout)+r.text(worker.StreamStderr), "\n")
	if wanted := lock.Missing(lines, list); len(wanted) == 0 || wanted[0].Name != "kilnlib" || wanted[0].Version != "1.0" {
		t.Errorf("wanted %+v of\n%s", wanted, strings.Join(lines, "\n"))
	}
}

// TestExpect checks that a result with other packages is refused, and not kept.
func TestExpect(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	const tag = "localhost/kiln/expect:1"
	_, _, err := execute(t, e, worker.Job{Kind: worker.KindImage, Image: &worker.Image{
		Containerfile: "FROM " + base + "\nRUN true\n", Tag: tag, Expect: []worker.Package{{Manager: "apt", Name: "bash", Version: "1.0"}},
	}})
	failure, ok := errors.AsType[*worker.Failure](err)
	if !ok || failure.Kind != worker.FailureDrift || len(failure.Found) == 0 {
		t.Fatalf("got %v, want drift", err)
	}
	job := shell("true")
	job.Run.Image = tag
	if _, _, err := execute(t, e, job); err == nil {
		t.Error("what has drifted was kept")
	}
}

// TestMountsLeaveNothing checks that what install steps see leaves not even the directories behind that it was mounted in.
func TestMountsLeaveNothing(t *testing.T) {
	t.Parallel()
	_, r, err := execute(t, withBase(t), worker.Job{Kind: worker.KindImage, Image: &worker.Image{
		Containerfile: "FROM " + base + "\nRUN cat " + lock.PipConfigPath + " && test -e " + lock.ConstraintsPath + "\n",
		Mounts:        map[string]string{lock.PipConfigPath: lock.PipConfig, lock.ConstraintsPath: "a==1\n", lock.AptPath: "\n"},
		Commands:      []worker.Command{{Name: "gone", Argv: []string{"/bin/sh", "-c", "ls -d /etc/xdg /etc/pip-constraints.txt " + lock.AptPath + " 2>/dev/null; true"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.text(worker.StreamStdout); got != lock.PipConfig {
		t.Errorf("the image has %q", got)
	}
}
