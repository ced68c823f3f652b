// Package pkgmanager holds one small value per way of installing packages:
// how its names are written, when one is pinned, and the Containerfile
// instruction that installs them. It runs nothing.
package pkgmanager

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/redact"
)

// Type names a way of installing packages.
type Type string

// The types.
const (
	Apt     Type = "apt"
	Yum     Type = "yum" // or dnf, where that answers to the name
	Python2 Type = "python2"
	Python3 Type = "python3"
	Script  Type = "script"
)

// Types lists what a packages entry may be.
var Types = []Type{Apt, Yum, Python2, Python3, Script}

// Limits of one entry.
const (
	MaxNames     = 500
	MaxName      = 256      // bytes of one
	MaxNamesSize = 64 << 10 // bytes of all: they become one argument of a shell, of which the kernel takes 128 KiB
	MaxScript    = 64 << 10 // bytes
	maxIndex     = 2048     // bytes
)

// ToolDir is where the platform keeps the scripts of script entries; logs and diagnoses name them by it.
const ToolDir = "/home/admin/usertools/tools"

// Pip3 is where every official image with Python 3 has its installer.
const Pip3 = "/home/tops/bin/pip3"

// Entry is one item of a recipe's package list: names, or a script.
type Entry struct {
	Type   Type     `json:"type"`
	Names  []string `json:"names,omitempty"`
	Index  string   `json:"index,omitempty"` // base URL of a package index, or with apt URL SUITE COMPONENT…; not with script
	Script string   `json:"script,omitempty"`
}

// manager is what differs between the types that take names.
type manager struct {
	parse   func(name string) (base, version string, ok bool) // version is empty when the name is not pinned
	form    string                                            // how a name must be written
	pin     string                                            // how a pinned one is written
	index   index
	install func(e Entry) string
}

// index is how a type's entries name one of their own.
type index struct {
	parse func(text string) (url string, ok bool)
	limit string
	form  string
}

var (
	baseURL = index{
		parse: func(text string) (string, bool) { return text, ValidIndex(text) },
		limit: "http:// or https:// URL without user name, password, query or spaces",
		form:  "Give the base URL of the index, for example https://mirror.internal/simple/.",
	}
	aptLine = index{
		parse: parseAptIndex,
		limit: "http:// or https:// URL without user name, password or query, a suite, and components unless the suite ends in a slash",
		form:  "Write it as in a line of sources.list, for example https://mirror.internal/debian bookworm main.",
	}
)

var managers = map[Type]manager{
	Apt:     {parse: parseApt, form: "NAME=VERSION as Debian writes them", pin: "=VERSION", install: installApt, index: aptLine},
	Yum:     {parse: parseYum, form: "NAME-VERSION or NAME-VERSION-RELEASE as rpm writes them", pin: "-VERSION-RELEASE", install: installYum, index: baseURL},
	Python2: {parse: parsePython, form: "a requirement such as pyodps==0.11.6", pin: "==VERSION", install: installPython2, index: baseURL},
	Python3: {parse: parsePython, form: "a requirement such as pandas==1.5.3", pin: "==VERSION", install: installPython3, index: baseURL},
}

// lineEnd takes any number of carriage returns, so that what was normalized stays as it is when it is normalized again.
var lineEnd = regexp.MustCompile(`\r+\n`)

// Normalize trims what has no meaning: names that are there already, spaces around them, and of scripts the carriage returns
// before line feeds, the empty lines at the end, and the mark that editors of Windows put before a text.
func (e Entry) Normalize() Entry {
	names := make([]string, 0, len(e.Names))
	seen := map[string]bool{}
	for _, n := range e.Names {
		if n = strings.TrimSpace(n); !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	e.Names = names
	e.Script = strings.TrimRight(lineEnd.ReplaceAllString(strings.TrimLeft(e.Script, "\ufeff"), "\n"), "\r\n")
	return e
}

// Validate checks one entry; field is its path, e.g. packages[0].
func (e Entry) Validate(field string) problem.List {
	if e.Type == Script {
		return e.validateScript(field)
	}
	m, ok := managers[e.Type]
	if !ok {
		return problem.List{{
			Code: problem.InvalidPackageType, Field: field + ".type", Value: string(e.Type), Limit: texts(Types, ", "),
			Remedy: "Choose one of these; what none of them can do, a script can.",
		}}
	}
	var found problem.List
	if e.Script != "" {
		found = append(found, conflicting(field+".script", e.Script, Script))
	}
	if _, ok := m.index.parse(e.Index); e.Index != "" && !ok {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: field + ".index", Value: redact.URL(e.Index), Limit: m.index.limit, Remedy: m.index.form,
		})
	}
	if len(e.Names) == 0 || len(e.Names) > MaxNames {
		found = append(found, problem.Problem{
			Code: problem.MissingRequired, Field: field + ".names", Value: strconv.Itoa(len(e.Names)) + " names",
			Limit: "1 to " + strconv.Itoa(MaxNames), Remedy: "Name the packages to install, or remove the entry.",
		})
	}
	return append(found, e.validateNames(field+".names", m)...)
}

