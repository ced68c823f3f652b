package pin

import (
	"mvdan.cc/sh/v3/syntax"
)

// flow is where a command's input comes from, and where its output goes.
type flow struct {
	piped bool     // something comes in by a pipe
	from  []string // names of the commands that it comes from
	text  *field   // all of what comes in, when that is known
	runs  bool     // what it writes is run
	lost  bool     // its failure is ignored
}

func (s *scan) statements(list []*syntax.Stmt, in *scope) {
	for _, stmt := range list {
		s.statement(stmt, in, flow{})
	}
}

// statement analyses one statement. What it learns stays in the scope only if it surely ran.
func (s *scan) statement(stmt *syntax.Stmt, in *scope, f flow) {
	if stmt == nil || !s.spend(1, 0, in.unit.from.offset(stmt.Pos().Offset())) {
		return
	}
	if s.nest++; s.nest > maxNest {
		s.exhaust(in.unit.from.offset(stmt.Pos().Offset()))
	}
	defer func() { s.nest-- }()
	if len(stmt.Redirs) > maxRedirs {
		s.exhaust(in.unit.from.offset(stmt.Pos().Offset()))
		return
	}
	for _, r := range stmt.Redirs {
		s.redirect(stmt, r, in)
	}
	if text, ok := s.input(stmt, in); ok {
		f.text = &text
		f.piped = true
	}
	s.command(stmt, in, f)
}

func (s *scan) command(stmt *syntax.Stmt, in *scope, f flow) {
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		s.call(stmt, cmd, in, f)
	case *syntax.BinaryCmd:
		s.binary(cmd, in, f)
	case *syntax.DeclClause:
		for _, a := range cmd.Args {
			s.assign(a, in)
		}
	case *syntax.Block:
		for _, inner := range cmd.Stmts {
			s.statement(inner, in, f)
		}
	case *syntax.Subshell:
		below := in.child()
		for _, inner := range cmd.Stmts {
			s.statement(inner, below, f)
		}
	case *syntax.IfClause:
		s.ifClause(cmd, in, f)
	case *syntax.WhileClause:
		s.statements(cmd.Cond, in.child())
		s.inner(cmd.Do, in.child(), f)
	case *syntax.ForClause:
		s.forClause(cmd, in, f)
	case *syntax.CaseClause:
		s.substitutions(cmd.Word, in, false)
		for _, item := range cmd.Items {
			for _, pattern := range item.Patterns {
				s.substitutions(pattern, in, false)
			}
			s.inner(item.Stmts, in.child(), f)
		}
	case *syntax.TimeClause:
		s.statement(cmd.Stmt, in, f)
	case *syntax.CoprocClause:
		s.statement(cmd.Stmt, in.child(), flow{})
	case *syntax.FuncDecl:
		s.declare(cmd, in)
	case nil:
	default:
		s.substitutions(cmd, in, false)
	}
}

func (s *scan) inner(list []*syntax.Stmt, in *scope, f flow) {
	for _, stmt := range list {
		s.statement(stmt, in, f)
	}
}

func (s *scan) ifClause(clause *syntax.IfClause, in *scope, f flow) {
	before := s.nest
	defer func() { s.nest = before }()
	for at := clause; at != nil; at = at.Else {
		if s.nest++; s.nest > maxNest { // each branch looks for its variables in those before it
			s.exhaust(in.unit.from.offset(at.Pos().Offset()))
			return
		}
		s.inner(at.Cond, in, f)
		s.inner(at.Then, in.child(), f)
		in = in.child()
	}
}

// forClause goes through the body once for each item that is known, so that findings name the item.
func (s *scan) forClause(loop *syntax.ForClause, in *scope, f flow) {
	words, ok := loop.Loop.(*syntax.WordIter)
	if !ok {
		s.substitutions(loop.Loop, in, false)
		s.inner(loop.Do, in.child(), f)
		return
	}
	for _, w := range words.Items {
		s.substitutions(w, in, false)
	}
	items := s.allFields(words.Items, in)
	if !words.InPos.IsValid() { // the form without items goes through the arguments
		items, ok = in.positional()
		if !ok {
			items = []field{{text: hole}}
		}
	}
	for _, item := range items {
		if !s.spend(1, 0, in.unit.from.offset(loop.Pos().Offset())) {
			return
		}
		below := in.child()
		if item.constant() && !loop.Select {
			below.vars[words.Name.Value] = value{words: []string{item.text}}
		}
		s.inner(loop.Do, below, f)
	}
}

// binary analyses a && b, a || b and pipes.
func (s *scan) binary(cmd *syntax.BinaryCmd, in *scope, f flow) {
	if cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll {
		s.pipeline(cmd, in, f)
		return
	}
	s.list(cmd, in, in.child(), f)
}

