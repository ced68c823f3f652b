package pin

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// hidden stands where a secret stood.
const hidden = "xxxxx"

const privateKey = "PRIVATE KEY-----"

// credential is the form of a token that its issuer gave a beginning of its own.
type credential struct {
	prefix string
	least  int // characters after the prefix
	what   string
}

func credentials() []credential {
	return []credential{
		{"AKIA", 16, "an AWS access key"},
		{"ASIA", 16, "an AWS access key"},
		{"LTAI", 12, "an Alibaba Cloud access key"},
		{"ghp_", 30, "a GitHub token"},
		{"gho_", 30, "a GitHub token"},
		{"ghu_", 30, "a GitHub token"},
		{"ghs_", 30, "a GitHub token"},
		{"ghr_", 30, "a GitHub token"},
		{"github_pat_", 22, "a GitHub token"},
		{"glpat-", 20, "a GitLab token"},
		{"xoxb-", 10, "a Slack token"},
		{"xoxp-", 10, "a Slack token"},
		{"pypi-AgE", 20, "a PyPI token"},
		{"npm_", 36, "an npm token"},
		{"hf_", 30, "a Hugging Face token"},
		{"AIza", 35, "a Google API key"},
		{"sk-", 32, "an API key"},
	}
}

// secret is one that was found in a text.
type secret struct {
	at   int // where the blame goes
	text string
	what string
}

// secretsIn finds what looks like a secret wherever it stands.
func secretsIn(text string) []secret {
	found := urlSecrets(text)
	for start := 0; start < len(text); {
		if !tokenByte(text[start]) {
			start++
			continue
		}
		end := start
		for end < len(text) && tokenByte(text[end]) {
			end++
		}
		word := text[start:end]
		for _, c := range credentials() {
			if strings.HasPrefix(word, c.prefix) && len(word) >= len(c.prefix)+c.least {
				found = append(found, secret{start, word, c.what})
				break
			}
		}
		start = end
	}
	if head, key, ok := strings.Cut(text, privateKey); ok && strings.Contains(head, "-----BEGIN ") {
		found = append(found, secret{strings.LastIndex(head, "-----BEGIN "), strings.TrimSpace(key), "a private key"})
	}
	if at := strings.Index(text, "_authToken="); at >= 0 {
		if value, _, _ := strings.Cut(text[at+len("_authToken="):], "\n"); value != "" && !strings.ContainsAny(value, "$"+hole) {
			found = append(found, secret{at, value, "a token of an npm registry"})
		}
	}
	return append(found, loginSecrets(text)...)
}

// loginSecrets finds the passwords of a file like .netrc: machine HOST login NAME password WORD.
func loginSecrets(text string) []secret {
	var found []secret
	for start := 0; ; {
		at := strings.Index(text[start:], "machine ")
		if at < 0 {
			return found
		}
		start += at
		words := strings.Fields(text[start:min(len(text), start+maxShown)])
		for i := 0; i+1 < min(len(words), 7); i++ {
			if words[i] == "password" && given(words[i+1]) {
				found = append(found, secret{start, words[i+1], "a password for a machine"})
			}
		}
		start += len("machine ")
	}
}

func tokenByte(b byte) bool { return alphanumeric(b) || b == '_' || b == '-' }

// urlSecrets finds passwords, and tokens in the place of a user's name, in URLs.
func urlSecrets(text string) []secret {
	var found []secret
	for start := 0; ; {
		at := strings.Index(text[start:], "://")
		if at < 0 {
			return found
		}
		start += at + len("://")
		end := start
		for end < len(text) && !strings.ContainsRune("/?# \t\r\n\"'<>", rune(text[end])) {
			end++
		}
		authority := text[start:end]
		sign := strings.LastIndexByte(authority, '@')
		if sign < 0 {
			continue
		}
		user, password, both := strings.Cut(authority[:sign], ":")
		switch {
		case both && given(password):
			found = append(found, secret{start, password, "a password in a URL"})
		case !both && len(user) >= 16 && given(user):
			found = append(found, secret{start, user, "a token in a URL"})
		}
	}
}

// given says that a value is written in the script, and does not come from elsewhere.
func given(text string) bool { return text != "" && !strings.ContainsAny(text, "$"+hole) }

// tokens reports the secrets in a text that stands at a place in the root.
func (s *scan) tokens(text string, at int) {
	for _, found := range secretsIn(text) {
		s.secret(at+found.at, found.what, found.text, found.what)
	}
}

// findSecrets looks through all words, here-documents and comments of a script.
func (s *scan) findSecrets(u *unit, file *syntax.File) {
	in := newScope()
	in.unit = u
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.Comment:
			s.tokens(n.Text, u.from.offset(n.Hash.Offset()+1))
		case *syntax.Word:
			f := s.text(n, in)
			for _, found := range secretsIn(f.text) {
				at := f.at
				if f.exact {
					at = f.start + found.at
				}
				s.secret(at, found.what, found.text, found.what)
			}
		}
		return !s.spent
	})
}

// secret reports one secret; shown is what may be seen of it.
func (s *scan) secret(at int, what, text, shown string) {
	if len(s.secrets) >= maxIssues {
		s.exhaust(at)
		return
	}
	if text != "" {
		s.secrets[text] = true
	}
	s.report(issue{
		code: problem.SecretInScript, kind: Risky, at: at, value: shown, limit: "no secrets in scripts",
		detail: what + " is written in the script, and stays in the image for everyone to read",
		remedy: "Take it out, make it invalid where it was issued, and use a mirror or a file that needs none.",
	})
}

