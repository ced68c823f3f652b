package pkgmanager

import (
	"net/url"
	"regexp"
	"strings"
)

// pythonName is the part of PEP 508 that a package list needs: a name, extras, version clauses.
// URLs, markers and files are what scripts are for.
var pythonName = regexp.MustCompile(`^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9])(\[[A-Za-z0-9._,-]+\])?((==|===|~=|!=|<=|>=|<|>)[A-Za-z0-9.*+!_-]+(,(==|===|~=|!=|<=|>=|<|>)[A-Za-z0-9.*+!_-]+)*)?$`)

var pythonPin = regexp.MustCompile(`^={2,3}([A-Za-z0-9.+!_-]+)$`)

func parsePython(name string) (base, version string, ok bool) {
	m := pythonName.FindStringSubmatch(strings.ReplaceAll(name, " ", ""))
	if m == nil || strings.Contains(strings.TrimSpace(name), " ") && m[3] == "" {
		return "", "", false
	}
	if pin := pythonPin.FindStringSubmatch(m[3]); pin != nil {
		version = pin[1]
	}
	return m[1] + m[2], version, true
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
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && !strings.ContainsAny(index, " \t\r\n'\"\\$`")
}

// redact keeps a password in a refused URL out of the refusal.
func redact(index string) string {
	u, err := url.Parse(index)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}
