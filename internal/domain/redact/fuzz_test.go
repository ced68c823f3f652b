package redact_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/redact"
)

// FuzzURL checks that nothing comes out of what stands before the host, in a query or in a fragment, however the rest is written.
func FuzzURL(f *testing.F) {
	for _, seed := range [][3]string{{"https", "u", "h/x"}, {"", "", "h"}, {"ftp", "%", "[::1]:1/?a=b"}, {"http", "a:b", "h#x"}, {"x y", "\x00", "%zz"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	const secret = "hunter22secret"
	f.Fuzz(func(t *testing.T, scheme, user, rest string) {
		if strings.ContainsAny(scheme+user, "/?#") {
			return // what follows would be a path
		}
		for _, text := range []string{
			scheme + "://" + user + ":" + secret + "@" + rest, scheme + "://" + secret + user + "@" + rest, scheme + ":" + user + secret + "@" + rest,
			scheme + "://" + rest + "?t=" + secret, scheme + "://" + rest + "#" + user + secret, user + ":" + secret + "@" + rest,
		} {
			if shown := redact.URL(text); strings.Contains(shown, secret) {
				t.Errorf("%q is shown as %q", text, shown)
			}
		}
	})
}
