package lock

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pin"
)

const yum = "yum"

// YumPath is where install steps see what yum is held to: dnf, which yum is, reads aliases from all files of the directory, which it makes
// when it is missing. No layer has the file.
const YumPath = "/etc/dnf/aliases.d/zz-kiln.conf"

// yumCommands are the commands of dnf that may bring packages, each with the names that it has.
var yumCommands = []string{
	"install", "install-n", "install-na", "install-nevra", "localinstall", "in", "reinstall", "rei", "downgrade", "dg", "upgrade", "update",
	"up", "localupdate", "upgrade-minimal", "update-minimal", "up-min", "distro-sync", "distrosync", "distribution-synchronization", "dsync",
	"swap", "group", "groupinstall", "groups", "grp",
}

var (
	yumName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*\.[a-z0-9_]+$`)
	yumVersion = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9.+:~^_-]*$`)

	yumFiltered = regexp.MustCompile(`filtered out by exclude filtering for argument: (\S+)`)
	yumExcluded = regexp.MustCompile(`package (\S+)-[^-\s]+-[^-\s]+ is filtered out by exclude filtering`)
	yumNone     = regexp.MustCompile(`^No match for argument: (\S+)`)
	yumQueried  = regexp.MustCompile(`^(\S+)\.([a-z0-9_]+) (\S+)$`)
)

// YumAliases gives what yum is held to, as the text of a file of aliases; empty when that is nothing. Of all that the repositories have,
// only what was tested can be installed, and what the base had of it before.
func YumAliases(packages []official.Package) string {
	var included []string
	include := func(name, version string) {
		if version != "" && yumName.MatchString(name) && yumVersion.MatchString(version) {
			at := strings.LastIndex(name, ".")
			included = append(included, name[:at]+"-"+version+name[at:])
		}
	}
	for _, p := range packages {
		if p.Manager == yum {
			include(p.Name, p.Version)
			if p.Base != p.Version {
				include(p.Name, p.Base)
			}
		}
	}
	if len(included) == 0 {
		return ""
	}
	slices.Sort(included)
	option := " --setopt=includepkgs=" + strings.Join(slices.Compact(included), ",") + "\n"
	var b strings.Builder
	b.WriteString("[main]\nenabled = True\n[aliases]\n")
	for _, command := range yumCommands {
		b.WriteString(command + ` = \` + command + option)
	}
	return b.String()
}

// missingYum finds in a line of yum what it could not install: a version that the recipe names, or a package of which it may install
// only what was tested.
func missingYum(line string, locked []official.Package) []Wanted {
	if m := yumFiltered.FindStringSubmatch(line); m != nil {
		name, _ := pin.RPM(m[1])
		return lockedYum(locked, name)
	}
	if m := yumExcluded.FindStringSubmatch(line); m != nil {
		return lockedYum(locked, m[1])
	}
	if m := yumNone.FindStringSubmatch(line); m != nil {
		if name, version := pin.RPM(m[1]); version != "" {
			return []Wanted{{Manager: yum, Name: name, Version: version}}
		}
	}
	return nil
}

// lockedYum gives what is locked of a package, of any architecture; without a version when nothing is.
func lockedYum(locked []official.Package, name string) []Wanted {
	var found []Wanted
	for _, p := range locked {
		if p.Manager == yum && p.Version != "" && keyOf(yum, p.Name) == keyOf(yum, name) {
			found = append(found, Wanted{Manager: yum, Name: p.Name, Version: p.Version, Locked: true})
		}
	}
	if len(found) == 0 {
		found = append(found, Wanted{Manager: yum, Name: name, Locked: true})
	}
	return found
}

// YumVersions reads what `yum repoquery` prints as pkgmanager.YumVersions asks it: the versions of each package, by its name with and without an
// architecture.
func YumVersions(lines []string) map[string][]string {
	there := map[string][]string{}
	for _, line := range lines {
		m := yumQueried.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for _, name := range []string{m[1], m[1] + "." + m[2]} {
			if !slices.Contains(there[name], m[3]) {
				there[name] = append(there[name], m[3])
			}
		}
	}
	return there
}

// Among says whether a version is among those of a repository, which have a release, and an epoch where there is one.
func (w Wanted) Among(there []string) bool {
	return slices.ContainsFunc(there, func(version string) bool {
		_, plain, epoch := strings.Cut(version, ":")
		if !epoch {
			plain = version
		}
		for _, v := range []string{version, plain} {
			if v == w.Version || strings.HasPrefix(v, w.Version+"-") {
				return true
			}
		}
		return false
	})
}
