package pin

import (
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Bounds that keep the analysis of hostile scripts short.
const (
	maxSteps  = 20_000  // statements and commands looked at, those of loops and functions each time
	maxBytes  = 8 << 20 // of all words after expansion, with what else takes time for each byte
	fieldSize = 16      // what a field costs besides its text
	maxWord   = 64 << 10
	maxFields = 2000 // words that one word expands to
	maxDepth  = 12   // scripts within scripts, functions within functions
	maxNest   = 400  // statements within statements
	lineCost  = 4    // what a byte of a requirements file costs: each line is taken apart
	maxIssues = 500
	maxRedirs = 100 // of one statement
)

// scan is the state of one analysis.
type scan struct {
	root        string // the text that was given; positions are offsets in it
	options     Options
	issues      []issue
	seen        map[issue]bool
	downloads   []download
	checks      []check
	clones      []clone
	functions   []*function // all that were met
	secrets     map[string]bool
	hide        []string // the secrets, the longest first; set when all are known
	hosts       map[string]bool
	steps       int
	bytes       int
	depth       int
	nest        int
	spent       bool
	directory   string // last part of the directory that the script went to
	pinnedFetch bool   // the last git fetch named a commit
}

// issue is a finding in the making.
type issue struct {
	code    problem.Code
	kind    Kind
	manager Manager
	name    string
	at      int // offset in the root
	value   string
	limit   string
	remedy  string
	detail  string
}

func newScan(root string, options Options) *scan {
	return &scan{root: root, options: options, seen: map[issue]bool{}, secrets: map[string]bool{}, hosts: map[string]bool{}}
}

// report keeps an issue, once.
func (s *scan) report(i issue) {
	if i.code == problem.UnpinnedPackage && strings.TrimSpace(i.name) == "" { // as in https://example.com/.git
		if i.name = i.value; strings.TrimSpace(i.value) == "" {
			i.name = strconv.Quote(i.value)
		}
	}
	for _, text := range []*string{&i.value, &i.limit, &i.detail, &i.remedy} {
		*text = (*text)[:min(len(*text), longestShown)] // a long one would be compared with all others, and not be shown
	}
	if s.seen[i] {
		return
	}
	if len(s.issues) >= maxIssues {
		s.exhaust(i.at)
		return
	}
	s.seen[i] = true
	s.issues = append(s.issues, i)
}

// spend takes from the budget; when nothing is left, it says so once, and the analysis ends.
func (s *scan) spend(steps, bytes, at int) bool {
	s.steps += steps
	s.bytes += bytes
	if s.steps > maxSteps || s.bytes > maxBytes {
		s.exhaust(at)
	}
	return !s.spent
}

func (s *scan) exhaust(at int) {
	if s.spent {
		return
	}
	s.spent = true
	s.issues = append(s.issues, issue{
		code: problem.CannotAnalyse, kind: Unknown, at: at, limit: fmt.Sprintf("%d steps", maxSteps),
		detail: "the script does too much to be analysed to its end", remedy: "Split the script, or put its data into files.",
	})
}

// unknown reports what cannot be judged.
func (s *scan) unknown(f field, detail, remedy string) {
	s.report(issue{
		code: problem.CannotAnalyse, kind: Unknown, at: f.at, value: f.raw, limit: "what the script itself says", detail: detail, remedy: remedy,
	})
}

// unpinned reports a package whose version is left open.
func (s *scan) unpinned(m Manager, f field, name string) {
	if strings.TrimSpace(name) == "" {
		s.nameless(m, f)
		return
	}
	form := pinned(m, name, "VERSION")
	remedy := "Say which version is meant, as " + form + "."
	if version := s.known(m, name); version != "" {
		form = pinned(m, name, version)
		remedy = "Write " + form + ", which is the version that was resolved last."
	}
	s.report(issue{
		code: problem.UnpinnedPackage, kind: Unpinned, manager: m, name: name, at: f.at, value: f.raw, limit: form, remedy: remedy,
		detail: "the version of " + name + " may change from one run to the next",
	})
}

// nameless reports a word in the place of a package in which no package is named.
func (s *scan) nameless(m Manager, f field) {
	form := pinned(m, "NAME", "VERSION")
	s.report(issue{
		code: problem.InvalidRequirement, kind: Wrong, manager: m, at: f.at, value: f.raw, limit: form,
		detail: "no package is named: " + string(m) + " refuses this word", remedy: "Write the package with its version, as " + form + ", or remove the word.",
	})
}

func (s *scan) known(m Manager, name string) string {
	if s.options.Known == nil {
		return ""
	}
	base, _, _ := strings.Cut(name, "[")
	return s.options.Known(m, base)
}

// pinned writes a package with its version as its manager wants it.
func pinned(m Manager, name, version string) string {
	switch m {
	case Pip, Conda:
		return name + "==" + version
	case Apt, Apk:
		return name + "=" + version
	case Yum:
		return name + "-" + version
	case Go:
		return name + "@v" + strings.TrimPrefix(version, "v")
	case Gem:
		return name + ":" + version
	default:
		return name + "@" + version
	}
}

// finding turns an issue into what the caller sees; no secret gets out.
func (s *scan) finding(i issue, line, column int) Finding {
	return Finding{
		Problem: problem.Problem{
			Code: i.code, Value: s.redact(i.value), Limit: s.redact(i.limit), Remedy: s.redact(i.remedy),
			Detail: fmt.Sprintf("line %d, column %d: %s", line, column, s.redact(i.detail)),
		},
		Kind: i.kind, Manager: i.manager, Name: s.redact(i.name), Line: line, Column: column,
	}
}

// source is a text under analysis, and where it stands in the root.
type source struct {
	text  string
	exact bool // the text is a part of the root, letter by letter
	base  int  // where the text begins in the root, when exact; else where the blame goes
}

// offset gives the place in the root.
func (f *source) offset(at uint) int {
	if f.exact {
		return f.base + int(min(at, uint(len(f.text)))) //nolint:gosec // bounded by the length of the text
	}
	return f.base
}

// script analyses a whole script within a scope.
func (s *scan) script(from *source, in *scope) {
	if len(from.text) > MaxSize || nested(from.text) > maxNest {
		s.report(issue{
			code: problem.CannotAnalyse, kind: Unknown, at: from.offset(0), limit: fmt.Sprintf("%d bytes, nested %d deep", MaxSize, maxNest),
			detail: "the script is too long, or nested too deep", remedy: "Split it into several.",
		})
		return
	}
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true))
	file, err := parser.Parse(strings.NewReader(from.text), "")
	if err != nil {
		s.unparsable(from, err)
		return
	}
	u := newUnit(from, file)
	if from.exact && from.base == 0 && from.text == s.root {
		s.findSecrets(u, file)
	}
	in.unit = u
	s.statements(file.Stmts, in)
	s.uncalled(u)
}

// nested bounds how deep a text may be nested by the brackets in it: the parser recurses, and a stack that overflows cannot be
// recovered from.
func nested(text string) int {
	deep, most := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '[':
			deep++
			most = max(most, deep)
		case ')', '}', ']':
			deep = max(deep-1, 0)
		}
	}
	return most
}

func (s *scan) unparsable(from *source, err error) {
	i := issue{
		code: problem.CannotAnalyse, kind: Unknown, at: from.offset(0), limit: "a script that bash can read",
		detail: "the script cannot be read", remedy: "Correct the syntax: bash would stop here, too.",
	}
	if e, ok := asParseError(err); ok {
		i.detail += ": " + e.Text
		i.at = from.offset(e.Pos.Offset())
	}
	s.report(i)
}
