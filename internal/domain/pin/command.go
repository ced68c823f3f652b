package pin

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// command is one command with all that is known of it.
type command struct {
	name    string // without directory
	word    field  // the name as written
	args    []field
	env     map[string]field // set for this command only
	stmt    *syntax.Stmt
	in      *scope
	flow    flow
	fetched bool // a substitution among its words downloads something
}

// call analyses a simple command.
func (s *scan) call(stmt *syntax.Stmt, call *syntax.CallExpr, in *scope, f flow) {
	if len(call.Args) == 0 {
		for _, a := range call.Assigns {
			s.assign(a, in)
		}
		return
	}
	c := command{stmt: stmt, in: in, flow: f, env: map[string]field{}}
	for _, a := range call.Assigns {
		if a.Name == nil || a.Value == nil {
			continue
		}
		s.substitutions(a.Value, in, false)
		text := s.text(a.Value, in)
		s.secretAssign(a.Name.Value, text)
		c.env[a.Name.Value] = text
	}
	fields := s.allFields(call.Args, in)
	name, _ := unwrap(fields)
	before := len(s.downloads)
	for _, w := range call.Args {
		s.substitutions(w, in, executes(name))
	}
	c.fetched = len(s.downloads) > before
	s.run(c, fields)
}

// executes says that a command takes an argument for a script.
func executes(name string) bool {
	return isShell(name) || isInterpreter(name) || slices.Contains([]string{"eval", "source", ".", "trap"}, name)
}

// run analyses a command that is given as fields.
func (s *scan) run(c command, fields []field) {
	if len(fields) == 0 || !s.spend(1, fieldSize*len(fields), fields[0].at) {
		return
	}
	if s.nest++; s.nest > maxNest {
		s.exhaust(fields[0].at)
		return
	}
	defer func() { s.nest-- }()
	c.word, c.args = fields[0], fields[1:]
	c.name = base(c.word.text)
	switch {
	case c.word.text == "":
	case strings.Contains(c.name, hole):
		s.unknown(c.word, "which command this is cannot be known before the script runs", "Write the command itself, or set the variable once, to a constant.")
		if c.word.text == hole { // perhaps it only stands for sudo
			s.run(c, c.args)
		}
	case s.invoke(c):
	case s.wrapped(c):
	default:
		s.secretArguments(c)
		s.forget(c)
		s.dispatch(c)
	}
}

// dispatch gives a command to whoever knows it.
func (s *scan) dispatch(c command) {
	for _, family := range []func(*scan, command) bool{
		(*scan).shellFamily, (*scan).pythonFamily, (*scan).systemFamily, (*scan).nodeFamily, (*scan).condaFamily,
		(*scan).downloadFamily, (*scan).gitFamily, (*scan).languageFamily, (*scan).programFamily, (*scan).fetchFamily, (*scan).otherFamily,
	} {
		if family(s, c) {
			return
		}
	}
}

// base gives the last part of a path.
func base(text string) string {
	if strings.HasSuffix(text, "/") {
		return text
	}
	return path.Base(text)
}

// wrapper is a command that runs another one.
type wrapper struct {
	valued  string // its options that take an argument, separated by spaces
	skip    int    // arguments before the command
	assigns bool   // NAME=VALUE may come before the command
}

func wrapperOf(name string) (wrapper, bool) {
	w, ok := map[string]wrapper{
		"sudo":     {valued: "-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --chdir --chroot", assigns: true},
		"doas":     {valued: "-u -C"},
		"env":      {valued: "-u --unset -C --chdir -S --split-string", assigns: true},
		"nohup":    {},
		"nice":     {valued: "-n --adjustment"},
		"ionice":   {valued: "-c -n -p --class --classdata"},
		"exec":     {valued: "-a"},
		"command":  {},
		"builtin":  {},
		"time":     {valued: "-o -f --output --format"},
		"timeout":  {valued: "-s -k --signal --kill-after", skip: 1},
		"setsid":   {},
		"stdbuf":   {valued: "-i -o -e --input --output --error"},
		"chroot":   {valued: "--userspec --groups", skip: 1},
		"gosu":     {skip: 1},
		"su-exec":  {skip: 1},
		"flock":    {valued: "-w -E --timeout --wait --conflict-exit-code", skip: 1},
		"unbuffer": {},

		"busybox":          {},
		"toybox":           {},
		"unshare":          {valued: "-R -w -S -G --root --wd --setuid --setgid --propagation --map-user --map-group --map-users --map-groups"},
		"nsenter":          {valued: "-t -S -G --target --setuid --setgid"},
		"setpriv":          {valued: "--reuid --regid --groups --inh-caps --ambient-caps --bounding-set --securebits --pdeathsig"},
		"capsh":            {},
		"fakeroot":         {valued: "-l -s -i -b --lib --faked"},
		"taskset":          {skip: 1},
		"chrt":             {skip: 1},
		"prlimit":          {},
		"strace":           {valued: "-o -e -p -s -u"},
		"xvfb-run":         {valued: "-e -f -n -p -s -w --error-file --auth-file --server-num --xauth-protocol --server-args --wait"},
		"dumb-init":        {},
		"tini":             {},
		"chronic":          {},
		"catatonit":        {},
		"linux32":          {},
		"linux64":          {},
		"dbus-run-session": {valued: "--config-file --dbus-daemon"},
		"s6-setuidgid":     {skip: 1},
		"setuidgid":        {skip: 1},
		"chpst":            {valued: "-u -U -b -e -d -c -o -p -f -l -L -m -P -n -/"},
	}[name]
	return w, ok
}

