package pin

import (
	"path"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// address is what matters of a URL.
type address struct {
	scheme string
	user   string // with password
	host   string
	port   string // of the scheme, when the URL names none
	path   string
}

// ports maps the schemes that download to their ports.
func portOf(scheme string) string {
	return map[string]string{
		"http": "80", "https": "443", "ftp": "21", "ftps": "990", "sftp": "22", "scp": "22", "ssh": "22", "git": "9418", "svn": "3690",
	}[scheme]
}

// parseAddress takes a URL apart; holes do no harm.
func parseAddress(text string) (address, bool) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme == "" || strings.ContainsAny(scheme, "/@ ") {
		return address{}, false
	}
	a := address{scheme: strings.ToLower(scheme)}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority := rest[:end]
	a.path = rest[end:]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		a.user, authority = authority[:at], authority[at+1:]
	}
	a.host, a.port = authority, portOf(a.scheme)
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		a.host = authority[:colon]
		if authority[colon+1:] != "" {
			a.port = authority[colon+1:]
		}
	}
	a.host = strings.ToLower(a.host)
	return a, true
}

// loopback says that a host is the machine itself.
func (a address) loopback() bool {
	return a.host == "localhost" || a.host == "[::1]" || strings.HasPrefix(a.host, "127.") || a.scheme == "file"
}

// valid says that the host, as far as it is known, can be one.
func (a address) valid() bool {
	return a.host != "" && !strings.ContainsAny(a.host, " \t\n\"'<>|\\^`{}()$,;=*+!~&%@") && strings.Trim(a.port, "0123456789"+hole) == "" && a.port != ""
}

// insecure notes the host of a URL, and reports a way of transport on which anyone may change what is downloaded.
func (s *scan) insecure(f field, text string) {
	a, ok := parseAddress(strings.TrimPrefix(text, "git+"))
	if !ok || a.loopback() {
		return
	}
	s.host(a)
	switch a.scheme {
	case "http", "ftp", "git", "svn":
		s.report(issue{
			code: problem.InsecureDownload, kind: Risky, manager: URL, name: a.host, at: f.at, value: f.raw, limit: "https://",
			detail: "anyone on the way can change what comes by " + a.scheme + "://", remedy: "Use https://.",
		})
	}
}

func (s *scan) host(a address) {
	if a.valid() && !a.loopback() && !strings.Contains(a.host+a.port, hole) {
		s.hosts[a.host+":"+a.port] = true
	}
}

// fileName gives the last part of a URL's or a file's path.
func fileName(text string) string {
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "?")
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	return strings.ReplaceAll(path.Base(text), hole, "?")
}
