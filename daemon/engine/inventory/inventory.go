// Package inventory finds out which packages a root file system has by reading their managers' records. Nothing of the image
// runs for that, so that what was installed cannot lie about itself. What a manager records in a form that only the manager
// can read, such as rpm's database, is none of its business.
package inventory

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/daemon/worker"
)

// The managers of packages, as worker.Package names them.
const (
	Apt = "apt"
	Pip = "pip"
	Yum = "yum"
)

// Inventory is what a root file system has.
type Inventory struct {
	Packages     []worker.Package // sorted, as Sort does
	Interpreters []string         // paths of Python interpreters that have packages, sorted
	RPM          bool             // there is a database of rpm
}

// Read looks into the root file system at a directory. What is damaged is left out.
func Read(dir string) (found Inventory, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	t := tree{root}
	found.Packages = t.debs()
	for _, python := range t.interpreters() {
		list := t.distributions(python)
		if len(list) == 0 {
			continue
		}
		found.Interpreters = append(found.Interpreters, python.path)
		found.Packages = append(found.Packages, list...)
	}
	slices.Sort(found.Interpreters)
	for _, path := range []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm"} {
		found.RPM = found.RPM || len(t.dir(path)) > 0
	}
	found.Packages = Sort(found.Packages)
	return found, nil
}

// Sort sorts packages by manager, interpreter and name, and drops what is there twice.
func Sort(packages []worker.Package) []worker.Package {
	slices.SortFunc(packages, func(a, b worker.Package) int {
		return cmp.Or(cmp.Compare(a.Manager, b.Manager), cmp.Compare(a.Interpreter, b.Interpreter), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Version, b.Version), cmp.Compare(a.Digest, b.Digest))
	})
	return slices.Compact(packages)
}

// Against says of each package which version another inventory has of it. What only that one has is added, without a version.
func Against(packages, base []worker.Package) []worker.Package {
	type key struct{ manager, interpreter, name string }
	of := func(p worker.Package) key { return key{p.Manager, p.Interpreter, canonical(p)} }
	there := map[key]worker.Package{}
	for _, p := range base {
		there[of(p)] = p
	}
	var all []worker.Package
	for _, p := range packages {
		p.Base = there[of(p)].Version
		delete(there, of(p))
		all = append(all, p)
	}
	for _, p := range there {
		p.Base, p.Version, p.Digest = p.Version, "", ""
		all = append(all, p)
	}
	return Sort(all)
}

// canonical is the name by which a manager knows a package, however it is written.
func canonical(p worker.Package) string {
	if p.Manager == Pip {
		return wordBreak.ReplaceAllString(strings.ToLower(p.Name), "-")
	}
	return p.Name
}
