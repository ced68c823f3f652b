package pin

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

func isShell(name string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "zsh", "ksh"}, name)
}

// isInterpreter says that a command runs its standard input when it gets no file.
func isInterpreter(name string) bool {
	return isPython(name) || slices.Contains([]string{"perl", "ruby", "node", "php"}, name)
}

// readsScript says that a statement runs what comes in.
func (s *scan) readsScript(stmt *syntax.Stmt, in *scope) bool {
	name, args := s.head(stmt, in)
	switch {
	case isShell(name):
		return shellArguments(args).stdin
	case isInterpreter(name):
		return !slices.ContainsFunc(args, func(f field) bool { return f.text != "-" })
	}
	return false
}

// invocation is how a shell was called.
type invocation struct {
	text  *field // after -c
	file  *field
	stdin bool
}

func shellArguments(args []field) invocation {
	command, stdin := false, false
	for len(args) > 0 && len(args[0].text) > 1 && strings.ContainsAny(args[0].text[:1], "-+") {
		text := args[0].text
		args = args[1:]
		switch {
		case text == "--":
			return operand(args, command, stdin)
		case text == "--rcfile" || text == "--init-file":
			args = args[min(1, len(args)):]
		case strings.HasPrefix(text, "--"):
		default:
			command = command || strings.Contains(text, "c")
			stdin = stdin || strings.Contains(text, "s")
			if last := text[len(text)-1]; last == 'o' || last == 'O' {
				args = args[min(1, len(args)):]
			}
		}
	}
	return operand(args, command, stdin)
}

func operand(args []field, command, stdin bool) invocation {
	switch {
	case len(args) > 0 && command:
		return invocation{text: &args[0]}
	case len(args) > 0 && args[0].text != "-" && args[0].text != "/dev/stdin" && !stdin:
		return invocation{file: &args[0]}
	}
	return invocation{stdin: true}
}

// shellFamily knows what runs other commands: shells, eval, source, traps, xargs, find.
func (s *scan) shellFamily(c command) bool {
	switch {
	case isShell(c.name):
		s.shell(c, shellArguments(c.args))
	case c.name == "eval" && len(c.args) > 0:
		text := joined(c.args)
		s.shell(c, invocation{text: &text})
	case c.name == "source" || c.name == ".":
		if len(c.args) > 0 && !environment(c.args[0].text) {
			s.shell(c, invocation{file: &c.args[0]})
		}
	case c.name == "su" || c.name == "runuser":
		if at := slices.IndexFunc(c.args, func(f field) bool { return f.text == "-c" || f.text == "--command" }); at >= 0 && at+1 < len(c.args) {
			s.shell(c, invocation{text: &c.args[at+1]})
		}
	case c.name == "trap":
		if len(c.args) > 1 && c.args[0].text != "-" {
			s.shell(c, invocation{text: &c.args[0]})
		}
	case c.name == "alias":
		for _, a := range c.args {
			if _, text, ok := strings.Cut(a.text, "="); ok && strings.TrimSpace(text) != "" {
				s.unknown(a, "an alias means nothing in a script, or something that cannot be known", "Write the command itself, or a function.")
			}
		}
	case c.name == "xargs" || c.name == "parallel":
		s.xargs(c)
	case c.name == "find":
		s.find(c)
	case c.name == "cd" || c.name == "pushd":
		if len(c.args) > 0 {
			s.directory = base(strings.TrimRight(c.args[len(c.args)-1].text, "/"))
		}
	default:
		return false
	}
	return true
}

// environment knows the files that only set variables.
func environment(name string) bool {
	switch base(name) {
	case "activate", "profile", ".profile", ".bashrc", ".bash_profile", ".zshrc", "bashrc", "conda.sh", "mamba.sh", "os-release", "nvm.sh",
		"lsb-release":
		return true
	case "env":
		return strings.HasSuffix(name, ".cargo/env")
	}
	return false
}

