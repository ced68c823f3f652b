package build_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/build"
)

func TestSplitReference(t *testing.T) {
	t.Parallel()
	for reference, want := range map[string][3]string{
		"127.0.0.1:5380/local/a@sha256:ab":     {"127.0.0.1:5380", "local/a", "sha256:ab"},
		"[::1]:5380/local/a@sha256:ab":         {"[::1]:5380", "local/a", "sha256:ab"},
		"registry.internal/a@sha256:ab":        {"registry.internal", "a", "sha256:ab"},
		"":                                     {},
		"a":                                    {},
		"a/b":                                  {},
		"/b@c":                                 {},
		"a/@c":                                 {},
		"a/b@":                                 {},
		"a@b/c@d":                              {},
		"a/b@c@d":                              {},
		"a/b@sha256:ab/c":                      {},
		"registry.internal:5000/local/a:1.0":   {},
		"https://registry.internal/a@sha256:a": {"https:", "/registry.internal/a", "sha256:a"}, // what is no host is not judged here
	} {
		host, repository, digest, ok := build.SplitReference(reference)
		if got := [3]string{host, repository, digest}; got != want || ok != (want[0] != "") {
			t.Errorf("SplitReference(%q) = %q, %v; want %q", reference, got, ok, want)
		}
	}
}

// FuzzReference checks that a reference is made of what it is taken apart into, and that whatever has no divider in it comes back.
func FuzzReference(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:5380/local/a@sha256:ab", "[::1]:1/a/b/c@d", "a@b/c@d", "a//b@c", "@/@", "a/b@sha256:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, repository, digest, ok := build.SplitReference(text)
		if ok && build.Reference(host, repository, digest) != text {
			t.Errorf("%q is taken apart into %q, %q and %q", text, host, repository, digest)
		}
		parts := strings.SplitN(text, ",", 3)
		if len(parts) < 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" ||
			strings.ContainsAny(parts[0]+parts[2], "/@") || strings.Contains(parts[1], "@") {
			return
		}
		host, repository, digest, ok = build.SplitReference(build.Reference(parts[0], parts[1], parts[2]))
		if !ok || host != parts[0] || repository != parts[1] || digest != parts[2] {
			t.Errorf("%q come back as %q, %q and %q, %v", parts, host, repository, digest, ok)
		}
	})
}
