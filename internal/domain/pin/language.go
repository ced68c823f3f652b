package pin

import (
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

var goGrammar = grammar{single: true, valued: "-mod -tags -ldflags -gcflags -o -p -C -asmflags -modfile -overlay -pkgdir -toolexec -buildmode -compiler"}

var gemGrammar = grammar{valued: "-v --version -i --install-dir -n --bindir -s --source -P --trust-policy -p --http-proxy --platform --build-root -g --file"}

var cargoGrammar = grammar{valued: "--version --vers --git --branch --tag --rev --path --root --registry --index -F --features --target --target-dir " +
	"--profile -j --jobs --config -Z --bin --example --color --manifest-path"}

// languageFamily knows the installers of programming languages, besides those of Python and Node.js.
func (s *scan) languageFamily(c command) bool {
	switch c.name {
	case "go":
		s.golang(c)
	case "gem":
		s.gem(c)
	case "cargo":
		s.cargo(c)
	case "bundle", "bundler":
		s.bundle(c)
	default:
		return false
	}
	return true
}

func (s *scan) golang(c command) {
	if len(c.args) == 0 {
		return
	}
	verb := c.args[0].text
	a := goGrammar.parse(c.args[1:])
	switch verb {
	case "run":
		a.words = a.words[:min(1, len(a.words))]
	case "install", "get":
	default:
		return
	}
	if proxy, ok := c.env["GOPROXY"]; ok {
		s.index(proxy)
	}
	for _, w := range a.words {
		s.goWord(w, verb)
	}
}

// goWord judges PATH@VERSION; a path without @ in a local directory is what the go.mod there says.
func (s *scan) goWord(f field, verb string) {
	name, version, found := strings.Cut(f.text, "@")
	switch {
	case !f.constant():
		s.unknown(f, "which packages these are, and in which versions, cannot be known before the script runs", "Write the packages with their versions, as PATH@VERSION.")
	case local(name) || !strings.Contains(strings.SplitN(name, "/", 2)[0], ".") || verb == "run" && !found:
	case found && strings.HasPrefix(version, "v") && semantic(version[1:]) || commit(version):
	default:
		s.unpinned(Go, f, name)
	}
}

func (s *scan) gem(c command) {
	s.redirections(&c)
	verb, a := gemGrammar.parse(c.args).verb()
	for _, f := range a.values("-s", "--source") {
		s.index(f)
	}
	switch verb {
	case "install", "i":
		version, given := a.last("-v", "--version")
		for _, w := range a.words {
			s.gemWord(w, version, given)
		}
	case "update":
		s.everything(c, Gem, verb)
	case "sources":
		for _, f := range append(a.words, a.values("-a", "--add")...) {
			s.index(f)
		}
	}
}

func (s *scan) gemWord(f, version field, given bool) {
	name, own, found := strings.Cut(f.text, ":")
	if !found && given {
		own, found = version.text, true
	}
	own = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(own), "= "))
	switch {
	case !f.constant() || strings.Contains(own, hole):
		s.unknown(f, "which packages these are, and in which versions, cannot be known before the script runs", "Write the packages with their versions, as NAME:VERSION.")
	case local(f.text, ".gem"):
	case name == "" || !found || !isVersion(own):
		s.unpinned(Gem, f, name)
	}
}

func (s *scan) cargo(c command) {
	verb, a := cargoGrammar.parse(c.args).verb()
	if strings.HasPrefix(verb, "+") { // the toolchain
		verb, a = a.verb()
	}
	if verb != "install" || a.has("--path") {
		return
	}
	if repository, ok := a.last("--git"); ok {
		s.cargoGit(a, repository)
		return
	}
	version, given := a.last("--version", "--vers")
	for _, w := range a.words {
		name, own, found := strings.Cut(w.text, "@")
		if !found && given {
			own = version.text
		}
		switch {
		case strings.Contains(w.text+own, hole):
			s.unknown(w, "which packages these are, and in which versions, cannot be known before the script runs", "Write the packages with their versions, as NAME@VERSION.")
		case name == "" || !semantic(strings.TrimPrefix(own, "=")):
			s.unpinned(Cargo, w, name)
		}
	}
}

func (s *scan) cargoGit(a arguments, repository field) {
	s.gitHost(repository)
	if revision, ok := a.last("--rev"); ok && commit(revision.text) {
		return
	}
	s.report(issue{
		code: problem.UnpinnedPackage, kind: Unpinned, manager: Cargo, name: strings.TrimSuffix(fileName(repository.text), ".git"), at: repository.at,
		value: repository.raw, limit: "--rev COMMIT, 40 hexadecimal digits", detail: "no commit is named, and branches and tags may move",
		remedy: "Name the commit: --rev COMMIT.",
	})
}

