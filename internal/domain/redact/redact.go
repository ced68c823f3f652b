// Package redact keeps what may be a secret in a refused value out of the
// refusal. It judges nothing.
package redact

import (
	"net/url"
	"strings"
)

const hidden = "xxxxx"

// URL gives a URL without what may be a secret: people write tokens as user names, too, and in queries and fragments. Of what
// is no URL nothing is given; the rest stays as it is written.
func URL(text string) string {
	// The suite and the components of a repository of Debian stand behind its URL.
	if head, tail, more := strings.Cut(text, " "); more && !strings.ContainsAny(head, "?#") && !strings.ContainsAny(tail, "@:?#") {
		return URL(head) + " " + tail
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && strings.Contains(text, "@") {
		return "(not a URL)"
	}
	if u.User != nil {
		u.User = url.User(hidden)
	}
	if u.RawQuery != "" {
		u.RawQuery = hidden
	}
	if u.Fragment != "" {
		u.Fragment, u.RawFragment = hidden, ""
	}
	if u.User == nil && u.RawQuery == "" && u.Fragment == "" {
		return text
	}
	return u.String()
}

// Host gives an address with a port, or what somebody has written in its place, without what may be a secret: all before the last @,
// and all after a question mark or a hash.
func Host(text string) string {
	scheme := ""
	for _, s := range []string{"http://", "https://"} {
		if rest, found := strings.CutPrefix(text, s); found {
			scheme, text = s, rest
		}
	}
	if at := strings.LastIndex(text, "@"); at >= 0 {
		text = hidden + text[at:]
	}
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		text = text[:i+1] + hidden
	}
	return scheme + text
}
