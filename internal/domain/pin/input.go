package pin

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// redirect notes what a redirection writes, so that files that the script makes itself are known later.
func (s *scan) redirect(stmt *syntax.Stmt, r *syntax.Redirect, in *scope) {
	if r.Word != nil {
		s.substitutions(r.Word, in, false)
	}
	if r.Hdoc != nil {
		s.substitutions(r.Hdoc, in, false)
	}
	if r.Word == nil || !writes(r.Op) {
		return
	}
	target := s.text(r.Word, in)
	if !target.constant() || target.text == "/dev/null" {
		return
	}
	text, ok := s.output(&syntax.Stmt{Cmd: stmt.Cmd, Redirs: inputs(stmt.Redirs)}, in)
	ok = ok && (r.N == nil || r.N.Value == "1") && text.constant()
	content := text.text
	if r.Op == syntax.AppOut {
		old, known := s.file(target.text, in)
		ok = ok && known && len(old)+len(content) <= MaxSize
		content = old + content
	}
	if !ok {
		content = ""
	}
	s.invalidate(target.text, in)
	in.files[path.Clean(target.text)] = document{text: content, ok: ok}
	if configures(target.text) {
		s.mirrors(text.text)
	}
}

// configures knows the files in which package managers find their indexes.
func configures(name string) bool {
	for _, part := range []string{"/etc/apt/", "/etc/yum.repos.d/", "pip.conf", ".npmrc", ".condarc", "/etc/apk/repositories", ".gemrc"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// mirrors notes the hosts of all URLs in a text.
func (s *scan) mirrors(text string) {
	if !s.spend(0, len(text), 0) {
		return
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n=\"'[],", r) }) {
		if a, ok := parseAddress(word); ok {
			s.host(a)
		}
	}
}

func writes(op syntax.RedirOperator) bool {
	return slices.Contains([]syntax.RedirOperator{syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll}, op)
}

func inputs(all []*syntax.Redirect) []*syntax.Redirect {
	var kept []*syntax.Redirect
	for _, r := range all {
		if !writes(r.Op) {
			kept = append(kept, r)
		}
	}
	return kept
}

// invalidate forgets what a file holds, wherever that was learned.
func (s *scan) invalidate(name string, in *scope) {
	name = path.Clean(name)
	for at := in; at != nil; at = at.parent {
		if _, ok := at.files[name]; ok {
			at.files[name] = document{}
		}
	}
	in.files[name] = document{}
}

// forget drops the content of the files that a command may change.
func (s *scan) forget(c command) {
	switch c.name {
	case "sed", "perl", "mv", "cp", "tee", "wget", "curl", "ln", "rm", "patch", "install":
		for _, a := range c.args {
			if !strings.HasPrefix(a.text, "-") && a.constant() {
				s.invalidate(a.text, c.in)
			}
		}
	}
}

// input gives the here-document or here-string of a statement.
func (s *scan) input(stmt *syntax.Stmt, in *scope) (field, bool) {
	for _, r := range slices.Backward(stmt.Redirs) {
		switch r.Op {
		case syntax.Hdoc, syntax.DashHdoc:
			if r.Hdoc == nil {
				return field{at: s.blank(r.Word, in).at}, true
			}
			body := s.body(r.Hdoc, in)
			if quotedDelimiter(r.Word) && len(r.Hdoc.Parts) == 1 {
				if lit, ok := r.Hdoc.Parts[0].(*syntax.Lit); ok && lit.Value != body.text {
					body.text = lit.Value
					body.exact = in.unit.from.exact && strings.HasPrefix(s.root[min(body.start, len(s.root)):], body.text)
				}
			}
			return body, true
		case syntax.WordHdoc:
			return s.text(r.Word, in), true
		case syntax.RdrIn:
			name := s.text(r.Word, in)
			if content, ok := s.file(name.text, in); ok && name.constant() {
				return name.with(content), true
			}
			return name.with(hole), true
		default:
		}
	}
	return field{}, false
}

func quotedDelimiter(word *syntax.Word) bool {
	return word.Lit() == "" || strings.Contains(word.Lit(), `\`)
}

// output gives what a statement prints, when it is echo, printf or cat and that is known.
func (s *scan) output(stmt *syntax.Stmt, in *scope) (field, bool) {
	if len(stmt.Redirs) != len(inputs(stmt.Redirs)) {
		return field{}, false
	}
	name, args := s.head(stmt, in)
	switch name {
	case "cat":
		if text, ok := s.input(stmt, in); ok && (len(args) == 0 || len(args) == 1 && args[0].text == "-") {
			return text, true
		}
		if len(args) == 1 && args[0].constant() {
			content, ok := s.file(args[0].text, in)
			return args[0].with(content), ok
		}
	case "echo":
		return echo(args)
	case "printf":
		return printf(args)
	}
	return field{}, false
}

func echo(args []field) (field, bool) {
	escapes := false
	for len(args) > 0 && (args[0].text == "-n" || args[0].text == "-e" || args[0].text == "-ne" || args[0].text == "-en") {
		escapes = escapes || strings.Contains(args[0].text, "e")
		args = args[1:]
	}
	if len(args) == 0 {
		return field{}, false
	}
	text := joined(args)
	if escapes && strings.Contains(text.text, `\`) {
		return text.with(strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(text.text) + "\n"), true
	}
	text.text += "\n" // it still stands where it stood
	return text, true
}

func printf(args []field) (field, bool) {
	if len(args) == 0 {
		return field{}, false
	}
	format := strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(args[0].text)
	if !strings.Contains(format, "%") {
		return args[0].with(format), true
	}
	if strings.Count(format, "%") != 1 || strings.Count(format, "%s") != 1 || len(args) < 2 {
		return field{}, false
	}
	var b strings.Builder
	if len(format)*len(args) > MaxSize {
		return field{}, false
	}
	for _, a := range args[1:] {
		b.WriteString(strings.Replace(format, "%s", a.text, 1))
	}
	return args[1].with(b.String()), true
}

// joined puts arguments together as one text.
func joined(args []field) field {
	if len(args) == 1 {
		return args[0]
	}
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a.text
	}
	return args[0].with(strings.Join(words, " "))
}
