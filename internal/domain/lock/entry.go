package lock

import (
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

// Entries writes what a test has brought as the entries of a recipe, each package in the version that was tested. Python packages get
// the one index that the given entries name. What only a script can have installed, such as into a virtual environment, is left
// out, and so are packages that were removed.
func Entries(packages []official.Package, given []pkgmanager.Entry) []pkgmanager.Entry {
	apts, python3 := pkgmanager.Entry{Type: pkgmanager.Apt}, pkgmanager.Entry{Type: pkgmanager.Python3}
	for _, p := range official.Changes(packages) {
		switch {
		case p.Version == "":
		case p.Manager == apt:
			apts.Names = append(apts.Names, p.Name+"="+p.Version)
		case p.Manager == pip && strings.HasPrefix(p.Interpreter, "/usr/bin/python3"):
			python3.Names = append(python3.Names, p.Name+"=="+p.Version)
		}
	}
	var indexes []string
	for _, e := range given {
		if e.Type == pkgmanager.Python3 && !slices.Contains(indexes, e.Index) {
			indexes = append(indexes, e.Index)
		}
	}
	if len(indexes) == 1 {
		python3.Index = indexes[0]
	}
	return slices.DeleteFunc([]pkgmanager.Entry{apts, python3}, func(e pkgmanager.Entry) bool { return len(e.Names) == 0 })
}
