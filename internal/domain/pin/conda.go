package pin

import (
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

var condaGrammar = grammar{valued: "-n --name -p --prefix -c --channel --file -f --solver --experimental-solver --platform --subdir --revision " +
	"--repodata-fn --clone -r --root-prefix --rc-file --log-level --cwd"}

// condaFamily knows conda and its two faster brothers.
func (s *scan) condaFamily(c command) bool {
	if c.name != "conda" && c.name != "mamba" && c.name != "micromamba" {
		return false
	}
	s.redirections(&c)
	if len(c.args) > 0 && c.args[0].text == "run" {
		w := wrapper{valued: condaGrammar.valued}
		s.run(c, w.inside(c.args[1:]))
		return true
	}
	verb, a := condaGrammar.parse(c.args).verb()
	if verb == "env" {
		verb, a = a.verb()
		verb = "env " + verb
	}
	s.condaHosts(a)
	if a.has("-d", "--dry-run") {
		return true
	}
	switch verb {
	case "install", "create", "update", "upgrade", "env create", "env update":
		s.condaInstall(c, a, verb)
	case "remove", "uninstall", "clean":
		s.condaAssent(c, a)
	default:
		if strings.Contains(verb, hole) {
			s.unknown(c.word, "what conda does here cannot be known before the script runs", "Write the arguments themselves.")
		}
	}
	return true
}

func (s *scan) condaHosts(a arguments) {
	for _, f := range a.values("-c", "--channel") {
		s.index(f)
	}
	for _, w := range a.words { // of conda config
		if strings.HasPrefix(w.text, "http") {
			s.index(w)
		}
	}
	for _, name := range []string{"--add", "--set", "--append", "--prepend"} {
		for _, f := range a.values(name) {
			s.index(f)
		}
	}
}

func (s *scan) condaInstall(c command, a arguments, verb string) {
	for _, f := range a.values("--file", "-f") {
		if f.text == "" {
			continue
		}
		s.report(issue{
			code: problem.CannotAnalyse, kind: Unknown, manager: Conda, name: fileName(f.text), at: f.at, value: f.raw,
			limit: "packages with versions", detail: "what this file holds is not known here",
			remedy: "Name the packages with their versions in the script, as NAME==VERSION.",
		})
	}
	for _, w := range a.words {
		s.condaWord(w)
	}
	if (verb == "update" || verb == "upgrade") && len(a.words) == 0 && !a.has("--file", "-f") {
		s.everything(c, Conda, verb)
	}
	if !strings.HasPrefix(verb, "env ") {
		s.condaAssent(c, a)
	}
}

func (s *scan) condaAssent(c command, a arguments) {
	if always, ok := c.in.always(c, s.options.Env); ok && always {
		return
	}
	if !a.has("-y", "--yes") {
		s.interactive(c)
	}
}

// always says that the environment answers for conda.
func (c *scope) always(of command, env map[string]string) (answer, ok bool) {
	const name = "CONDA_ALWAYS_YES"
	if f, ok := of.env[name]; ok {
		return affirmative(f.text), true
	}
	v, ok := c.lookup(name, env)
	return ok && len(v.words) == 1 && affirmative(v.words[0]), ok
}

func affirmative(text string) bool {
	switch strings.ToLower(text) {
	case "1", "true", "yes", "y", "on":
		return true
	}
	return false
}

// condaWord judges a match specification. One equals sign matches all versions that begin like that: three numbers are taken for
// a whole version, two are not.
func (s *scan) condaWord(f field) {
	text := f.text
	if _, spec, ok := strings.Cut(text, "::"); ok {
		text = spec
	}
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case !f.constant():
		s.unknown(f, "which packages these are, and in which versions, cannot be known before the script runs", "Write the packages with their versions, as NAME==VERSION.")
		return
	case strings.Contains(text, "://"):
		s.download(f, text, "", false)
		return
	case local(text, ".conda", ".tar.bz2"):
		return
	}
	end := strings.IndexAny(text, "=<>!~ [")
	if end < 0 {
		s.unpinned(Conda, f, text)
		return
	}
	name, spec := text[:end], strings.TrimSpace(text[end:])
	version, exact := strings.CutPrefix(spec, "==")
	if !exact {
		version, exact = strings.CutPrefix(spec, "=")
		exact = exact && (strings.Count(version, ".") >= 2 || strings.Contains(version, "="))
		if !exact && isVersion(spec) { // NAME VERSION, in quotes
			version, exact = spec, true
		}
	}
	version, _, _ = strings.Cut(version, "=")
	if name == "" || !exact || !isVersion(version) {
		s.unpinned(Conda, f, name)
	}
}
