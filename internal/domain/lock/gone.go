package lock

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

// Wanted is a version that a step could not install.
type Wanted struct {
	Manager     string
	Name        string
	Version     string
	Interpreter string   // pip: a Python that is to have it; empty when none is known
	Indexes     []string // pip: where it looked, as far as it said so
	There       []string // the versions that are there, when that is known already
	Locked      bool     // not the recipe but the lock asks for it
}

var (
	pipNone       = regexp.MustCompile(`Could not find a version that satisfies the requirement (.+) \(from versions: ([^)]*)\)`)
	pipExact      = regexp.MustCompile(`^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:\s*={2,3}\s*([A-Za-z0-9.+!_-]+)$)?`)
	pipConstraint = regexp.MustCompile(`The user requested \(constraint\) ([A-Za-z0-9._-]+)==(\S+)`)
	pipIndexes    = regexp.MustCompile(`^Looking in indexes: (.*)$`)
	aptVersionOf  = regexp.MustCompile(`E: Version '([^']+)' for '([^']+)' was not found`)
	aptNone       = regexp.MustCompile(`E: Package '?([^' ]+)'? has no installation candidate|Depends: (\S+).* but it is not (?:installable|going to be installed)`)
)

// Missing finds in the last lines of a failed step which versions it did not get: those that it names, and those that the lock asks
// for where the manager does not say which one it is.
func Missing(lines []string, locked []official.Package) []Wanted {
	var found []Wanted
	var indexes []string
	for _, line := range lines {
		if m := pipIndexes.FindStringSubmatch(line); m != nil {
			indexes = strings.Split(m[1], ", ")
		}
		if m := aptVersionOf.FindStringSubmatch(line); m != nil {
			found = append(found, Wanted{Manager: apt, Name: m[2], Version: m[1]})
		}
		if m := aptNone.FindStringSubmatch(line); m != nil {
			found = append(found, lockedApt(locked, m[1]+m[2])...)
		}
		found = append(found, missingYum(line, locked)...)
		if name, version, there, ok := none(line); ok && len(there) > 0 {
			w := lockedPip(locked, name, version)
			w.Indexes, w.There = indexes, there
			if w.Version != "" && !slices.Contains(there, w.Version) {
				found = append(found, w)
			}
		}
		if m := pipConstraint.FindStringSubmatch(line); m != nil {
			if w := lockedPip(locked, m[1], m[2]); w.Locked {
				w.Indexes = indexes
				found = append(found, w)
			}
		}
	}
	return unique(found)
}

// lockedApt gives what is locked of what the test has brought, the named package first: apt names the first of a chain that
// cannot be installed, not the last.
func lockedApt(locked []official.Package, name string) []Wanted {
	var found []Wanted
	for _, p := range official.Changes(locked) {
		if p.Manager == apt && p.Version != "" {
			w := Wanted{Manager: apt, Name: p.Name, Version: p.Version, Locked: true}
			if p.Name == name {
				found = slices.Insert(found, 0, w)
			} else {
				found = append(found, w)
			}
		}
	}
	return found
}

// lockedPip gives a wanted version of pip; without one, that of the lock.
func lockedPip(locked []official.Package, name, version string) Wanted {
	w := Wanted{Manager: pip, Name: name, Version: version}
	for _, p := range locked {
		if p.Manager != pip || canonical(p) != canonical(official.Package{Manager: pip, Name: name}) || p.Version == "" || version != "" && p.Version != version {
			continue
		}
		w.Version, w.Interpreter, w.Locked = p.Version, p.Interpreter, true
	}
	return w
}

func unique(list []Wanted) []Wanted {
	var found []Wanted
	for _, w := range list {
		same := func(o Wanted) bool { return o.Manager == w.Manager && o.Name == w.Name && o.Version == w.Version }
		if !slices.ContainsFunc(found, same) {
			found = append(found, w)
		}
	}
	return found
}

// Madison reads what `apt-cache madison` prints: the versions of each package, newest first.
func Madison(lines []string) map[string][]string {
	there := map[string][]string{}
	for _, line := range lines {
		part := strings.Split(line, "|")
		if len(part) != 3 {
			continue
		}
		name, version := strings.TrimSpace(part[0]), strings.TrimSpace(part[1])
		if !slices.Contains(there[name], version) {
			there[name] = append(there[name], version)
		}
	}
	return there
}

// PipDownload gives the arguments after `pip` that fetch one version, or say which ones there are.
func (w Wanted) PipDownload(dir string) []string {
	args := []string{"download", "--no-deps", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--dest", dir}
	for i, index := range w.Indexes {
		flag := "--extra-index-url"
		if i == 0 {
			flag = "--index-url"
		}
		args = append(args, flag, index)
		if host := pkgmanager.TrustedHost(index); host != "" {
			args = append(args, "--trusted-host", host)
		}
	}
	return append(args, w.Name+"=="+w.Version)
}

// PipVersions finds in pip's words which versions there are; false when it does not say that it has not got what it looked for.
func PipVersions(lines []string) ([]string, bool) {
	for _, line := range lines {
		if _, _, there, ok := none(line); ok {
			return there, true
		}
	}
	return nil, false
}

// none reads pip's complaint that an index has nothing that suits a requirement. The version is empty when the requirement is no
// exact one, the list when the index has nothing at all.
func none(line string) (name, version string, there []string, ok bool) {
	m := pipNone.FindStringSubmatch(line)
	if m == nil {
		return "", "", nil, false
	}
	requirement, _, _ := strings.Cut(m[1], " (from ")
	requirement, _, _ = strings.Cut(requirement, ";")
	exact := pipExact.FindStringSubmatch(strings.TrimSpace(requirement))
	if exact == nil {
		return "", "", nil, false
	}
	if m[2] != "none" && m[2] != "" {
		there = strings.Split(m[2], ", ")
	}
	return exact[1], exact[2], there, true
}