// secretAssign reports a variable that is named like a secret and gets a constant.
func (s *scan) secretAssign(name string, f field) {
	parts := strings.Split(strings.ToUpper(name), "_")
	last := parts[len(parts)-1]
	named := slices.Contains([]string{"PASSWORD", "PASSWD", "PASS", "TOKEN", "SECRET", "APIKEY", "PGPASSWORD", "SSHPASS"}, last) ||
		len(parts) > 1 && last == "KEY" && slices.Contains([]string{"ACCESS", "API", "SECRET", "PRIVATE"}, parts[len(parts)-2])
	if !named || !f.constant() || !secretValue(f.text) {
		return
	}
	s.secret(f.at, "the value of "+name, f.text, name+"="+hidden)
}

// secretValue leaves out what is no secret: paths, switches, numbers of one digit.
func secretValue(text string) bool {
	return len(text) > 1 && !strings.HasPrefix(text, "/") && !slices.Contains([]string{"true", "false", "yes", "no", "none", "null", "on", "off"}, strings.ToLower(text))
}

func secretOption(name string) bool {
	return slices.Contains([]string{
		"password", "passwd", "pass", "token", "secret", "api-key", "apikey", "access-key", "secret-key", "access-key-secret", "access-key-id", "http-password",
		"ftp-password", "proxy-password", "auth-token", "private-token", "access-token", "client-secret", "oauth2-bearer",
	}, strings.ToLower(strings.TrimLeft(name, "-")))
}

// secretArguments reports the options that take secrets.
func (s *scan) secretArguments(c command) {
	short := passwordOption(c)
	for i, a := range c.args {
		name, text, inside := strings.Cut(a.text, "=")
		f := a.with(text)
		if !inside && i+1 < len(c.args) {
			f = c.args[i+1]
		}
		switch {
		case strings.HasPrefix(a.text, "-p") && len(a.text) > 2 && a.constant() && slices.Contains([]string{"mysql", "mysqldump", "mysqladmin", "mariadb"}, c.name):
			s.secret(a.at, "a password", a.text[2:], "-p"+hidden)
		case !f.constant() || f.text == "":
		case strings.HasPrefix(name, "--") && secretOption(name) && secretValue(f.text) && !strings.HasPrefix(f.text, "-"):
			s.secret(a.at, "the value of "+name, f.text, name+" "+hidden)
		case c.name == "curl" && (name == "-u" || name == "--user" || name == "-U" || name == "--proxy-user"):
			if user, password, ok := strings.Cut(f.text, ":"); ok && password != "" {
				s.secret(a.at, "a password", password, name+" "+user+":"+hidden)
			}
		case (name == "-H" || name == "--header") && !inside:
			s.header(a, f.text)
		case name == "--header" && inside:
			s.header(a, text)
		case name == short && f.text != "":
			s.secret(a.at, "a password", f.text, name+" "+hidden)
		}
	}
}

// passwordOption gives the short option that takes a password.
func passwordOption(c command) string {
	switch c.name {
	case "sshpass", "odpscmd":
		return "-p"
	case "docker", "podman", "buildah", "skopeo", "helm", "nerdctl":
		if slices.ContainsFunc(c.args, func(f field) bool { return f.text == "login" }) {
			return "-p"
		}
	case "ossutil", "ossutil64":
		return "-k"
	case "redis-cli":
		return "-a"
	}
	return "?"
}

func (s *scan) header(f field, text string) {
	name, text, _ := strings.Cut(text, ":")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "authorization", "proxy-authorization", "private-token", "x-api-key", "x-auth-token":
		words := strings.Fields(text)
		if len(words) > 0 {
			s.secret(f.at, "a token", words[len(words)-1], name+": "+hidden)
		}
	}
}

// longestFirst gives the secrets in the order in which they are hidden, so that none is left over of which another is a part.
func longestFirst(secrets map[string]bool) []string {
	return slices.SortedFunc(maps.Keys(secrets), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
}

// maxShown is how many bytes of the script a finding shows.
const maxShown = 200

// longestShown is how many are looked through for secrets before.
const longestShown = 10 * maxShown

// redact takes all secrets out of a text, and keeps it short.
func (s *scan) redact(text string) string {
	text, _, cut := strings.Cut(text, "\n")
	text = text[:min(len(text), longestShown)]
	for _, found := range secretsIn(text) {
		text = hide(text, found.text)
	}
	for _, word := range s.hide {
		text = hide(text, word)
	}
	text = strings.ToValidUTF8(strings.ReplaceAll(text, hole, "?"), "?")
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	if cut {
		return text + "…"
	}
	return text
}

// hide replaces a secret; a short one only where it is a word of its own.
func hide(text, word string) string {
	if word == "" || word == hidden {
		return text
	}
	if len(word) >= 6 {
		return strings.ReplaceAll(text, word, hidden)
	}
	var b strings.Builder
	for {
		at := strings.Index(text, word)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := at + len(word)
		if at > 0 && alphanumeric(text[at-1]) || end < len(text) && alphanumeric(text[end]) {
			b.WriteString(text[:end])
		} else {
			b.WriteString(text[:at] + hidden)
		}
		text = text[end:]
	}
}
