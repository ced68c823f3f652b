package pin

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

var aptGrammar = grammar{valued: "-t --target-release --default-release -o --option -c --config-file -a --host-architecture --solver"}

var yumGrammar = grammar{valued: "-c --config --enablerepo --disablerepo --repo --repoid -x --exclude --excludepkgs --installroot --releasever " +
	"--setopt -d -e -R --disableplugin --enableplugin --color --downloaddir --destdir --forcearch --add-repo --addrepo --advisory --bz --cve --comment --repofrompath"}

var apkGrammar = grammar{valued: "-t --virtual -X --repository -p --root --arch --keys-dir --repositories-file --cache-dir"}

// systemFamily knows the package managers of distributions.
func (s *scan) systemFamily(c command) bool {
	switch c.name {
	case "apt", "apt-get", "aptitude":
		s.apt(c)
	case "yum", "dnf", "dnf5", "microdnf", "zypper":
		s.yum(c)
	case "yum-config-manager":
		s.repositories(yumGrammar.parse(c.args))
	case "apk":
		s.apk(c)
	case "rpm":
		s.rpm(c)
	case "dpkg":
	case "add-apt-repository", "apt-add-repository":
		if a := (grammar{}).parse(c.args); !a.has("-y", "--yes") {
			s.interactive(c)
		}
	default:
		return false
	}
	return true
}

func (s *scan) apt(c command) {
	s.redirections(&c)
	verb, a := aptGrammar.parse(c.args).verb()
	if a.has("-s", "--simulate", "--just-print", "--dry-run", "--recon", "--no-act") {
		return
	}
	quiet := len(a.values("-q", "--quiet"))
	yes := a.has("-y", "--yes", "--assume-yes", "--force-yes") || quiet > 1 || slices.ContainsFunc(a.options, func(o option) bool {
		return (o.name == "-q" || o.name == "--quiet") && o.value.text == "2" ||
			strings.EqualFold(strings.Trim(o.value.text, `"`), "APT::Get::Assume-Yes=true") ||
			strings.EqualFold(strings.ReplaceAll(o.value.text, `"`, ""), "APT::Get::Assume-Yes=1")
	})
	switch verb {
	case "install", "reinstall", "satisfy":
		for _, w := range a.words {
			s.aptWord(w)
		}
	case "upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade":
		s.everything(c, Apt, verb)
	case "source", "download":
		for _, w := range a.words {
			s.aptWord(w)
		}
		return
	case "build-dep":
		for _, w := range a.words {
			s.unknown(w, "what is needed to build it changes with the archive", "Install what is needed with NAME=VERSION.")
		}
	case "remove", "purge", "autoremove", "autopurge":
	default:
		if strings.Contains(verb, hole) {
			s.unknown(c.word, "what is done here cannot be known before the script runs", "Write the arguments themselves.")
		}
		return
	}
	if !yes {
		s.interactive(c)
	}
}

// aptWord judges NAME[:ARCHITECTURE][=VERSION | /SUITE]; a hyphen at the end removes the package.
func (s *scan) aptWord(f field) {
	name, version, found := strings.Cut(f.text, "=")
	switch {
	case strings.Contains(f.text, "://"):
		s.download(f, f.text, "", false)
	case !f.constant():
		if !dynamicFile(f.text, ".deb") {
			s.unknown(f, "which packages these are, and in which versions, cannot be known before the script runs", "Write the packages with their versions, as NAME=VERSION.")
		}
	case local(f.text) || strings.HasSuffix(f.text, ".deb") || strings.HasSuffix(name, "-"):
	case found && name != "" && version != "" && !strings.ContainsAny(version, "*?["):
	default:
		name, _, _ = strings.Cut(name, "/")
		s.unpinned(Apt, f, strings.TrimSuffix(name, "+"))
	}
}

// dynamicFile says that a word is a local file although a part of its path is not known.
func dynamicFile(text, suffix string) bool {
	return strings.HasSuffix(text, suffix) && strings.Contains(text, "/") && !strings.Contains(text, "://")
}

// everything reports what brings all packages to their newest versions.
func (s *scan) everything(c command, m Manager, verb string) {
	s.report(issue{
		code: problem.UnpinnedPackage, kind: Unpinned, manager: m, name: c.name + " " + verb, at: c.word.at, value: c.word.raw + " " + verb,
		limit: "packages with versions", detail: "all packages are brought to whatever is newest",
		remedy: "Remove the command, and install what is needed with versions, as " + pinned(m, "NAME", "VERSION") + ".",
	})
}

