package pin

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Needs gives the hosts without which a script surely fails, as far as they are known: those of downloads and package indexes
// that a command of its own names, which runs in any case, and whose failure ends the script. They are a part of Hosts, in
// the same form. The script is taken to be run with -e and pipefail.
func Needs(script string, options Options) []string {
	if len(script) > MaxSize || slices.ContainsFunc(turns, func(word string) bool { return strings.Contains(script, word) }) {
		return nil
	}
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		return nil
	}
	var hosts []string
	steps, bytes := 0, 0
	for i, stmt := range parsed.Stmts {
		for _, simple := range chain(stmt, i == len(parsed.Stmts)-1) {
			text := script[simple.Pos().Offset():simple.End().Offset()]
			if !reachesOut(text) {
				continue
			}
			s := newScan(text, options)
			s.steps, s.bytes = steps, bytes // the budget is that of the whole script
			if one := s.reached(); len(one) == 1 {
				hosts = append(hosts, one...)
			}
			steps, bytes = s.steps, s.bytes
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// turns are the words of a script that may lead it around a command, or a command to another host.
var turns = []string{
	"exit", "return", "exec", "trap", "set +", "set -n", "shopt", "proxy", "PROXY", "/etc/hosts", "function", "()", "alias", "source ", "--no-index",
	"PIP_", "pip.conf", "pip config", ".npmrc", ".condarc", "insteadOf", "--offline", "--resolve", "--connect-to",
}

// chain gives the simple commands without any of which a script fails: a statement itself, and at the end of the script those of
// a && b && c. Elsewhere, such a list may end early and the script goes on.
func chain(stmt *syntax.Stmt, last bool) []*syntax.Stmt {
	if stmt.Negated || stmt.Background || stmt.Coprocess || len(stmt.Redirs) > 0 {
		return nil
	}
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		return []*syntax.Stmt{stmt}
	case *syntax.BinaryCmd:
		if last && cmd.Op == syntax.AndStmt {
			return append(chain(cmd.X, true), chain(cmd.Y, true)...)
		}
	}
	return nil
}

// reachesOut says whether a simple command, with one host, cannot do without it.
func reachesOut(text string) bool {
	words := strings.Fields(text)
	if len(words) == 0 { // the shell takes a vertical tab for a command
		return false
	}
	for len(words) > 1 && (words[0] == "sudo" || words[0] == "-H" || words[0] == "-E") {
		words = words[1:]
	}
	name := words[0][strings.LastIndexByte(words[0], '/')+1:]
	switch {
	case name == "wget" || name == "curl":
		return !strings.Contains(text, "--continue") && !strings.Contains(text, " -nc")
	case name == "git":
		return len(words) > 1 && words[1] == "clone"
	case strings.HasPrefix(name, "pip"):
		return len(words) > 1 && words[1] == "install" && fromIndex(words)
	case strings.HasPrefix(name, "python"):
		return len(words) > 3 && words[1] == "-m" && words[2] == "pip" && words[3] == "install" && fromIndex(words)
	}
	return false
}

// fromIndex says that the one host of an installation is its index, and not one more place to look at, and that the index is
// needed: a package is named by its name.
func fromIndex(words []string) bool {
	index, named := false, false
	for _, w := range words {
		index = index || w == "-i" || w == "--index-url" || strings.HasPrefix(w, "--index-url=")
		named = named || strings.Contains(w, "==") && !strings.ContainsAny(w, "/;")
	}
	return index && named
}
