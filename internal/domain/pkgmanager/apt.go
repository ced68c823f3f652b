package pkgmanager

import (
	"regexp"
	"strings"
)

// aptName follows Debian policy: package names, an optional architecture, an optional version. None of them ends in a hyphen,
// which apt-get would take for an order to remove the package.
var aptName = regexp.MustCompile(
	`^([a-z0-9][a-z0-9+.-]*[a-z0-9+.])(:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)?(=([0-9](?:[A-Za-z0-9.+:~-]*[A-Za-z0-9.+:~])?))?$`)

func parseApt(name string) (base, version string, ok bool) {
	m := aptName.FindStringSubmatch(name)
	if m == nil {
		return "", "", false
	}
	return m[1] + m[2], m[4], true
}

// installApt keeps the package lists and archives out of the layer: they live on memory mounts. Without Error-Mode, an
// update that reached no mirror succeeds, and the failure is that of a version which no mirror is known to have. Without
// Pattern-Only, apt-get takes a name that it does not know for a regular expression, and installs whatever matches, or
// nothing, without a word.
func installApt(e Entry) string {
	before, options := "", ""
	if e.Index != "" {
		before, options = aptList(e.Index)+" && \\\n    ", aptOptions
	}
	return "RUN --mount=type=tmpfs,target=/var/lib/apt/lists --mount=type=tmpfs,target=" + aptDir + " \\\n    " + before +
		"apt-get update -q -o APT::Update::Error-Mode=any" + options + " && \\\n" +
		"    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o APT::Cmd::Pattern-Only=true" + options + " " +
		quoteAll(e.Names) + "\n"
}

// aptDir is a memory mount while an entry is installed.
const aptDir = "/var/cache/apt"

// aptOptions put the list that aptList has written in the place of those that the image has.
const aptOptions = " -o Dir::Etc::sourcelist=" + aptDir + "/kiln.list -o Dir::Etc::sourceparts=-"

// aptList writes the list of an entry's own repository. It says nothing about signatures: the repository must be signed by a key
// that the image trusts already.
func aptList(index string) string {
	return "printf '%s\\n' " + quote("deb "+index) + " > " + aptDir + "/kiln.list"
}

// AptVersions is a command that prints, as apt-cache madison does, the versions of packages that the repository of an entry has, or
// those that the image has when the entry names none.
func AptVersions(index string, names []string) []string {
	before, options := "", ""
	if index != "" {
		before, options = aptList(index)+" && ", aptOptions
	}
	return append([]string{"/bin/sh", "-c", before + "apt-get update -qq" + options + " && apt-cache madison" + options + ` "$@"`, "sh"}, names...)
}

// aptPart is a suite or a component, as Debian's repositories name them.
var aptPart = regexp.MustCompile(`^[A-Za-z0-9.][A-Za-z0-9._/+~-]*$`)

// parseAptIndex takes URL SUITE COMPONENT… as in a line of sources.list; a suite that ends in a slash is a directory, and has no components.
func parseAptIndex(index string) (url string, ok bool) {
	parts := strings.FieldsFunc(index, func(r rune) bool { return r == ' ' })
	if len(index) > maxIndex || len(parts) < 2 || !ValidIndex(parts[0]) || strings.HasSuffix(parts[1], "/") != (len(parts) == 2) {
		return "", false
	}
	for _, part := range parts[1:] {
		if !aptPart.MatchString(part) {
			return "", false
		}
	}
	return parts[0], true
}
