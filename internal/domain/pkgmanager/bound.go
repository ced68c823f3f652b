package pkgmanager

import (
	"strconv"
	"strings"
)

// Admits gives the name of the package that a requirement of Python is about, in the form in which names are compared, and says whether
// it lets versions through that are not before a release; false for what is no requirement.
func Admits(requirement, release string) (name string, ok bool) {
	m := pythonName.FindStringSubmatch(strings.TrimSpace(requirement))
	if m == nil {
		return "", false
	}
	name = strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(m[1]))
	for clause := range strings.SplitSeq(m[3], ",") {
		clause = strings.TrimSpace(clause)
		version := strings.TrimSpace(strings.TrimLeft(clause, "=~<>!"))
		if !admits(strings.TrimSpace(strings.TrimSuffix(clause, version)), version, release) {
			return name, false
		}
	}
	return name, true
}

func admits(operator, version, release string) bool {
	order := compareReleases(version, release)
	if prefix, ok := strings.CutSuffix(version, ".*"); ok && operator == "==" {
		order = compareReleases(next(prefix), release) - 1
	}
	switch operator {
	case "==", "===", "<=":
		return order >= 0
	case "<":
		return order > 0
	case "~=":
		if at := strings.LastIndex(version, "."); at > 0 {
			return compareReleases(next(version[:at]), release) > 0
		}
	}
	return true
}

// next is the first version after all that begin with a prefix.
func next(prefix string) string {
	at := strings.LastIndex(prefix, ".") + 1
	n, err := strconv.Atoi(strings.TrimPrefix(prefix[at:], "v"))
	if err != nil {
		return prefix
	}
	return prefix[:at] + strconv.Itoa(n+1)
}
