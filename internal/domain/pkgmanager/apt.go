package pkgmanager

import "regexp"

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
	return "RUN --mount=type=tmpfs,target=/var/lib/apt/lists --mount=type=tmpfs,target=/var/cache/apt \\\n" +
		"    apt-get update -q -o APT::Update::Error-Mode=any && \\\n" +
		"    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o APT::Cmd::Pattern-Only=true " + quoteAll(e.Names) + "\n"
}
