package pin

import (
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// requirement is a named requirement of pip, taken apart.
type requirement struct {
	name    string // with extras
	clauses []clause
	url     string // after @
}

// clause is one comparison: an operator and a version.
type clause struct{ op, version string }

// pinned says that exactly one version is let through.
func (r requirement) pinned() bool {
	for _, c := range r.clauses {
		if c.op == "===" || c.op == "==" && !strings.HasSuffix(c.version, ".*") {
			return true
		}
	}
	return false
}

// parseRequirement reads a name, extras, and comparisons or a URL; markers do not matter here.
func parseRequirement(text string) (requirement, bool) {
	rest := strings.TrimSpace(text)
	length := 0
	for length < len(rest) && nameByte(rest[length]) {
		length++
	}
	r := requirement{name: rest[:length]}
	if length == 0 || !alphanumeric(rest[0]) || !alphanumeric(rest[length-1]) {
		return r, false
	}
	rest = strings.TrimSpace(rest[length:])
	if strings.HasPrefix(rest, "[") {
		extras, after, ok := strings.Cut(rest, "]")
		if !ok || strings.Trim(extras, "[ ,") == "" && extras != "[" {
			return r, false
		}
		r.name += strings.ReplaceAll(extras, " ", "") + "]"
		rest = strings.TrimSpace(after)
	}
	if url, ok := strings.CutPrefix(rest, "@"); ok {
		r.url, _, _ = strings.Cut(strings.TrimSpace(url), " ")
		return r, r.url != ""
	}
	rest, _, _ = strings.Cut(rest, ";")
	rest = strings.TrimSpace(rest)
	if strings.HasPrefix(rest, "(") && strings.HasSuffix(rest, ")") {
		rest = strings.TrimSpace(rest[1 : len(rest)-1])
	}
	if rest == "" {
		return r, true
	}
	for part := range strings.SplitSeq(rest, ",") {
		c, ok := parseClause(strings.TrimSpace(part))
		if !ok {
			return r, false
		}
		r.clauses = append(r.clauses, c)
	}
	return r, true
}

func parseClause(text string) (clause, bool) {
	for _, op := range []string{"===", "==", "~=", "!=", "<=", ">=", "<", ">"} {
		if version, ok := strings.CutPrefix(text, op); ok {
			version = strings.TrimSpace(version)
			wild := strings.HasSuffix(version, ".*")
			if op == "===" {
				return clause{op, version}, version != "" && !strings.ContainsAny(version, " \t")
			}
			return clause{op, version}, isVersion(strings.TrimSuffix(version, ".*")) && (!wild || op == "==" || op == "!=")
		}
	}
	return clause{}, false
}

// isVersion accepts what looks like a version: a digit first, and no character that versions do not have.
func isVersion(text string) bool {
	text = strings.TrimPrefix(text, "v")
	if text == "" || !digit(text[0]) || !alphanumeric(text[len(text)-1]) {
		return false
	}
	for i := range len(text) {
		if !alphanumeric(text[i]) && !strings.ContainsRune(".+!_-", rune(text[i])) {
			return false
		}
	}
	return true
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

func alphanumeric(b byte) bool { return digit(b) || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func nameByte(b byte) bool { return alphanumeric(b) || b == '.' || b == '_' || b == '-' }

// hexadecimal says that text is that many hexadecimal digits.
func hexadecimal(text string, length int) bool {
	return len(text) == length && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// commit says that text names one commit and cannot name a branch.
func commit(text string) bool { return hexadecimal(text, 40) || hexadecimal(text, 64) }

// local says that a word of an installer is a path.
func local(text string, suffixes ...string) bool {
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~") || strings.HasPrefix(text, "file:") {
		return true
	}
	for _, suffix := range suffixes {
		if strings.HasSuffix(text, suffix) {
			return true
		}
	}
	return false
}

// context is what decides about all requirements of a command or a file.
type context struct {
	hashes      bool // pip accepts nothing without a hash
	constrained bool // a constraints file that is not known may pin what is not pinned here
	constraints map[string]bool
}

// requirement judges one argument or line that names something to install.
func (s *scan) requirement(f field, in context) {
	text := strings.TrimSpace(f.text)
	if r, ok := parseRequirement(text); ok && r.url != "" && f.constant() {
		s.requirementURL(f, r.url, r.name)
		return
	}
	switch {
	case strings.Contains(text, "://"):
		s.requirementURL(f, text, "")
	case !f.constant() && !dynamicPath(text):
		s.unknown(f, "what is installed here cannot be known before the script runs", "Write the package with its version, as NAME==VERSION.")
	case !f.constant():
	case local(strings.TrimSuffix(text, "]"), ".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2") || strings.Contains(beforeMarker(text), "/"):
	default:
		s.named(f, text, in)
	}
}

// dynamicPath says that a word is a local path although a part of it is not known.
func dynamicPath(text string) bool {
	at := strings.LastIndex(text, hole)
	return strings.HasSuffix(text, ".whl") && strings.Contains(text, "/") || strings.HasPrefix(text[at+1:], "/")
}

func beforeMarker(text string) string {
	text, _, _ = strings.Cut(text, ";")
	return text
}

func (s *scan) named(f field, text string, in context) {
	r, ok := parseRequirement(text)
	if !ok && strings.ContainsAny(text, "*?") && !strings.ContainsAny(text, "=<>~!") {
		s.unknown(f, "which files this matches cannot be known before the script runs", "Name the files, or the packages with their versions.")
		return
	}
	if !ok {
		s.invalidRequirement(f, text)
		return
	}
	if r.pinned() || in.hashes || in.constrained || in.constraints[canonical(r.name)] {
		return
	}
	s.unpinned(Pip, f, r.name)
}

// canonical gives a name as indexes compare it.
func canonical(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
}

func (s *scan) invalidRequirement(f field, text string) {
	remedy := "Write NAME==VERSION, in quotes, without spaces."
	name, version, single := strings.Cut(text, "=")
	if single && isVersion(version) && parses(name) {
		remedy = "Write " + name + "==" + version + ": pip wants two equals signs."
	} else if strings.Contains(text, ",") {
		remedy = "Put spaces, not commas, between packages; a comma goes between the conditions on one package only."
	}
	s.report(issue{
		code: problem.InvalidRequirement, kind: Wrong, manager: Pip, at: f.at, value: f.raw, limit: "NAME==VERSION",
		detail: "pip refuses this requirement", remedy: remedy,
	})
}

func parses(name string) bool {
	r, ok := parseRequirement(name)
	return ok && len(r.clauses) == 0
}

// requirementURL judges a package that is named by its address.
func (s *scan) requirementURL(f field, text, name string) {
	text, _, _ = strings.Cut(text, " ")
	address, fragment, _ := strings.Cut(text, "#")
	for part := range strings.SplitSeq(fragment, "&") {
		if egg, ok := strings.CutPrefix(part, "egg="); ok && name == "" {
			name = egg
		}
	}
	if scheme, rest, ok := strings.Cut(address, "+"); ok && !strings.Contains(scheme, "/") {
		s.versioned(f, scheme, rest, name)
		return
	}
	if strings.HasPrefix(address, "file:") {
		return
	}
	s.insecure(f, address)
	for part := range strings.SplitSeq(fragment, "&") {
		algorithm, sum, _ := strings.Cut(part, "=")
		if hashLength(algorithm) > 0 && hexadecimal(sum, hashLength(algorithm)) {
			return
		}
	}
	s.report(issue{
		code: problem.UnpinnedDownload, kind: Unpinned, manager: Pip, name: fileName(address), at: f.at, value: f.raw,
		limit: "#sha256=HASH at the end of the URL", detail: "what is behind this URL may change",
		remedy: "Put #sha256= and the checksum of the file at the end of the URL.",
	})
}

func hashLength(algorithm string) int {
	return map[string]int{"sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
}

// versioned judges git+https://HOST/PATH@REF and its like.
func (s *scan) versioned(f field, system, address, name string) {
	s.insecure(f, address)
	repository, ref := address, ""
	if at := strings.LastIndexByte(address, '@'); at > strings.LastIndexByte(address, '/') {
		repository, ref = address[:at], address[at+1:]
	} else if at > len("ssh://") && strings.Contains(address[at:], "/") && at > authorityEnd(address) {
		repository, ref = address[:at], address[at+1:]
	}
	if name == "" {
		name = strings.TrimSuffix(fileName(repository), ".git")
	}
	if commit(ref) || system == "svn" && ref != "" && strings.Trim(ref, "0123456789") == "" {
		return
	}
	if strings.Contains(ref, hole) || strings.Contains(repository, hole) {
		s.unknown(f, "which commit this is cannot be known before the script runs", "Write the commit behind the @ at the end of the URL.")
		return
	}
	detail := "no commit is named: the newest one is installed"
	if ref != "" {
		detail = ref + " is a branch or a tag, or the beginning of a commit, and may mean another commit tomorrow"
	}
	s.report(issue{
		code: problem.UnpinnedPackage, kind: Unpinned, manager: Pip, name: name, at: f.at, value: f.raw,
		limit: "@COMMIT at the end of the URL, 40 hexadecimal digits", detail: detail, remedy: "Name the commit: " + system + "+" + repository + "@COMMIT.",
	})
}

// authorityEnd gives where the path of a URL begins.
func authorityEnd(address string) int {
	start := strings.Index(address, "://")
	if start < 0 {
		return 0
	}
	slash := strings.IndexByte(address[start+3:], '/')
	if slash < 0 {
		return len(address)
	}
	return start + 3 + slash
}