// inside gives the fields of the command that a wrapper runs.
func (w wrapper) inside(args []field) []field {
	valued := strings.Fields(w.valued)
	skip := w.skip
	for len(args) > 0 {
		text := args[0].text
		name, _, found := strings.Cut(text, "=")
		switch {
		case text == "--":
			return args[min(1+skip, len(args)):]
		case strings.HasPrefix(text, "-") && text != "-":
			if !found && slices.Contains(valued, text) && len(args) > 1 {
				args = args[1:]
			}
		case w.assigns && found && syntax.ValidName(name):
		case skip > 0:
			skip--
		default:
			return args
		}
		args = args[1:]
	}
	return nil
}

// unwrap gives the name and the arguments of the command that is run in the end.
func unwrap(fields []field) (string, []field) {
	for range maxDepth {
		if len(fields) == 0 {
			return "", nil
		}
		name := base(fields[0].text)
		w, ok := wrapperOf(name)
		if !ok {
			return name, fields[1:]
		}
		fields = w.inside(fields[1:])
	}
	return "", nil
}

// wrapped analyses what sudo, env and their like run.
func (s *scan) wrapped(c command) bool {
	w, ok := wrapperOf(c.name)
	if !ok {
		return false
	}
	if c.name == "command" && len(c.args) > 0 && (c.args[0].text == "-v" || c.args[0].text == "-V") {
		return true
	}
	inside := w.inside(c.args)
	if w.assigns {
		for _, f := range c.args[:len(c.args)-len(inside)] {
			if name, text, ok := strings.Cut(f.text, "="); ok && syntax.ValidName(name) {
				s.secretAssign(name, f.with(text))
				c.env[name] = f.with(text)
			}
		}
	}
	s.run(c, inside)
	return true
}

// head gives the name and the arguments of a statement's command, when it is a simple one.
func (s *scan) head(stmt *syntax.Stmt, in *scope) (string, []field) {
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok {
		return "", nil
	}
	return unwrap(s.allFields(call.Args, in))
}

// declare notes a function; it is analysed where it is called.
func (s *scan) declare(decl *syntax.FuncDecl, in *scope) {
	if decl.Name == nil {
		return
	}
	if f := in.unit.declared[decl]; f != nil && !f.met {
		f.met = true
		s.functions = append(s.functions, f)
	}
}

// invoke analyses the functions of that name with the arguments that they are called with.
func (s *scan) invoke(c command) bool {
	functions := c.in.unit.functions[c.word.text]
	for _, f := range functions {
		f.called = true
		if f.active || s.depth >= maxDepth {
			s.unknown(c.word, "a function that calls itself cannot be followed", "Write the commands one after the other.")
			continue
		}
		in := c.in.child()
		in.unit, in.args, in.frame = f.unit, c.args, true
		if f.shifts() {
			in.args, in.opaque = nil, true
		}
		s.within(f, in, c.flow)
	}
	return len(functions) > 0
}

func (s *scan) within(f *function, in *scope, input flow) {
	f.active = true
	s.depth++
	if s.spend(1, 0, f.unit.from.offset(f.decl.Pos().Offset())) {
		s.statement(f.decl.Body, in, input)
	}
	s.depth--
	f.active = false
}

// shifts says that a function changes its arguments while it runs.
func shifts(decl *syntax.FuncDecl) bool {
	found := false
	syntax.Walk(decl, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			word := call.Args[0].Lit()
			found = found || word == "shift" || word == "set" && len(call.Args) > 1 && call.Args[1].Lit() == "--"
		}
		return !found
	})
	return found
}

// uncalled analyses the functions that nothing was seen to call: a trap may, or a command that is not known.
func (s *scan) uncalled(u *unit) {
	for i := 0; i < len(s.functions); i++ { // what is analysed may declare more
		if f := s.functions[i]; f.unit == u && !f.called {
			f.called = true
			in := newScope()
			in.unit = u
			s.within(f, in, flow{})
		}
	}
}
