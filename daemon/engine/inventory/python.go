package inventory

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// interpreter is a Python with the directories that it imports packages from, in its order.
type interpreter struct {
	path    string
	version string // e.g. 3.11
	sites   []string
}

var (
	pythonProgram   = regexp.MustCompile(`^python[0-9]*(\.[0-9]+)?$`)
	versionedPython = regexp.MustCompile(`^python([0-9]+\.[0-9]+)$`)
)

// programDirs are where interpreters are looked for, besides those of every directory in /opt.
var programDirs = []string{"/home/tops/bin", "/usr/bin", "/usr/local/bin"}

// interpreters finds the Pythons of the image. Several names of one are one, by its real path; a virtual environment is one of
// its own.
func (t tree) interpreters() []interpreter {
	dirs := slices.Clone(programDirs)
	for _, entry := range t.dir("/opt") {
		dirs = append(dirs, "/opt/"+entry.Name()+"/bin")
	}
	var found []interpreter
	seen := map[string]bool{}
	for _, dir := range dirs {
		for _, entry := range t.dir(dir) {
			if !pythonProgram.MatchString(entry.Name()) {
				continue
			}
			python := t.interpreter(dir, entry.Name())
			if python.path != "" && !seen[python.path] {
				seen[python.path] = true
				found = append(found, python)
			}
		}
	}
	return found
}

// interpreter looks at one program; its path is empty when it is no interpreter.
func (t tree) interpreter(dir, name string) interpreter {
	prefix := path.Dir(dir)
	if _, err := t.resolve(prefix + "/pyvenv.cfg"); err == nil {
		version := t.onlyVersion(prefix)
		if version == "" {
			return interpreter{}
		}
		// Every name in a virtual environment is the same interpreter: the one with the version stands for it.
		label := dir + "/python" + version
		if _, err := t.resolve(label); err != nil {
			label = dir + "/python"
		}
		libraries := t.existing(prefix+"/lib/python"+version+"/site-packages", prefix+"/lib64/python"+version+"/site-packages")
		return interpreter{path: label, version: version, sites: libraries}
	}
	at, err := t.resolve(dir + "/" + name)
	if err != nil {
		return interpreter{}
	}
	info, err := t.root.Lstat(at)
	if err != nil || !info.Mode().IsRegular() {
		return interpreter{}
	}
	program := "/" + at
	prefix = path.Dir(path.Dir(program))
	version := ""
	if m := versionedPython.FindStringSubmatch(path.Base(program)); m != nil {
		version = m[1]
	} else {
		version = t.onlyVersion(prefix)
	}
	if version == "" {
		return interpreter{}
	}
	return interpreter{path: program, version: version, sites: t.sites(prefix, version)}
}

// onlyVersion gives the version of the one Python that has a library below a prefix.
func (t tree) onlyVersion(prefix string) string {
	version := ""
	for _, entry := range t.dir(prefix + "/lib") {
		m := versionedPython.FindStringSubmatch(entry.Name())
		if m == nil {
			continue
		}
		if version != "" {
			return ""
		}
		version = m[1]
	}
	return version
}

// sites are the places that Python itself and Debian's look in, as far as they are there.
func (t tree) sites(prefix, version string) []string {
	major, _, _ := strings.Cut(version, ".")
	paths := []string{"/root/.local/lib/python" + version + "/site-packages"}
	if prefix == "/usr" {
		for _, lib := range []string{"lib", "lib64"} {
			paths = append(paths, "/usr/local/"+lib+"/python"+version+"/site-packages", "/usr/local/"+lib+"/python"+version+"/dist-packages")
		}
	}
	return t.existing(append(paths,
		prefix+"/lib/python"+version+"/site-packages", prefix+"/lib64/python"+version+"/site-packages",
		prefix+"/lib/python"+major+"/dist-packages", prefix+"/lib/python"+version+"/dist-packages",
	)...)
}

// existing resolves directories, and drops what is not there or there twice.
func (t tree) existing(paths ...string) []string {
	var found []string
	for _, p := range paths {
		at, err := t.resolve(p)
		if err != nil || slices.Contains(found, "/"+at) {
			continue
		}
		if info, err := t.root.Lstat(at); err == nil && info.IsDir() {
			found = append(found, "/"+at)
		}
	}
	return found
}
