package pin

import (
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

var nodeGrammar = grammar{valued: "--registry --prefix --cache --tag --userconfig --globalconfig --omit --include --loglevel -w --workspace " +
	"--proxy --https-proxy --python --cwd --modules-folder -C --dir --store-dir -p --package -c --call --before --only --scope"}

// nodeFamily knows npm, yarn and pnpm.
func (s *scan) nodeFamily(c command) bool {
	switch c.name {
	case "npm", "pnpm", "cnpm", "yarn":
	case "npx":
		s.npx(c)
		return true
	default:
		return false
	}
	s.redirections(&c)
	verb, a := nodeGrammar.parse(c.args).verb()
	for _, f := range a.values("--registry") {
		s.index(f)
	}
	if c.name == "yarn" && verb == "global" {
		verb, a = a.verb()
	}
	switch verb {
	case "install", "i", "in", "ins", "inst", "isntall", "add", "dlx":
		s.nodeInstall(c, verb, a)
	case "":
		if c.name == "yarn" && !a.has("--version", "-v", "--help") {
			s.nodeInstall(c, "install", a)
		}
	case "update", "up", "upgrade":
		s.everything(c, Npm, verb)
	case "audit":
		if len(a.words) > 0 && a.words[0].text == "fix" {
			s.everything(c, Npm, "audit fix")
		}
	case "exec", "x":
		s.npxWords(a)
	case "init", "create", "innit":
		if len(a.words) > 0 {
			s.nodeWord(a.words[0])
		} else if !a.has("-y", "--yes", "-f", "--force") {
			s.interactive(c)
		}
	case "config", "set":
		for _, w := range a.words {
			if at := strings.Index(w.text, "http"); at >= 0 {
				s.index(w.with(w.text[at:]))
			}
		}
	default:
		if strings.Contains(verb, hole) {
			s.unknown(c.word, "what "+c.name+" does here cannot be known before the script runs", "Write the arguments themselves.")
		}
	}
	return true
}

func (s *scan) nodeInstall(c command, verb string, a arguments) {
	if verb == "dlx" {
		a.words = a.words[:min(1, len(a.words))]
	}
	for _, w := range a.words {
		s.nodeWord(w)
	}
	if len(a.words) > 0 || a.has("--frozen-lockfile", "--immutable") {
		return
	}
	s.report(issue{
		code: problem.CannotAnalyse, kind: Unknown, manager: Npm, at: c.word.at, value: strings.TrimSpace(c.word.raw + " " + joinedRaw(c.args)),
		limit: "npm ci, or --frozen-lockfile", detail: "whether a lock file is there, and is kept to, cannot be known here",
		remedy: "Use npm ci, which keeps to package-lock.json, or --frozen-lockfile with yarn and pnpm.",
	})
}

func (s *scan) npx(c command) { s.npxWords(nodeGrammar.parse(c.args)) }

func (s *scan) npxWords(a arguments) {
	if packages := a.values("-p", "--package"); len(packages) > 0 {
		for _, p := range packages {
			s.nodeWord(p)
		}
	} else if len(a.words) > 0 && !a.has("--no-install", "--no") {
		s.nodeWord(a.words[0])
	}
}

// nodeWord judges NAME@VERSION, a repository, a URL or a path.
func (s *scan) nodeWord(f field) {
	text := f.text
	if at := strings.Index(text, "@npm:"); at > 0 {
		text = text[at+len("@npm:"):]
	}
	switch {
	case !f.constant():
		s.unknown(f, "which packages these are, and in which versions, cannot be known before the script runs", "Write the packages with their versions, as NAME@VERSION.")
		return
	case nodeRepository(text):
		s.nodeGit(f, text)
		return
	case strings.Contains(text, "://"):
		s.download(f, text, "", false)
		return
	case local(text, ".tgz", ".tar.gz"):
		return
	}
	name, version := text, ""
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		name, version = text[:at], text[at+1:]
	}
	if !semantic(strings.TrimLeft(version, "=v")) {
		s.unpinned(Npm, f, name)
	}
}

func nodeRepository(text string) bool {
	for _, prefix := range []string{"git+", "git:", "github:", "gitlab:", "bitbucket:", "gist:"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	repository, _, _ := strings.Cut(text, "#")
	return strings.HasSuffix(repository, ".git") || !strings.HasPrefix(text, "@") && strings.Count(repository, "/") == 1 &&
		!strings.HasPrefix(text, ".") && !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "~")
}

func (s *scan) nodeGit(f field, text string) {
	repository, ref, _ := strings.Cut(text, "#")
	s.insecure(f, strings.TrimPrefix(repository, "git+"))
	if commit(ref) {
		return
	}
	s.report(issue{
		code: problem.UnpinnedPackage, kind: Unpinned, manager: Npm, name: strings.TrimSuffix(fileName(repository), ".git"), at: f.at, value: f.raw,
		limit: "#COMMIT at the end, 40 hexadecimal digits", detail: "no commit is named, and branches and tags may move",
		remedy: "Name the commit: " + repository + "#COMMIT.",
	})
}

// semantic says that text is one whole version, as in 1.2.3 or 1.2.3-rc.1.
func semantic(text string) bool {
	core, _, _ := strings.Cut(text, "+")
	core, suffix, cut := strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	return len(parts) == 3 && (!cut || suffix != "") && !slices.ContainsFunc(parts, func(p string) bool {
		return p == "" || strings.Trim(p, "0123456789") != ""
	})
}
