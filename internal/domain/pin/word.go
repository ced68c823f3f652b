package pin

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// hole stands in a field for text that only the shell knows. No argument of a command can contain it.
const hole = "\x00"

// field is one word after expansion: what a command gets as one argument.
type field struct {
	text  string // with holes
	raw   string // as the script writes it
	at    int    // offset in the root
	start int    // offset of text in the root, when exact
	exact bool   // text is a part of the root, letter by letter
}

func (f field) constant() bool { return !strings.Contains(f.text, hole) }

// with gives the field with another text, for parts of an argument.
func (f field) with(text string) field {
	f.text = text
	f.exact = false
	return f
}

// expansion builds the fields of one word.
type expansion struct {
	s      *scan
	in     *scope
	done   []field
	text   strings.Builder
	begun  bool // a field is open, even if it is empty as yet
	body   bool // the body of a here-document: quotes mean nothing
	from   field
	length int
}

// fields expands a word as bash would, as far as that can be known.
func (s *scan) fields(word *syntax.Word, in *scope) []field {
	from := s.blank(word, in)
	copied := &syntax.Word{Parts: slices.Clone(word.Parts)}
	if !syntax.SplitBraces(copied) {
		return s.expand(copied, from, in)
	}
	var all []field
	for _, w := range braces(copied.Parts) {
		all = append(all, s.expand(w, from, in)...)
		if len(all) > maxFields {
			return []field{from.with(hole)}
		}
	}
	return all
}

func (s *scan) allFields(words []*syntax.Word, in *scope) []field {
	var all []field
	for _, w := range words {
		if all = append(all, s.fields(w, in)...); s.spent {
			break
		}
	}
	return all
}

// blank gives the field of a word without its text.
func (s *scan) blank(word *syntax.Word, in *scope) field {
	from := in.unit.from
	start, end := min(word.Pos().Offset(), uint(len(from.text))), min(word.End().Offset(), uint(len(from.text)))
	f := field{at: from.offset(start)}
	if start < end {
		f.raw = from.text[start:end]
	}
	f.start = f.at
	if len(word.Parts) == 1 {
		switch p := word.Parts[0].(type) {
		case *syntax.SglQuoted:
			f.start = from.offset(p.Left.Offset() + 1)
		case *syntax.DblQuoted:
			f.start = from.offset(p.Left.Offset() + 1)
		}
	}
	return f
}

func (s *scan) expand(word *syntax.Word, from field, in *scope) []field {
	e := &expansion{s: s, in: in, from: from}
	for _, p := range word.Parts {
		e.part(p, false)
	}
	e.end()
	return e.done
}

// body gives the text of a here-document, with holes.
func (s *scan) body(word *syntax.Word, in *scope) field {
	e := &expansion{s: s, in: in, from: s.blank(word, in), body: true, begun: true}
	for _, p := range word.Parts {
		e.part(p, true)
	}
	e.end()
	if len(e.done) != 1 {
		return e.from.with(hole)
	}
	f := e.done[0]
	f.raw, _, _ = strings.Cut(f.raw, "\n")
	return f
}

