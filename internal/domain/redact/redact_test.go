package redact_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/redact"
)

func TestURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://mirror.internal/simple/":             "https://mirror.internal/simple/",
		"unix:///run/kiln/kilnd.sock":                 "unix:///run/kiln/kilnd.sock",
		"http://hunter22@host:1":                      "http://xxxxx@host:1",
		"http://user:hunter22@host:1/x":               "http://xxxxx@host:1/x",
		"http://host:1/?token=hunter22":               "http://host:1/?xxxxx",
		"http://host:1/#hunter22":                     "http://host:1/#xxxxx",
		"http://host:1/#a%2Fhunter22":                 "http://host:1/#xxxxx",
		"http://host/debian bookworm main":            "http://host/debian bookworm main",
		"http://u:hunter22@host/debian bookworm main": "http://xxxxx@host/debian bookworm main",
		"http://host/a b?hunter22":                    "http://host/a%20b?xxxxx",
		"http://host/~a/%7Eb":                         "http://host/~a/%7Eb",
		"hunter22@host/x":                             "(not a URL)",
		"http:user:hunter22@host":                     "(not a URL)",
		"user:hunter22@host:80":                       "(not a URL)",
		"http://user:hunter22@host:port":              "(not a URL)",
	} {
		got := redact.URL(text)
		if got != want || strings.Contains(got, "hunter22") {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"registry.internal:5000": "registry.internal:5000", "https://registry.internal/x": "https://registry.internal/x", "Localhost": "Localhost",
		"ci:hunter22@registry.internal": "xxxxx@registry.internal", "https://ci:hunter22@registry.internal/x": "https://xxxxx@registry.internal/x",
		"ci:hunt@hunter22@registry.internal": "xxxxx@registry.internal", "ci:hunter22?x#y@registry.internal": "xxxxx@registry.internal",
		"ci:hunter22://@registry.internal": "xxxxx@registry.internal", "registry.internal?t=hunter22": "registry.internal?xxxxx", "registry.internal#hunter22": "registry.internal#xxxxx",
	} {
		if got := redact.Host(text); got != want || strings.Contains(got, "hunter22") {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