func (s *scan) bundle(c command) {
	verb, a := grammar{valued: "--gemfile --path --jobs --without --with --retry -j"}.parse(c.args).verb()
	if (verb == "install" || verb == "") && !a.has("--deployment", "--frozen", "--version") {
		s.unknown(c.word, "whether a lock file is there, and is kept to, cannot be known here", "Use bundle install --frozen.")
	}
}

// openInstallers are tools that install, and whose ways of pinning are not judged: the verbs that do it.
func openInstallers(name string) ([]string, bool) {
	verbs, ok := map[string]string{
		"poetry": "add install update self", "pipenv": "install sync update", "pdm": "add install sync update", "uv": "add sync tool run",
		"rye": "add sync install", "hatch": "env run", "composer": "require install update global create-project", "brew": "install upgrade tap",
		"snap": "install refresh", "flatpak": "install update", "rustup": "install default toolchain update component target",
		"nvm": "install", "pyenv": "install", "rbenv": "install", "asdf": "install plugin", "cpan": "", "cpanm": "", "luarocks": "install",
		"pacman": "-S -Sy -Syu -Syy -U", "emerge": "", "nix-env": "-i -iA --install", "nix": "profile", "opam": "install", "stack": "install",
		"cabal": "install", "helm": "install plugin repo", "code-server": "--install-extension", "R": "-e", "Rscript": "-e", "bower": "install",
		"conan": "install", "vcpkg": "install", "sdk": "install", "pear": "install", "pecl": "install", "playwright": "install",
		"dotnet": "tool add restore", "code": "--install-extension", "corepack": "prepare install use up", "jupyter": "labextension", "n": "",
		"fnm": "install", "volta": "install", "mise": "install use", "rvm": "install", "tlmgr": "install update", "terraform": "init", "tofu": "init", "dvc": "pull",
		"deno": "install", "bun": "add install", "yay": "-S", "mix": "deps.get local.hex", "spacy": "download", "mvn": "dependency:get",
	}[name]
	return strings.Fields(verbs), ok
}

// harmless lists commands for which install is a word like any other.
func harmless(name string) bool {
	return slices.Contains([]string{
		"echo", "printf", "make", "gmake", "ninja", "meson", "cmake", "which", "type", "hash", "man", "info", "mkdir", "touch", "rm", "rmdir", "cp", "mv",
		"ls", "cat", "grep", "egrep", "test", "[", "[[", "set", "export", "readonly", "local", "read", "logger", "say", "jupyter", "ipython", "chmod", "chown",
		"systemctl", "tar", "unzip", "gzip", "ln", "head", "tail", "sed", "awk", "tee", "sort", "diff", "return", "exit", "unset", "shift", "ldconfig",
		"useradd", "usermod", "groupadd", "dirname", "basename", "stat", "file", "wc", "du", "df", "date", "sleep", "true", "false", ":", "git-lfs",
	}, name)
}

// otherFamily judges the commands that nobody else knows: those that look like installers, and scripts.
func (s *scan) otherFamily(c command) bool {
	const remedy = "Use a package manager whose packages can be pinned here, or make sure that the command names versions."
	first := ""
	for _, a := range c.args {
		if !strings.HasPrefix(a.text, "-") {
			first = a.text
			break
		}
	}
	if verbs, ok := openInstallers(c.name); ok {
		match := func(f field) bool { return slices.Contains(verbs, f.text) }
		if len(verbs) == 0 && len(c.args) > 0 || slices.ContainsFunc(c.args, match) {
			s.unknown(c.word, "what "+c.name+" installs is not judged", remedy)
		}
		return true
	}
	switch {
	case harmless(c.name):
	case runsFile(c.word.text):
		s.shell(c, invocation{file: &c.word})
	case first == "install" && c.name != "install":
		s.unknown(c.word, "what "+c.name+" installs is not judged", remedy)
	case slices.ContainsFunc(c.args, func(f field) bool { return strings.Contains(f.text, "://") }):
		s.unknown(c.word, "what "+c.name+" does with this URL is not judged", "Use curl or wget and check the file with sha256sum -c, or put it into files.")
	}
	return true
}

// runsFile says that a command is a file of its own, not one that the image brings. A configure script only looks around.
func runsFile(text string) bool {
	name := base(text)
	if !strings.Contains(text, "/") || name == "configure" || name == "config" {
		return false
	}
	return strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") || strings.HasPrefix(text, "/tmp/") ||
		strings.HasSuffix(name, ".sh") || strings.HasSuffix(name, ".run")
}
