package pin

import (
	"slices"
	"strings"
)

var pipGrammar = grammar{
	flags: "--upgrade --force-reinstall --no-deps --pre --user --no-user --ignore-installed --ignore-requires-python --no-build-isolation " +
		"--use-pep517 --no-use-pep517 --check-build-dependencies --break-system-packages --compile --no-compile --prefer-binary " +
		"--no-warn-script-location --no-warn-conflicts --require-hashes --no-clean --dry-run --no-index --isolated --require-virtualenv " +
		"--verbose --version --quiet --debug --no-input --no-cache-dir --disable-pip-version-check --no-color --help --egg " +
		"--no-python-version-warning --process-dependency-links --system --reinstall --strict",
	valued: "-r --requirement -c --constraint -e --editable -t --target --platform --python-version --implementation --abi --root " +
		"--prefix --src --upgrade-strategy -C --config-settings --global-option --install-option --no-binary --only-binary " +
		"--progress-bar --root-user-action --report -i --index-url --pypi-url --extra-index-url -f --find-links --log --proxy " +
		"--retries --timeout --exists-action --trusted-host --cert --client-cert --cache-dir --use-feature --use-deprecated " +
		"--keyring-provider --group --build-option -d --dest -w --wheel-dir --python -b --build --resume-retries --index " +
		"--default-index --override -p --requirements-from-script --hash --from --with --spec",
}

var pythonGrammar = grammar{valued: "-m -c -W -X --check-hash-based-pycs"}

// versionedName says that a command's name is a known one with a version behind it, such as pip3.8.
func versionedName(name, known string) bool {
	rest, ok := strings.CutPrefix(name, known)
	return ok && strings.Trim(rest, "0123456789.-") == ""
}

func isPython(name string) bool {
	return versionedName(name, "python") || versionedName(name, "pypy") || name == "py"
}

// pythonFamily knows pip in all its disguises.
func (s *scan) pythonFamily(c command) bool {
	switch {
	case versionedName(c.name, "pip"):
		s.pip(c)
	case isPython(c.name):
		s.python(c)
	case c.name == "uv":
		if len(c.args) == 0 || c.args[0].text != "pip" {
			return false
		}
		c.args = c.args[1:]
		s.pip(c)
	case c.name == "pipx":
		s.pip(c)
	case c.name == "uvx":
		c.args = append([]field{c.word.with("run")}, c.args...)
		s.pip(c)
	case c.name == "pip-sync":
		c.args = append([]field{c.word.with("sync")}, c.args...)
		s.pip(c)
	case versionedName(c.name, "easy_install"):
		c.args = append([]field{c.word.with("install")}, c.args...)
		s.pip(c)
	default:
		return false
	}
	return true
}

// python looks for modules that install, before it looks at scripts.
func (s *scan) python(c command) {
	valued := strings.Fields(pythonGrammar.valued)
	for args := c.args; len(args) > 0; args = args[1:] {
		text := args[0].text
		switch {
		case strings.HasPrefix(text, "-m"):
			module := strings.TrimPrefix(text, "-m")
			if module == "" && len(args) > 1 {
				args = args[1:]
				module = args[0].text
			}
			s.module(c, module, args[1:])
			return
		case text == "-c":
			if len(args) > 1 && fetches(args[1].text) {
				s.unknown(args[1], "this program may install or download something", "Install packages by commands of their own.")
			}
			return
		case slices.Contains(valued, text) && len(args) > 1:
			args = args[1:]
		case strings.HasPrefix(text, "-") && text != "-":
		default:
			s.pythonScript(c, args)
			return
		}
	}
	s.pythonInput(c)
}

func (s *scan) pythonInput(c command) {
	if c.flow.text != nil && c.flow.text.constant() {
		if fetches(c.flow.text.text) {
			s.unknown(c.word, "this program may install or download something", "Install packages by commands of their own.")
		}
	} else if c.flow.piped && !slices.ContainsFunc(c.flow.from, downloads) {
		s.unknown(c.word, "the program that comes in cannot be known before the script runs", "Put the program into a file.")
	}
}

// fetches says that a program in another language mentions what may install or download.
func fetches(program string) bool {
	for _, word := range []string{"install", "download", "urlretrieve", "urlopen", "requests", "subprocess", "os.system", "pip", hole} {
		if strings.Contains(program, word) {
			return true
		}
	}
	return false
}