func (e Entry) validateNames(field string, m manager) problem.List {
	var found problem.List
	size := 0
	for i, n := range e.Names {
		n = strings.TrimSpace(n) // as it is normalized
		size += len(n)
		p := problem.Problem{Code: problem.InvalidRequirement, Field: field + "[" + strconv.Itoa(i) + "]", Value: n}
		_, _, ok := m.parse(n)
		switch {
		case len(n) > MaxName:
			p.Limit, p.Remedy = strconv.Itoa(MaxName)+" bytes", "One package an item."
		case !ok:
			p.Limit, p.Remedy = m.form, "One package an item; shell syntax has no meaning here, use a script for that."
			if strings.HasPrefix(n, "-") || strings.Contains(n, "://") || strings.ContainsAny(n, "/@") && !strings.Contains(n, " ") {
				p.Value, p.Remedy = redact.URL(n), "Options, files, URLs and version control are for scripts: use an entry of type script."
			}
		case e.Type == Python2 && !python2Pip(n):
			p.Code, p.Limit, p.Detail = problem.PipIncompatible, "pip=="+LastPip2, "no pip after "+LastPip2+" runs under Python 2"
			p.Remedy = "Say pip==" + LastPip2 + ", or remove the item."
		default:
			continue
		}
		found = append(found, p)
	}
	if size > MaxNamesSize {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: field, Value: strconv.Itoa(size) + " bytes", Limit: strconv.Itoa(MaxNamesSize) + " bytes",
			Remedy: "Divide them into several entries.",
		})
	}
	return found
}

// Pin is a name of an entry with the version that it is pinned to; empty when it is not.
type Pin struct{ Name, Version string }

// Pins gives the names of an entry that can be understood.
func (e Entry) Pins() []Pin {
	m, ok := managers[e.Type]
	if !ok {
		return nil
	}
	var pins []Pin
	for _, n := range e.Names {
		if base, version, ok := m.parse(strings.TrimSpace(n)); ok {
			pins = append(pins, Pin{base, version})
		}
	}
	return pins
}

// Unpinned finds the names that do not say exactly which version is meant. What known says was resolved last is what it suggests; known
// may be nil.
func (e Entry) Unpinned(field string, known func(name string) string) problem.List {
	m, ok := managers[e.Type]
	if !ok {
		return nil
	}
	var found problem.List
	for i, n := range e.Names {
		base, version, ok := m.parse(strings.TrimSpace(n))
		if !ok || version != "" {
			continue
		}
		limit, remedy := base+m.pin, "Say which version is meant, as "+base+m.pin+"."
		if known != nil && known(base) != "" {
			limit = base + strings.TrimSuffix(m.pin, "VERSION") + known(base)
			remedy = "Write " + limit + ", which is the version that was resolved last."
		}
		found = append(found, problem.Problem{
			Code: problem.UnpinnedPackage, Field: field + ".names[" + strconv.Itoa(i) + "]", Value: n, Limit: limit,
			Detail: "the version of " + base + " may change from one run to the next", Remedy: remedy,
		})
	}
	return found
}

// Instructions renders an entry as Containerfile text; n is its place in the recipe, from 0.
func (e Entry) Instructions(n int) string {
	if e.Type == Script {
		return scriptInstructions(n, e.Script)
	}
	if m, ok := managers[e.Type]; ok {
		return m.install(e)
	}
	return ""
}

// IndexURL is the base URL of the index that the entry names; empty when it names none.
func (e Entry) IndexURL() string {
	if m, ok := managers[e.Type]; ok && e.Index != "" {
		url, _ := m.index.parse(e.Index)
		return url
	}
	return ""
}

// Needs gives the runtime or package manager that the base must have, or nothing.
func (e Entry) Needs() string {
	switch e.Type {
	case Apt, Yum, Python2, Python3:
		return string(e.Type)
	case Script:
		return ""
	}
	return ""
}

func texts(types []Type, separator string) string {
	list := make([]string, len(types))
	for i, t := range types {
		list[i] = string(t)
	}
	return strings.Join(list, separator)
}

// conflicting refuses what a field says that another type has.
func conflicting(field, value string, only ...Type) problem.Problem {
	name := field[strings.LastIndex(field, ".")+1:]
	return problem.Problem{
		Code: problem.ConflictingAttribute, Field: field, Limit: `type = "` + texts(only, `" or "`) + `"`,
		Value: value, Remedy: "Remove " + name + ", or change the type of the entry.",
	}
}

// quote makes text one word of a POSIX shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}