// shell analyses what a shell runs.
func (s *scan) shell(c command, how invocation) {
	switch {
	case how.text != nil:
		switch {
		case how.text.constant():
			s.inline(*how.text)
		case !c.fetched:
			s.unknown(*how.text, "the commands are put together when the script runs", "Write the commands into the script.")
		}
	case how.file != nil:
		content, ok := s.file(how.file.text, c.in)
		switch {
		case ok && how.file.constant():
			s.inline(how.file.with(content))
		case !c.fetched:
			s.unknown(*how.file, "what this file holds is not known here", "Write its commands into the script.")
		}
	case c.flow.text != nil && c.flow.text.constant():
		s.inline(*c.flow.text)
	case c.flow.piped && !slices.ContainsFunc(c.flow.from, downloads):
		s.unknown(c.word, "the commands that come in cannot be known before the script runs", "Write the commands into the script.")
	}
}

// inline analyses a script within the script.
func (s *scan) inline(f field) {
	if s.depth >= maxDepth {
		s.unknown(f, "scripts are nested too deep", "Write the commands one after the other.")
		return
	}
	if !s.spend(1, len(f.text), f.at) {
		return
	}
	from := &source{text: f.text, exact: f.exact, base: f.at}
	if f.exact {
		from.base = f.start
	}
	s.depth++
	s.script(from, newScope())
	s.depth--
}

// xargs analyses the command that gets its arguments from the input, which is not known.
func (s *scan) xargs(c command) {
	valued := []string{"-n", "-P", "-I", "-L", "-d", "-s", "-E", "-a", "--max-args", "--max-procs", "--replace", "--delimiter", "--arg-file", "-j", "--jobs"}
	args, place := c.args, ""
	for len(args) > 0 && strings.HasPrefix(args[0].text, "-") {
		option := args[0].text
		args = args[1:]
		if rest, ok := strings.CutPrefix(option, "-I"); ok && rest != "" {
			place = rest
		}
		if slices.Contains(valued, option) && len(args) > 0 {
			if option == "-I" {
				place = args[0].text
			}
			args = args[1:]
		}
	}
	if len(args) == 0 {
		return
	}
	fields := slices.Clone(args)
	more := c.word.with(hole)
	more.raw = strings.TrimSpace(c.word.raw + " " + joinedRaw(args))
	if place == "" {
		fields = append(fields, more)
	} else {
		for i, f := range fields {
			if strings.Contains(f.text, place) {
				fields[i] = f.with(strings.ReplaceAll(f.text, place, hole))
			}
		}
	}
	c.flow.text = nil
	s.run(c, fields)
}

// joinedRaw puts arguments together as they are written, as far as they are shown.
func joinedRaw(args []field) string {
	var words []string
	for length := 0; len(args) > 0 && length < longestShown; args = args[1:] {
		words = append(words, args[0].raw[:min(len(args[0].raw), longestShown)])
		length += len(args[0].raw) + 1
	}
	return strings.Join(words, " ")
}

// find analyses what find -exec runs; what it finds are files.
func (s *scan) find(c command) {
	for i, f := range c.args {
		if s.spent {
			return
		}
		if !slices.Contains([]string{"-exec", "-execdir", "-ok"}, f.text) {
			continue
		}
		var fields []field
		for _, a := range c.args[i+1:] {
			if a.text == ";" || a.text == "+" {
				break
			}
			fields = append(fields, a.with(strings.ReplaceAll(a.text, "{}", "./found")))
		}
		s.run(c, fields)
	}
}

// interactive reports an installation that asks, and gets no answer: scripts run with their input closed.
func (s *scan) interactive(c command) {
	if slices.Contains(c.flow.from, "yes") || c.flow.text != nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(c.flow.text.text)), "y") {
		return
	}
	s.report(issue{
		code: problem.InteractiveInstall, kind: Risky, at: c.word.at, value: joinedRaw(append([]field{c.word}, c.args[:min(1, len(c.args))]...)),
		limit: "-y", detail: c.name + " asks before it goes on, and nobody answers", remedy: "Add -y.",
	})
}
