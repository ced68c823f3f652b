// Package redact keeps what may be a secret in a refused value out of the
// refusal. It judges nothing.
package redact

import (
	"net/url"
	"strings"
)

const hidden = "xxxxx"

// URL gives a URL without what may be a secret: people write tokens as user names, too, and in queries and fragments. Of what
// is no URL nothing is given.
func URL(text string) string {
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
	return u.String()
}