func (e *expansion) part(p syntax.WordPart, quoted bool) {
	if !e.s.spend(0, 1, e.from.at) {
		return
	}
	switch p := p.(type) {
	case *syntax.Lit:
		e.add(unescape(p.Value, quoted, e.body))
	case *syntax.SglQuoted:
		if p.Dollar && strings.Contains(p.Value, `\`) {
			e.add(hole)
		} else {
			e.add(p.Value)
		}
	case *syntax.DblQuoted:
		e.begun = e.begun || !onlyList(p)
		for _, part := range p.Parts {
			e.part(part, true)
		}
	case *syntax.ParamExp:
		e.param(p, quoted)
	case *syntax.CmdSubst:
		if path, ok := located(p); ok {
			e.add(path)
		} else {
			e.add(hole)
		}
	default:
		e.add(hole)
	}
}

// onlyList recognizes "$@" and "${a[@]}", which are no word at all when there is nothing in them.
func onlyList(q *syntax.DblQuoted) bool {
	if len(q.Parts) != 1 {
		return false
	}
	p, ok := q.Parts[0].(*syntax.ParamExp)
	return ok && p.Param != nil && (p.Param.Value == "@" || subscript(p) == "@")
}

// located recognizes $(which pip3) and $(command -v pip3).
func located(subst *syntax.CmdSubst) (string, bool) {
	if len(subst.Stmts) != 1 || len(subst.Stmts[0].Redirs) > 0 {
		return "", false
	}
	call, ok := subst.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Assigns) > 0 {
		return "", false
	}
	words := make([]string, len(call.Args))
	for i, a := range call.Args {
		words[i] = a.Lit()
	}
	switch {
	case len(words) == 2 && words[0] == "which":
		return words[1], words[1] != ""
	case len(words) == 3 && (words[0] == "command" && words[1] == "-v" || words[0] == "type" && words[1] == "-p"):
		return words[2], words[2] != ""
	}
	return "", false
}

func (e *expansion) add(text string) {
	e.begun = true
	if e.length += len(text); e.length > maxWord {
		text = hole
	}
	if text == hole && strings.HasSuffix(e.text.String(), hole) {
		return
	}
	e.text.WriteString(text)
}

// end closes the field that is open.
func (e *expansion) end() {
	if !e.begun {
		return
	}
	f := e.from
	f.text = e.text.String()
	root := e.s.root
	f.exact = e.in.unit.from.exact && f.start+len(f.text) <= len(root) && root[f.start:f.start+len(f.text)] == f.text
	if e.s.spend(0, len(f.text)+fieldSize, f.at) {
		e.done = append(e.done, f)
	}
	e.text.Reset()
	e.begun = false
}

// param adds what a parameter holds; what is not quoted is split at white space.
func (e *expansion) param(p *syntax.ParamExp, quoted bool) {
	if p.Param != nil && (p.Param.Value == "@" || p.Param.Value == "*") && plain(p) {
		e.arguments(p.Param.Value == "@" || !quoted)
		return
	}
	v, ok := e.in.resolve(p, e.s.options.Env)
	switch {
	case !ok:
		e.add(hole)
	case v.list && subscript(p) == "@" && quoted:
		e.many(v.words)
	case quoted:
		e.add(e.join(v.words))
	default:
		e.split(e.join(v.words))
	}
}

// join puts words together; they count even if they are too long to be kept.
func (e *expansion) join(words []string) string {
	length := len(words)
	for _, w := range words {
		length += len(w)
	}
	if !e.s.spend(0, length, e.from.at) {
		return hole
	}
	return strings.Join(words, " ")
}

// many adds each word as a field of its own.
func (e *expansion) many(words []string) {
	for i, w := range words {
		if i > 0 {
			e.end()
		}
		if e.s.spent {
			return
		}
		e.add(w)
	}
}

func (e *expansion) split(text string) {
	words := strings.Fields(text)
	if len(words) == 0 {
		if text != "" {
			e.end()
		}
		return
	}
	if strings.TrimLeft(text, " \t\n") != text {
		e.end()
	}
	e.many(words)
	if strings.TrimRight(text, " \t\n") != text {
		e.end()
	}
}

// arguments adds the positional parameters, which keep their places in the script.
func (e *expansion) arguments(apart bool) {
	args, ok := e.in.positional()
	switch {
	case !ok || e.s.spent:
		e.add(hole)
	case !apart || e.begun:
		words := make([]string, len(args))
		for i, a := range args {
			words[i] = a.text
		}
		e.add(e.join(words))
	case e.s.spend(0, fieldSize*len(args), e.from.at):
		e.done = append(e.done, args...)
	}
}

// plain says that a parameter is not changed on its way: $a, ${a}, ${a[@]}, or ${a:-x}, which is $a when a is set.
func plain(p *syntax.ParamExp) bool {
	return !p.Excl && !p.Length && !p.Width && !p.IsSet && p.Slice == nil && p.Repl == nil && p.Names == 0 &&
		len(p.Modifiers) == 0 && p.NestedParam == nil && p.Flags == nil
}

// subscript gives the index of a parameter when it is * or @.
func subscript(p *syntax.ParamExp) string {
	if word, ok := p.Index.(*syntax.Word); ok {
		return word.Lit()
	}
	return ""
}

// resolve gives the value of a parameter that is known.
func (c *scope) resolve(p *syntax.ParamExp, env map[string]string) (value, bool) {
	if p.Param == nil || !plain(p) {
		return value{}, false
	}
	name := p.Param.Value
	if len(name) == 1 && name[0] >= '1' && name[0] <= '9' && p.Exp == nil {
		args, ok := c.positional()
		if i := int(name[0] - '1'); ok && i < len(args) {
			return value{words: []string{args[i].text}}, true
		}
		return value{}, false
	}
	v, ok := c.lookup(name, env)
	if !ok {
		return value{}, false
	}
	if p.Exp != nil {
		switch p.Exp.Op {
		case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
			return v, strings.Join(v.words, "") != ""
		default:
			return value{}, false
		}
	}
	if p.Index == nil {
		return value{words: v.words[:min(1, len(v.words))]}, true
	}
	index := subscript(p)
	return v, index == "@" || index == "*"
}

// unescape removes the backslashes that the shell removes from a literal.
func unescape(text string, quoted, body bool) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		next := text[i+1]
		if quoted && !strings.ContainsRune("$`\\\n", rune(next)) && (body || next != '"') {
			b.WriteByte('\\')
			continue
		}
		if i++; next != '\n' {
			b.WriteByte(next)
		}
	}
	return b.String()
}

// braces expands {a,b}; of {1..9} it makes a hole.
func braces(parts []syntax.WordPart) []*syntax.Word {
	unknown := []*syntax.Word{{Parts: []syntax.WordPart{&syntax.ArithmExp{}}}}
	words := []*syntax.Word{{}}
	for i, p := range parts {
		if len(words)*(i+1) > maxWord {
			return unknown
		}
		var choices [][]syntax.WordPart
		group, ok := p.(*syntax.BraceExp)
		switch {
		case !ok:
			for _, w := range words {
				w.Parts = append(w.Parts, p)
			}
			continue
		case group.Sequence:
			choices = [][]syntax.WordPart{{&syntax.ArithmExp{}}}
		default:
			for _, elem := range group.Elems {
				for _, w := range braces(elem.Parts) {
					choices = append(choices, w.Parts)
				}
				if len(words)*len(choices) > maxFields {
					return unknown
				}
			}
		}
		var next []*syntax.Word
		for _, w := range words {
			for _, c := range choices {
				next = append(next, &syntax.Word{Parts: slices.Concat(w.Parts, c)})
			}
		}
		words = next
	}
	return words
}
