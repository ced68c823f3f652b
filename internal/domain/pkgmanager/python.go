package pkgmanager

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What a package list needs of PEP 508 and PEP 440: a name, extras, version clauses. URLs, markers and files are what scripts
// are for. A wildcard goes with == and != only.
const (
	pythonWord    = `[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`
	pythonVersion = `v?[0-9](?:[A-Za-z0-9.+!_-]*[A-Za-z0-9])?`
	pythonClause  = `(?:(?:==|!=) *` + pythonVersion + `(?:\.\*)?|(?:~=|<=|>=|<|>) *` + pythonVersion + `|=== *[A-Za-z0-9.+!_-]+)`
)

var (
	pythonName = regexp.MustCompile(`^(` + pythonWord + `) *(\[ *` + pythonWord + ` *(?:, *` + pythonWord + ` *)*\])? *(` +
		pythonClause + `(?: *, *` + pythonClause + `)*)?$`)
	pythonPin = regexp.MustCompile(`^={2,3} *([A-Za-z0-9.+!_-]+)$`)
)

// parsePython takes a requirement for pinned when one of its clauses lets exactly one version through.
func parsePython(name string) (base, version string, ok bool) {
	m := pythonName.FindStringSubmatch(name)
	if m == nil {
		return "", "", false
	}
	for clause := range strings.SplitSeq(m[3], ",") {
		if pin := pythonPin.FindStringSubmatch(strings.TrimSpace(clause)); pin != nil {
			version = pin[1]
		}
	}
	return m[1] + strings.ReplaceAll(m[2], " ", ""), version, true
}

func installPython3(e Entry) string {
	return "RUN " + Pip3 + " install --no-cache-dir --no-input --disable-pip-version-check --root-user-action=ignore " +
		indexFlags(e.Index) + quoteAll(e.Names) + "\n"
}

// installPython2 asks the interpreter, not a program of a name that an installer for Python 3 may have taken. The version of
// pip that runs there cannot be told to be silent about its age by options that others know, but by the environment.
func installPython2(e Entry) string {
	return "RUN PIP_NO_PYTHON_VERSION_WARNING=1 python2 -m pip install --no-cache-dir --no-input --disable-pip-version-check " +
		indexFlags(e.Index) + quoteAll(e.Names) + "\n"
}

// LastPip2 is the last version of pip that runs under Python 2.
const LastPip2 = "20.3.4"

// python2Pip says that a requirement is not one for a pip that needs Python 3. It judges lower bounds and exact versions, of
// which one is enough to rule all others out.
func python2Pip(name string) bool {
	m := pythonName.FindStringSubmatch(strings.TrimSpace(name))
	if m == nil || !strings.EqualFold(m[1], "pip") {
		return true
	}
	for clause := range strings.SplitSeq(m[3], ",") {
		clause = strings.TrimSpace(clause)
		version := strings.TrimSpace(strings.TrimLeft(clause, "=~<>!"))
		after := compareReleases(version, LastPip2)
		switch operator := strings.TrimSpace(strings.TrimSuffix(clause, version)); operator {
		case "==", "===", ">=", "~=":
			if after > 0 {
				return false
			}
		case ">":
			if after >= 0 {
				return false
			}
		}
	}
	return true
}

// compareReleases compares the leading numbers of two versions; what is not a number ends them.
func compareReleases(a, b string) int {
	numbers := func(version string) (list []int) {
		for part := range strings.SplitSeq(strings.TrimPrefix(version, "v"), ".") {
			digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
			n, err := strconv.Atoi(digits)
			if err != nil {
				break
			}
			if list = append(list, n); digits != part {
				break
			}
		}
		for len(list) > 0 && list[len(list)-1] == 0 {
			list = list[:len(list)-1]
		}
		return list
	}
	return slices.Compare(numbers(a), numbers(b))
}

func indexFlags(index string) string {
	if index == "" {
		return ""
	}
	flags := "--index-url " + quote(index) + " "
	if host := TrustedHost(index); host != "" {
		flags += "--trusted-host " + quote(host) + " "
	}
	return flags
}

// TrustedHost is the HOST or HOST:PORT that pip must be told to use an index without TLS; empty for others. Without the port, pip would
// take any certificate on all ports of that host.
func TrustedHost(index string) string {
	u, err := url.Parse(index)
	if err != nil || u.Scheme != "http" {
		return ""
	}
	return u.Host
}

// ValidIndex says whether a text is the base URL of an index or a mirror: http or https, a host, and nothing that may be a secret or
// mean something to a shell.
func ValidIndex(index string) bool {
	u, err := url.Parse(index)
	return err == nil && len(index) <= maxIndex && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && !strings.ContainsAny(index, " \t\r\n'\"\\$`")
}
