package pkgmanager

import (
	"net/url"
	"regexp"
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

func installPython(e Entry) string {
	return "RUN " + Pip3 + " install --no-cache-dir --no-input --disable-pip-version-check --root-user-action=ignore " +
		indexFlags(e.Index) + quoteAll(e.Names) + "\n"
}

func indexFlags(index string) string {
	if index == "" {
		return ""
	}
	flags := "--index-url " + quote(index) + " "
	if u, err := url.Parse(index); err == nil && u.Scheme == "http" {
		flags += "--trusted-host " + quote(u.Hostname()) + " "
	}
	return flags
}

func validIndex(index string) bool {
	u, err := url.Parse(index)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && !strings.ContainsAny(index, " \t\r\n'\"\\$`")
}

// redact keeps what may be a secret in a refused URL out of the refusal: people write tokens as user names and in queries, too.
func redact(index string) string {
	u, err := url.Parse(index)
	if err != nil || u.Host == "" && strings.Contains(index, "@") {
		return "(not a URL)"
	}
	if u.User != nil {
		u.User = url.User("xxxxx")
	}
	if u.RawQuery != "" {
		u.RawQuery = "xxxxx"
	}
	if u.Fragment != "" {
		u.Fragment = "xxxxx"
	}
	return u.String()
}
