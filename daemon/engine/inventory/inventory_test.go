package inventory_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kilnhq/kiln/daemon/engine/inventory"
	"github.com/kilnhq/kiln/daemon/worker"
)

// root makes a root file system; a text that begins with -> is a symbolic link.
func root(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "->"); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, files map[string]string) inventory.Inventory {
	t.Helper()
	found, err := inventory.Read(root(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// debian has packages of every sort that dpkg knows.
var debian = map[string]string{
	"var/lib/dpkg/status": "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22\n\n" +
		"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b8\nDescription: a shell\n Version: 9\n\n" +
		"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2.36-9\n\n" +
		"Package: libc6\nStatus: hold ok installed\nArchitecture: i386\nMulti-Arch: same\nVersion: 2.36-9\n\n" +
		"Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1.0\n\n" +
		"Package: half\nStatus: install ok half-installed\nArchitecture: all\nVersion: 1.0\n\nnonsense\n",
	"var/lib/dpkg/info/bash.md5sums":        "d41d8cd98f00b204e9800998ecf8427e  bin/bash\n",
	"var/lib/dpkg/info/libc6:amd64.md5sums": "0  lib/x86_64-linux-gnu/libc.so.6\n",
	"var/lib/dpkg/info/libc6:i386.md5sums":  "0  lib/i386-linux-gnu/libc.so.6\n",
}

// names gives what was found without digests, and which digests there are.
func names(list []worker.Package) (plain []worker.Package, digests map[string]string) {
	digests = map[string]string{}
	for _, p := range list {
		if p.Digest != "" {
			digests[p.Interpreter+" "+p.Name] = p.Digest
		}
		p.Digest = ""
		plain = append(plain, p)
	}
	return plain, digests
}

func TestDebian(t *testing.T) {
	t.Parallel()
	found := read(t, debian)
	plain, digests := names(found.Packages)
	want := []worker.Package{
		{Manager: "apt", Name: "bash", Version: "5.2.15-2+b8"},
		{Manager: "apt", Name: "dpkg", Version: "1.21.22"},
		{Manager: "apt", Name: "libc6", Version: "2.36-9"},
		{Manager: "apt", Name: "libc6:i386", Version: "2.36-9"},
	}
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Error(diff)
	}
	if len(digests) != 3 || digests[" libc6"] == digests[" libc6:i386"] || found.RPM || found.Interpreters != nil {
		t.Errorf("digests %v, rpm %v, interpreters %v", digests, found.RPM, found.Interpreters)
	}
}

func metadata(name, version string) string {
	return "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n\nText.\nName: other\n"
}

// python has two interpreters with directories of their own, one of them by three names, and a virtual environment.
func python() map[string]string {
	const local, system = "usr/local/lib/python3.11/dist-packages/", "usr/lib/python3/dist-packages/"
	return map[string]string{
		"home/tops/bin/python3": "->/usr/bin/python3", "usr/bin/python3": "->python3.11", "usr/bin/python3.11": "elf", "usr/bin/python": "->/etc/alternatives/python",
		"etc/alternatives/python": "->../../usr/bin/python2.7", "usr/bin/python2.7": "elf", "usr/bin/python3-config": "sh",
		local + "six.py": "six", local + "six-1.16.0.dist-info/METADATA": metadata("six", "1.16.0"),
		local + "six-1.16.0.dist-info/RECORD":   "six.py,sha256=lie,3\n__pycache__/six.cpython-311.pyc,,\nsix-1.16.0.dist-info/METADATA,,\n../../../bin/six,,\nsix-1.16.0.dist-info/RECORD,,\n",
		"usr/local/bin/six":                     "#!",
		local + "~ip-1.dist-info/METADATA":      metadata("pip", "1"),
		local + "broken-1.dist-info/METADATA":   "Name: broken\n",
		system + "six-1.15.0.egg-info":          metadata("Six", "1.15.0"),
		system + "PyYAML-6.0.egg-info/PKG-INFO": metadata("PyYAML", "6.0"), system + "PyYAML-6.0.egg-info/installed-files.txt": "../yaml.py\n", system + "yaml.py": "yaml",
		"usr/lib/python2.7/dist-packages/six-1.10.dist-info/METADATA": metadata("six", "1.10"),
		"opt/tool/pyvenv.cfg": "home = /usr/bin\n", "opt/tool/bin/python": "->/usr/bin/python3", "opt/tool/bin/python3": "->python", "opt/tool/bin/python3.11": "->python",
		"opt/tool/lib/python3.11/site-packages/flask-1.0.dist-info/METADATA": metadata("Flask", "1.0"),
	}
}

func TestPython(t *testing.T) {
	t.Parallel()
	found := read(t, python())
	plain, digests := names(found.Packages)
	want := []worker.Package{
		{Manager: "pip", Interpreter: "/opt/tool/bin/python3.11", Name: "Flask", Version: "1.0"},
		{Manager: "pip", Interpreter: "/usr/bin/python2.7", Name: "six", Version: "1.10"},
		{Manager: "pip", Interpreter: "/usr/bin/python3.11", Name: "PyYAML", Version: "6.0"},
		{Manager: "pip", Interpreter: "/usr/bin/python3.11", Name: "six", Version: "1.16.0"},
	}
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/opt/tool/bin/python3.11", "/usr/bin/python2.7", "/usr/bin/python3.11"}, found.Interpreters); diff != "" {
		t.Error(diff)
	}
	if len(digests) != 2 {
		t.Errorf("digests %v, want those of six and PyYAML", digests)
	}
}

// TestDigest checks that the digest of a package is over what is installed, not over what its record says of it.
func TestDigest(t *testing.T) {
	t.Parallel()
	const key = "/usr/bin/python3.11 six"
	_, before := names(read(t, python()).Packages)
	for name, differs := range map[string]bool{
		"usr/local/lib/python3.11/dist-packages/six.py": true, "usr/local/bin/six": true,
		"usr/local/lib/python3.11/dist-packages/__pycache__/six.cpython-311.pyc": false,
		"usr/local/lib/python3.11/dist-packages/other.py":                        false,
	} {
		files := python()
		files[name] = "another"
		_, after := names(read(t, files).Packages)
		if (before[key] != after[key]) != differs {
			t.Errorf("after a change of %s: %s, before: %s", name, after[key], before[key])
		}
	}
}

// TestHostile checks that nothing leads out of the root, hangs, or goes on for ever.
func TestHostile(t *testing.T) {
	t.Parallel()
	outside := root(t, debian)
	files := map[string]string{
		"var/lib/dpkg": "->" + filepath.Join(strings.Repeat("../", 20), outside, "var/lib/dpkg"),
		"usr/bin":      "->/usr/bin", "opt/a": "->/opt/b", "opt/b": "->/opt/a",
	}
	if found := read(t, files); len(found.Packages) != 0 {
		t.Errorf("found %v outside", found.Packages)
	}
	dir := root(t, map[string]string{"var/lib/dpkg/x": "", "var/lib/rpm/Packages": "db"})
	if err := syscall.Mkfifo(filepath.Join(dir, "var/lib/dpkg/status"), 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := inventory.Read(dir)
	if err != nil || len(found.Packages) != 0 || !found.RPM {
		t.Errorf("found %v, rpm %v, %v", found.Packages, found.RPM, err)
	}
}

func TestAgainst(t *testing.T) {
	t.Parallel()
	base := []worker.Package{
		{Manager: "apt", Name: "bash", Version: "5"},
		{Manager: "apt", Name: "gone", Version: "1", Digest: "d"},
		{Manager: "pip", Interpreter: "/a", Name: "Py_YAML", Version: "5"},
		{Manager: "pip", Interpreter: "/b", Name: "six", Version: "1"},
	}
	now := []worker.Package{
		{Manager: "apt", Name: "bash", Version: "5", Digest: "x"},
		{Manager: "apt", Name: "new", Version: "1"},
		{Manager: "pip", Interpreter: "/a", Name: "py-yaml", Version: "6"},
		{Manager: "pip", Interpreter: "/a", Name: "six", Version: "1"},
		{Manager: "pip", Interpreter: "/b", Name: "six", Version: "1"},
	}
	want := []worker.Package{
		{Manager: "apt", Name: "bash", Version: "5", Base: "5", Digest: "x"},
		{Manager: "apt", Name: "gone", Base: "1"},
		{Manager: "apt", Name: "new", Version: "1"},
		{Manager: "pip", Interpreter: "/a", Name: "py-yaml", Version: "6", Base: "5"},
		{Manager: "pip", Interpreter: "/a", Name: "six", Version: "1"},
		{Manager: "pip", Interpreter: "/b", Name: "six", Version: "1", Base: "1"},
	}
	if diff := cmp.Diff(want, inventory.Against(now, base), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}
