package pin

import (
	"errors"
	"path"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

func asParseError(err error) (syntax.ParseError, bool) { return errors.AsType[syntax.ParseError](err) }

// value is what a variable holds: one text, or the items of an array.
type value struct {
	words []string
	list  bool
}

// unit is one parsed text.
type unit struct {
	from      *source
	assigned  map[string]int // how often each variable gets a value; many when nobody knows
	functions map[string][]*function
	declared  map[*syntax.FuncDecl]*function
}

// function is one that the script declares.
type function struct {
	decl   *syntax.FuncDecl
	unit   *unit
	met    bool
	called bool
	active bool
	shifts func() bool // it changes its arguments while it runs
}

const many = 1000

func newUnit(from *source, file *syntax.File) *unit {
	u := &unit{from: from, assigned: map[string]int{}, functions: map[string][]*function{}, declared: map[*syntax.FuncDecl]*function{}}
	syntax.Walk(file, func(node syntax.Node) bool {
		u.count(node)
		return true
	})
	return u
}

// count notes what a node does to variables.
func (u *unit) count(node syntax.Node) {
	switch n := node.(type) {
	case *syntax.CallExpr:
		u.countCall(n)
	case *syntax.DeclClause:
		for _, a := range n.Args {
			u.countAssign(a)
			if n.Variant.Value == "nameref" && a.Value != nil {
				u.assigned[a.Value.Lit()] += many
			}
		}
	case *syntax.ForClause:
		if loop, ok := n.Loop.(*syntax.WordIter); ok {
			u.assigned[loop.Name.Value]++
			if n.Select {
				u.assigned[loop.Name.Value] += many
			}
		}
	case *syntax.ParamExp:
		if n.Param != nil && n.Exp != nil && (n.Exp.Op == syntax.AssignUnset || n.Exp.Op == syntax.AssignUnsetOrNull) {
			u.assigned[n.Param.Value] += many
		}
	case *syntax.BinaryArithm, *syntax.UnaryArithm:
		u.countArithmetic(n)
	case *syntax.FuncDecl:
		if n.Name != nil {
			f := &function{decl: n, unit: u, shifts: sync.OnceValue(func() bool { return shifts(n) })}
			u.declared[n] = f
			u.functions[n.Name.Value] = append(u.functions[n.Name.Value], f)
		}
	}
}

func (u *unit) countAssign(a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	u.assigned[a.Name.Value]++
	if a.Append || a.Index != nil {
		u.assigned[a.Name.Value] += many
	}
}

// countCall knows the commands that set variables by name. An assignment before a command is seen by that command only, but
// that may be a function: such a variable has no one value.
func (u *unit) countCall(call *syntax.CallExpr) {
	for _, a := range call.Assigns {
		u.countAssign(a)
		if len(call.Args) > 0 && a.Name != nil {
			u.assigned[a.Name.Value] += many
		}
	}
	if len(call.Args) == 0 {
		return
	}
	switch call.Args[0].Lit() {
	case "eval":
		u.countEval(call.Args[1:])
	case "read", "mapfile", "readarray", "getopts", "unset", "printf", "wait":
		for _, arg := range call.Args[1:] {
			if name := arg.Lit(); syntax.ValidName(name) {
				u.assigned[name] += many
			}
		}
	}
}

// countEval looks into the constant text that eval runs in this very shell.
func (u *unit) countEval(args []*syntax.Word) {
	var text strings.Builder
	for _, arg := range args {
		syntax.Walk(arg, func(node syntax.Node) bool {
			switch n := node.(type) {
			case *syntax.Lit:
				text.WriteString(n.Value)
			case *syntax.SglQuoted:
				text.WriteString(n.Value)
			}
			return true
		})
		text.WriteByte(' ')
	}
	for word := range strings.FieldsFuncSeq(text.String(), func(r rune) bool { return !wordRune(r) }) {
		if syntax.ValidName(word) {
			u.assigned[word] += many
		}
	}
}

func wordRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// countArithmetic takes every variable that a calculation names for changed by it.
func (u *unit) countArithmetic(node syntax.Node) {
	note := func(x syntax.ArithmExpr) {
		if word, ok := x.(*syntax.Word); ok {
			u.assigned[word.Lit()] += many
		}
	}
	switch n := node.(type) {
	case *syntax.BinaryArithm:
		switch n.Op {
		case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.QuoAssgn, syntax.RemAssgn, syntax.AndAssgn,
			syntax.OrAssgn, syntax.XorAssgn, syntax.ShlAssgn, syntax.ShrAssgn, syntax.PowAssgn:
			note(n.X)
		default: // the others only calculate
		}
	case *syntax.UnaryArithm:
		if n.Op == syntax.Inc || n.Op == syntax.Dec {
			note(n.X)
		}
	}
}

// scope is what is known at a place in a script: a scope that ends takes what it learned with it, because nobody knows whether
// its commands ran.
type scope struct {
	parent *scope
	unit   *unit
	vars   map[string]value
	files  map[string]document // files that the script wrote, by clean path; one without text is no longer known
	args   []field             // positional parameters, from $1
	frame  bool                // the scope is that of a function
	opaque bool                // the function changes its args
}

// document is a file of which the content is known.
type document struct {
	text string
	ok   bool
}

func newScope() *scope { return &scope{vars: map[string]value{}, files: map[string]document{}} }

func (c *scope) child() *scope {
	in := newScope()
	in.parent, in.unit = c, c.unit
	return in
}

// lookup gives the value of a variable that has one value wherever the script is.
func (c *scope) lookup(name string, env map[string]string) (value, bool) {
	if count := c.unit.assigned[name]; count == 0 {
		text, ok := env[name]
		return value{words: []string{text}}, ok
	} else if count > 1 {
		return value{}, false
	}
	for at := c; at != nil; at = at.parent {
		if v, ok := at.vars[name]; ok {
			return v, true
		}
	}
	return value{}, false
}

// positional gives the arguments of the function that is being analysed.
func (c *scope) positional() ([]field, bool) {
	for at := c; at != nil; at = at.parent {
		if at.frame {
			return at.args, !at.opaque
		}
	}
	return nil, false
}

// file gives the content of a file that the script wrote, or that the caller knows.
func (s *scan) file(name string, in *scope) (string, bool) {
	clean := path.Clean(name)
	for at := in; at != nil; at = at.parent {
		if d, ok := at.files[clean]; ok {
			return d.text, d.ok && s.read(d.text)
		}
	}
	if s.options.File == nil {
		return "", false
	}
	content, ok := s.options.File(name)
	return content, ok && s.read(content)
}

// read takes the reading of a file from the budget: a short command may name a long one, many times.
func (s *scan) read(content string) bool { return s.spend(0, len(content)/16, 0) }
