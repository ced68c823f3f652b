package lock

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pin"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

// Known gives the version in which a test found a package; empty when it found none. Of several Pythons, one that got the package
// by the recipe counts more than one that had it.
func Known(packages []official.Package) func(manager pin.Manager, name string) string {
	versions := map[string]string{}
	for _, p := range packages {
		key := keyOf(p.Manager, p.Name)
		if p.Version != "" && (versions[key] == "" || p.Version != p.Base) {
			versions[key] = p.Version
		}
	}
	return func(manager pin.Manager, name string) string { return versions[keyOf(string(manager), name)] }
}

// keyOf names a package as people do: rpm's are recorded with their architecture.
func keyOf(manager, name string) string {
	if manager == string(pin.Yum) {
		for _, arch := range []string{".x86_64", ".aarch64", ".noarch", ".i686"} {
			name = strings.TrimSuffix(name, arch)
		}
	}
	return manager + " " + canonical(official.Package{Manager: manager, Name: name})
}

// PinChanges says how the packages that a recipe names change from one to the next: + added, - removed, ~ in another version. What
// an earlier recipe did not pin has the version that its test found, when that is known.
func PinChanges(before, after []pkgmanager.Entry, found []official.Package) []string {
	known := Known(found)
	old, now := pins(before), pins(after)
	changes := []string{}
	for key, p := range now {
		had, there := old[key]
		had.Version = cmp.Or(had.Version, known(p.manager, p.base()))
		switch {
		case !there:
			changes = append(changes, strings.TrimSpace("+ "+p.Name+" "+p.Version))
		case old[key].Version != p.Version && had.Version != p.Version:
			changes = append(changes, "~ "+p.Name+" "+cmp.Or(had.Version, "any")+" -> "+cmp.Or(p.Version, "any"))
		}
	}
	for key, p := range old {
		if _, there := now[key]; !there {
			changes = append(changes, strings.TrimSpace("- "+p.Name+" "+cmp.Or(p.Version, known(p.manager, p.base()))))
		}
	}
	slices.SortFunc(changes, func(a, b string) int { return cmp.Or(cmp.Compare(a[2:], b[2:]), cmp.Compare(a, b)) })
	return changes
}

// named is a package that a recipe names.
type named struct {
	pkgmanager.Pin
	manager pin.Manager
}

func (n named) base() string {
	base, _, _ := strings.Cut(n.Name, "[")
	return base
}

// pins gives the packages that entries name, by type and name; the last of a name counts.
func pins(entries []pkgmanager.Entry) map[string]named {
	found := map[string]named{}
	for _, e := range entries {
		n := named{manager: pin.Manager(e.Type)}
		if strings.HasPrefix(string(e.Type), "python") {
			n.manager = pin.Pip
		}
		for _, p := range e.Pins() {
			n.Pin = p
			found[string(e.Type)+" "+keyOf(string(n.manager), n.base())] = n
		}
	}
	return found
}