// list analyses a chain: its first command surely runs; what follows && knows what the commands before it did.
func (s *scan) list(cmd *syntax.BinaryCmd, first, rest *scope, f flow) {
	left := f
	left.lost = f.lost || cmd.Op == syntax.OrStmt && !s.leaves(cmd.Y, first.unit.from.offset(cmd.Pos().Offset()))
	if x, ok := cmd.X.Cmd.(*syntax.BinaryCmd); ok && len(cmd.X.Redirs) == 0 && (x.Op == syntax.AndStmt || x.Op == syntax.OrStmt) {
		if s.nest++; s.nest > maxNest {
			s.exhaust(first.unit.from.offset(cmd.Pos().Offset()))
			return
		}
		s.list(x, first, rest, left)
		s.nest--
	} else {
		s.statement(cmd.X, first, left)
	}
	if cmd.Op == syntax.OrStmt {
		rest = rest.child()
	}
	s.statement(cmd.Y, rest, f)
}

// leaves says that a statement ends the script, as in: check || exit 1.
func (s *scan) leaves(stmt *syntax.Stmt, at int) bool {
	found := false
	syntax.Walk(stmt, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			switch call.Args[0].Lit() {
			case "exit", "return", "false", "kill":
				found = true
			}
		}
		return !found && s.spend(0, 1, at)
	})
	return found
}

func (s *scan) pipeline(cmd *syntax.BinaryCmd, in *scope, f flow) {
	var stages []*syntax.Stmt
	for at := cmd; ; {
		stages = append(stages, at.Y)
		next, ok := at.X.Cmd.(*syntax.BinaryCmd)
		if !ok || len(at.X.Redirs) > 0 || next.Op != syntax.Pipe && next.Op != syntax.PipeAll {
			stages = append(stages, at.X)
			break
		}
		at = next
	}
	if len(stages) > maxNest {
		s.exhaust(in.unit.from.offset(stages[0].Pos().Offset()))
		return
	}
	runs := f.runs
	flows := make([]flow, len(stages))
	names := make([]string, len(stages))
	for i, stage := range stages { // from the last to the first
		flows[i] = flow{runs: runs, lost: f.lost, piped: true, from: names[i+1:]}
		names[i], _ = s.head(stage, in)
		runs = runs || s.readsScript(stage, in)
	}
	flows[len(stages)-1].piped, flows[len(stages)-1].text, flows[len(stages)-1].from = f.piped, f.text, f.from
	for i := len(stages) - 1; i >= 0; i-- {
		if i+1 < len(stages) {
			if text, ok := s.output(stages[i+1], in); ok {
				flows[i].text = &text
			}
		}
		s.statement(stages[i], in.child(), flows[i])
	}
}

// substitutions analyses the commands inside a word or an expression.
func (s *scan) substitutions(node syntax.Node, in *scope, runs bool) {
	if node == nil {
		return
	}
	at := in.unit.from.offset(node.Pos().Offset())
	syntax.Walk(node, func(n syntax.Node) bool {
		if !s.spend(0, 1, at) {
			return false
		}
		var list []*syntax.Stmt
		switch n := n.(type) {
		case *syntax.CmdSubst:
			list = n.Stmts
		case *syntax.ProcSubst:
			list = n.Stmts
		default:
			return true
		}
		s.inner(list, in.child(), flow{runs: runs})
		return false
	})
}

// assign notes what a variable holds.
func (s *scan) assign(a *syntax.Assign, in *scope) {
	if a.Value != nil {
		s.substitutions(a.Value, in, false)
	}
	if a.Array != nil {
		s.substitutions(a.Array, in, false)
	}
	if a.Name == nil || a.Naked {
		return
	}
	v := value{list: a.Array != nil}
	switch {
	case a.Array != nil:
		for _, elem := range a.Array.Elems {
			if elem.Index != nil || elem.Value == nil || s.spent {
				return
			}
			for _, f := range s.fields(elem.Value, in) {
				v.words = append(v.words, f.text)
			}
		}
	case a.Value != nil:
		f := s.text(a.Value, in)
		s.secretAssign(a.Name.Value, f)
		v.words = []string{f.text}
	default:
		v.words = []string{""}
	}
	in.vars[a.Name.Value] = v
}

// text expands a word where the shell does not split it.
func (s *scan) text(word *syntax.Word, in *scope) field {
	e := &expansion{s: s, in: in, from: s.blank(word, in), begun: true}
	for _, p := range word.Parts {
		e.part(p, quotes(p))
	}
	e.end()
	if len(e.done) != 1 {
		return e.from.with(hole)
	}
	return e.done[0]
}

// quotes says whether a part is to be taken as it is: a parameter is not split, a literal still has its backslashes removed.
func quotes(p syntax.WordPart) bool {
	_, literal := p.(*syntax.Lit)
	return !literal
}
