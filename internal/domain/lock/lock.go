// Package lock holds later installs of a version to what its test found: it writes the constraints that package managers read,
// compares what was built with what was tested, and finds in a manager's words that a version is there no more. The lock is an
// output of the test, and no part of the recipe. It runs nothing.
package lock

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/official"
)

// The managers, as official.Package names them.
const (
	apt = "apt"
	pip = "pip"
)

// Where install steps see what they are held to. No layer has it.
const (
	PipConfigPath   = "/etc/xdg/pip/pip.conf" // the first file that pip reads: what the image or the site say in others is added
	ConstraintsPath = "/etc/pip-constraints.txt"
	AptPath         = "/etc/apt/preferences.d/99kiln"
)

var (
	wordBreak = regexp.MustCompile(`[-_.]+`)
	pipName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	// pipVersion is PEP 440 in the form that installers write: one that is not would make pip refuse all of a file.
	pipVersion = regexp.MustCompile(`^([0-9]+!)?[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?(\+[a-z0-9]+([._-][a-z0-9]+)*)?$`)
	aptName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.:-]*$`)
	aptVersion = regexp.MustCompile(`^[0-9][A-Za-z0-9.+:~-]*$`)
	python     = regexp.MustCompile(`/python([0-9]+\.[0-9]+)$`)
)

// buildTools are what pip installs for itself, in versions that a package's build asks for: where the base's are untouched, a
// constraint would forbid others even there.
var buildTools = []string{"pip", "setuptools", "wheel"}

// Recorded says whether a list is one that installs can be held to. Tests of earlier daemons have listed names alone.
func Recorded(packages []official.Package) bool {
	return slices.ContainsFunc(packages, func(p official.Package) bool { return p.Digest != "" })
}

// PipConfig makes pip read the constraints.
const PipConfig = "[global]\nconstraint = " + ConstraintsPath + "\n"

// Constraints gives what pip is held to, as the text of a constraints file; empty when that is nothing. Interpreters are told
// apart by their versions. Two of the same version that have a package in two versions are held to neither.
func Constraints(packages []official.Package) string {
	type key struct{ name, python string }
	versions := map[key]string{}
	for _, p := range packages {
		m := python.FindStringSubmatch(p.Interpreter)
		name := canonical(p)
		if p.Manager != pip || p.Version == "" || m == nil || !pipName.MatchString(name) || !pipVersion.MatchString(p.Version) {
			continue
		}
		if p.Version == p.Base && slices.Contains(buildTools, name) {
			continue
		}
		k := key{name, m[1]}
		if have, ok := versions[k]; ok && have != p.Version {
			versions[k] = ""
			continue
		}
		versions[k] = p.Version
	}
	var lines []string
	for k, version := range versions {
		if version != "" {
			lines = append(lines, k.name+"=="+version+`; python_version == "`+k.python+"\"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// Preferences gives what apt is held to, as the text of a preferences file; empty when that is nothing. Of a package that was
// there, no other version may be installed but on explicit demand; what was not there is left to the steps, which may remove it again.
func Preferences(packages []official.Package) string {
	var b strings.Builder
	for _, p := range packages {
		if p.Manager != apt || !aptName.MatchString(p.Name) || !aptVersion.MatchString(p.Version) {
			continue
		}
		b.WriteString("Package: " + p.Name + "\nPin: version " + p.Version + "\nPin-Priority: 1001\n\n" +
			"Package: " + p.Name + "\nPin: release *\nPin-Priority: -1\n\n")
	}
	return b.String()
}

// canonical is the name by which a manager knows a package, however it is written.
func canonical(p official.Package) string {
	if p.Manager == pip {
		return wordBreak.ReplaceAllString(strings.ToLower(p.Name), "-")
	}
	return p.Name
}

// Difference is one package that is not as it was tested.
type Difference struct {
	Package official.Package // as it was tested, or else as it was built
	Built   string           // its version in what was built; empty: it is not there
	Added   bool             // it was not there when it was tested
	Content bool             // the version is the same, what was installed is not
}

// String names the package, and says tested → built.
func (d Difference) String() string {
	name := d.Package.Name
	if d.Package.Interpreter != "" {
		name += " (" + path.Base(d.Package.Interpreter) + ")"
	}
	switch {
	case d.Added:
		return name + " (none) → " + d.Built
	case d.Built == "":
		return name + " " + d.Package.Version + " → (none)"
	case d.Content:
		return name + " " + d.Package.Version + " → " + d.Built + " with other content"
	default:
		return name + " " + d.Package.Version + " → " + d.Built
	}
}

// Compare finds what was built otherwise than it was tested, by manager, interpreter and name. Contents are compared where both
// are known.
func Compare(tested, built []official.Package) []Difference {
	type key struct{ manager, interpreter, name string }
	of := func(p official.Package) key { return key{p.Manager, p.Interpreter, canonical(p)} }
	there := map[key]official.Package{}
	for _, p := range built {
		if p.Version != "" {
			there[of(p)] = p
		}
	}
	var found []Difference
	for _, p := range tested {
		if p.Version == "" {
			continue
		}
		now, ok := there[of(p)]
		delete(there, of(p))
		content := p.Digest != "" && now.Digest != "" && p.Digest != now.Digest
		if !ok || p.Version != now.Version || content {
			found = append(found, Difference{Package: p, Built: now.Version, Content: content && p.Version == now.Version})
		}
	}
	for _, p := range there {
		found = append(found, Difference{Package: p, Built: p.Version, Added: true})
	}
	slices.SortFunc(found, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Package.Manager, b.Package.Manager), cmp.Compare(a.Package.Interpreter, b.Package.Interpreter),
			cmp.Compare(a.Package.Name, b.Package.Name))
	})
	return found
}
