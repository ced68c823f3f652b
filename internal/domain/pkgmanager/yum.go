package pkgmanager

import (
	"regexp"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/pin"
)

// yumName is NAME[-[EPOCH:]VERSION[-RELEASE]][.ARCHITECTURE] in the characters that rpm lets them have. Wildcards, groups, paths
// and what packages provide are for scripts.
var yumName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._+:~^-]*[A-Za-z0-9+_~^])?$`)

func parseYum(name string) (base, version string, ok bool) {
	if !yumName.MatchString(name) || strings.HasSuffix(name, ".rpm") {
		return "", "", false // what ends like a file, yum looks for on the disk
	}
	base, version = pin.RPM(name)
	return base, version, true
}

// yumDir is a memory mount: neither what yum has downloaded nor an entry's repository gets into the layer.
const yumDir = "/var/cache/dnf"

// installYum says where the cache is because each generation of yum has its own place for it. An index of the entry's own
// replaces those that the image has, as with pip.
func installYum(e Entry) string {
	before, option := "", ""
	if e.Index != "" {
		before = "printf '%s\\n' " + quoteAll(strings.Split(strings.TrimSpace(YumRepository(e.Index)), "\n")) + " > " + yumDir + "/kiln.repo && \\\n    "
		option = " --setopt=reposdir=" + yumDir
	}
	return "RUN --mount=type=tmpfs,target=" + yumDir + " \\\n    " + before +
		"yum install -y --setopt=cachedir=" + yumDir + option + " " + quoteAll(e.Names) + "\n"
}

// askYum asks the repository whose text is the first argument, or those of the image when that is empty. It works where entries are
// installed: an image may have no /tmp.
const askYum = `repository=$1; shift; place=
if [ -n "$repository" ]; then
	mkdir -p ` + yumDir + ` && printf '%s' "$repository" > ` + yumDir + `/kiln.repo || exit
	place=--setopt=reposdir=` + yumDir + `
fi
yum -q repoquery --setopt=cachedir=` + yumDir + ` $place --qf '%{name}.%{arch} %{evr}\n' "$@"`

// YumVersions is a command that prints NAME.ARCHITECTURE [EPOCH:]VERSION-RELEASE of all that a repository has of packages, a line each. The
// repository is the text of a file; when it is empty, those that the image has are asked.
func YumVersions(repository string, names []string) []string {
	return append([]string{"/bin/sh", "-c", askYum, "sh", repository}, names...)
}

// YumFile is where an image that Kiln makes names its repository, and where the site's own one is mounted over it.
const YumFile = "/etc/yum.repos.d/kiln.repo"

// YumRepository is the text of a repository file for a URL. Signatures are not checked: an index of a site has none as a rule,
// and a key of its own would have to come from somewhere else than the index.
func YumRepository(url string) string {
	return "[kiln]\nname=kiln\nbaseurl=" + url + "\nenabled=1\ngpgcheck=0\n"
}