func (s *scan) module(c command, module string, args []field) {
	switch {
	case module == "pip" || module == "pipx" || module == "easy_install":
		c.name, c.args = module, args
		s.pythonFamily(c)
	case module == "ensurepip":
		s.unknown(c.word, "which pip this installs depends on the Python of the image", "Name the version afterwards, as pip install pip==VERSION.")
	case strings.Contains(module, hole) || strings.Contains(module, "download") || len(args) > 0 && (args[0].text == "download" || args[0].text == "install"):
		if module != "ipykernel" {
			s.unknown(c.word, "the module "+strings.ReplaceAll(module, hole, "?")+" downloads what it finds", "Download the data by a command of its own, with a checksum.")
		}
	}
}

func (s *scan) pythonScript(c command, args []field) {
	switch base(args[0].text) {
	case "-":
		s.pythonInput(c)
	case "get-pip.py":
		a := pipGrammar.parse(args[1:])
		if !slices.ContainsFunc(a.words, func(f field) bool { return strings.HasPrefix(f.text, "pip") }) {
			s.unpinned(Pip, args[0], "pip")
		}
		s.requirementWords(c, a)
	default:
		s.unknown(args[0], "what this program installs or downloads cannot be known here", "Install packages by commands of their own.")
	}
}

// pip judges one command of pip.
func (s *scan) pip(c command) {
	skip := s.redirections(&c)
	verb, a := pipGrammar.parse(c.args).verb()
	s.indexes(a)
	for _, name := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX_URL", "UV_DEFAULT_INDEX"} {
		s.index(c.env[name])
	}
	if a.has("--dry-run") {
		return
	}
	switch verb {
	case "install", "download", "wheel":
		a.words = slices.DeleteFunc(a.words, func(f field) bool { return skip && isVersion(f.text) })
		s.requirementWords(c, a)
	case "uninstall":
		if !a.has("-y", "--yes") && c.name != "pipx" {
			s.interactive(c)
		}
	case "upgrade", "upgrade-all", "inject": // of pipx
		s.requirementWords(c, a)
	case "run": // of pipx and uvx
		s.runs(c, a)
	case "sync": // of uv and pip-tools
		if len(a.words) == 0 {
			a.words = []field{c.word.with("requirements.txt")}
		}
		for _, path := range a.words {
			s.requirementFile(path, path, requirementFile{scope: c.in, context: context{hashes: a.has("--require-hashes")}})
		}
	case "config":
		for _, w := range a.words {
			if strings.Contains(w.text, "://") {
				s.index(w)
			}
		}
	default:
		if strings.Contains(verb, hole) {
			s.unknown(c.word, "what pip does here cannot be known before the script runs", "Write the arguments themselves.")
		}
	}
}

// runs judges a program that is installed to be run once: the first word names its package, unless an option does.
func (s *scan) runs(c command, a arguments) {
	if named := a.values("--from", "--spec"); len(named) > 0 {
		a.words = named
	}
	a.words = append(a.words[:min(1, len(a.words))], a.values("--with")...)
	for i, w := range a.words {
		if name, version, ok := strings.Cut(w.text, "@"); ok && !strings.Contains(w.text, ":") && name != "" {
			a.words[i] = w.with(name)
			if isVersion(version) {
				a.words[i] = w.with(name + "==" + version)
			}
		}
	}
	s.requirementWords(c, a)
}

func (s *scan) requirementWords(c command, a arguments) {
	in := context{hashes: a.has("--require-hashes"), constraints: map[string]bool{}}
	if !in.hashes {
		for _, path := range a.values("-c", "--constraint") {
			unknown, pins := s.constraint(path, c.in)
			in.constrained = in.constrained || unknown
			for name := range pins {
				in.constraints[name] = true
			}
		}
	}
	for _, o := range a.options {
		switch {
		case o.name == "-r" || o.name == "--requirement":
			s.requirementFile(o.value, o.value, requirementFile{scope: c.in, context: in})
		case o.name == "-e" || o.name == "--editable":
			s.requirement(o.value, in)
		case strings.Contains(o.name, hole):
			s.unknown(o.at, "which option this is cannot be known before the script runs", "Write the option itself.")
		}
	}
	for _, w := range a.words {
		s.requirement(w, in)
	}
}

// indexes notes the hosts of the options that name an index.
func (s *scan) indexes(a arguments) {
	for _, f := range a.values("-i", "--index-url", "--pypi-url", "--extra-index-url", "-f", "--find-links", "--index", "--default-index") {
		s.index(f)
	}
}

// index notes the host of an index; one without TLS is unsafe.
func (s *scan) index(f field) {
	if strings.Contains(f.text, "://") {
		s.insecure(f, f.text)
	}
}
