package lock

import (
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

// Entries writes what a test has brought as the entries of a recipe, each package in the version that was tested. Python packages and
// those of rpm get the one index that the given entries of their type name. What only a script can have installed, such as into a virtual environment, is left
// out, and so are packages that were removed, and Python packages that come with one of apt or rpm.
func Entries(packages []official.Package, given []pkgmanager.Entry) []pkgmanager.Entry {
	apts, yums, python3 := pkgmanager.Entry{Type: pkgmanager.Apt}, pkgmanager.Entry{Type: pkgmanager.Yum}, pkgmanager.Entry{Type: pkgmanager.Python3}
	recorded := Recorded(packages)
	for _, p := range official.Changes(packages) {
		switch {
		case p.Version == "":
		case p.Manager == pip && recorded && p.Digest == "": // pip lists what it installs, apt and rpm drop that list
		case p.Manager == apt:
			apts.Names = append(apts.Names, p.Name+"="+p.Version)
		case p.Manager == yum && yumName.MatchString(p.Name):
			at := strings.LastIndex(p.Name, ".")
			yums.Names = append(yums.Names, p.Name[:at]+"-"+p.Version+p.Name[at:])
		case p.Manager == pip && strings.HasPrefix(p.Interpreter, "/usr/bin/python3"):
			python3.Names = append(python3.Names, p.Name+"=="+p.Version)
		}
	}
	yums.Index, python3.Index = index(given, pkgmanager.Yum), index(given, pkgmanager.Python3)
	return slices.DeleteFunc([]pkgmanager.Entry{apts, yums, python3}, func(e pkgmanager.Entry) bool { return len(e.Names) == 0 })
}

// index is the one index that all entries of a type name; empty when there is none, or more than one.
func index(given []pkgmanager.Entry, t pkgmanager.Type) string {
	var indexes []string
	for _, e := range given {
		if e.Type == t && !slices.Contains(indexes, e.Index) {
			indexes = append(indexes, e.Index)
		}
	}
	if len(indexes) != 1 {
		return ""
	}
	return indexes[0]
}