func (s *scan) yum(c command) {
	s.redirections(&c)
	verb, a := yumGrammar.parse(c.args).verb()
	if (verb == "group" || verb == "groups" || verb == "module") && len(a.words) > 0 {
		verb = verb + " " + a.words[0].text
		a.words = a.words[1:]
	}
	for _, f := range a.values("--repofrompath") {
		if _, address, ok := strings.Cut(f.text, ","); ok {
			s.index(f.with(address))
		}
	}
	switch verb {
	case "install", "in", "localinstall", "reinstall", "downgrade", "group install", "groups install", "groupinstall", "module install":
		for _, w := range a.words {
			s.yumWord(w, strings.HasPrefix(verb, "group") || strings.HasPrefix(verb, "module"))
		}
	case "update", "upgrade", "up", "distro-sync", "dist-upgrade", "upgrade-minimal", "update-minimal":
		if len(a.words) == 0 {
			s.everything(c, Yum, verb)
		}
		for _, w := range a.words {
			s.yumWord(w, false)
		}
	case "config-manager", "addrepo", "ar":
		s.repositories(a)
		return
	case "builddep":
		for _, w := range a.words {
			s.unknown(w, "what is needed to build it changes with the repository", "Install what is needed with versions.")
		}
	case "remove", "erase", "autoremove", "swap":
	default:
		if strings.Contains(verb, hole) {
			s.unknown(c.word, "what is done here cannot be known before the script runs", "Write the arguments themselves.")
		}
		return
	}
	assent := a.has("-y", "--assumeyes", "--non-interactive", "-n", "--assumeno") || slices.ContainsFunc(a.values("--setopt"), func(f field) bool {
		return f.text == "assumeyes=1" || f.text == "assumeyes=True" || f.text == "assumeyes=true"
	})
	if !assent {
		s.interactive(c)
	}
}

// repositories notes where packages will come from.
func (s *scan) repositories(a arguments) {
	for _, f := range slices.Concat(a.words, a.values("--add-repo", "--addrepo")) {
		s.index(f)
	}
}

// yumWord judges NAME-VERSION[-RELEASE][.ARCHITECTURE], a file, or a URL.
func (s *scan) yumWord(f field, group bool) {
	switch {
	case strings.Contains(f.text, "://"):
		s.download(f, f.text, "", false)
	case !f.constant():
		if !dynamicFile(f.text, ".rpm") {
			s.unknown(f, "which packages these are, and in which versions, cannot be known before the script runs", "Write the packages with their versions, as NAME-VERSION.")
		}
	case strings.HasSuffix(f.text, ".rpm"):
	case group || strings.HasPrefix(f.text, "@"):
		s.report(issue{
			code: problem.UnpinnedPackage, kind: Unpinned, manager: Yum, name: f.text, at: f.at, value: f.raw, limit: "packages with versions",
			detail: "what is in a group, and in which versions, changes with the repository", remedy: "Install packages with versions in its place, as NAME-VERSION.",
		})
	default:
		if name, version := RPM(f.text); version == "" {
			s.unpinned(Yum, f, globbed(name))
		}
	}
}

// globbed gives the name before a pattern, as in git-2.* and python3*.
func globbed(name string) string {
	before, _, found := strings.Cut(name, "*")
	if !found {
		return name
	}
	if at := strings.LastIndexByte(before, '-'); at > 0 && strings.Trim(before[at:], "-.0123456789") == "" {
		before = before[:at]
	}
	return cmp.Or(before, name)
}

// RPM splits NAME-VERSION[-RELEASE][.ARCHITECTURE]; the version is empty when the text does not end in one. A number alone
// is none: it belongs to names such as gcc-toolset-12.
func RPM(text string) (name, version string) {
	text = withoutArchitecture(text)
	if strings.ContainsAny(text, "*?[@") || strings.HasPrefix(text, "/") {
		return text, ""
	}
	parts := strings.Split(text, "-")
	last := len(parts) - 1
	if last < 1 || parts[last] == "" || !digit(parts[last][0]) {
		return text, ""
	}
	if last > 1 && parts[last-1] != "" && digit(parts[last-1][0]) {
		return strings.Join(parts[:last-1], "-"), strings.Join(parts[last-1:], "-")
	}
	if strings.Trim(parts[last], "0123456789") == "" {
		return text, ""
	}
	return strings.Join(parts[:last], "-"), parts[last]
}

func withoutArchitecture(text string) string {
	for _, architecture := range []string{".x86_64", ".noarch", ".i686", ".aarch64"} {
		text = strings.TrimSuffix(text, architecture)
	}
	return text
}

func (s *scan) apk(c command) {
	verb, a := apkGrammar.parse(c.args).verb()
	switch verb {
	case "add":
		for _, w := range a.words {
			s.apkWord(w)
		}
	case "upgrade":
		s.everything(c, Apk, verb)
	}
}

// apkWord judges NAME[@REPOSITORY][=VERSION], or a file; an exclamation mark before it keeps the package away.
func (s *scan) apkWord(f field) {
	text, away := strings.CutPrefix(f.text, "!")
	name := text
	if end := strings.IndexAny(text, "<>~=@ "); end >= 0 {
		name = text[:end]
	}
	_, version, found := strings.Cut(text, "=")
	switch {
	case !f.constant():
		s.unknown(f, "which packages these are cannot be known before the script runs", "Write the packages with their versions, as NAME=VERSION.")
	case away && name != "" || strings.HasSuffix(text, ".apk"):
	case name == "" || !found || version == "" || strings.ContainsAny(text, "<>~*"):
		s.unpinned(Apk, f, name)
	}
}

func (s *scan) rpm(c command) {
	a := grammar{valued: "--root --prefix --dbpath --define --import"}.parse(c.args)
	for _, w := range slices.Concat(a.words, a.values("--import")) {
		if strings.Contains(w.text, "://") {
			s.download(w, w.text, "", false)
		}
	}
}
