package catalogue

import "testing"

func TestHostPort(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"http://deb.debian.org/debian":         "deb.debian.org:80",
		"https://mirror.internal/debian":       "mirror.internal:443",
		"http://10.8.0.3:8080/debian":          "10.8.0.3:8080",
		"https://[fd00::1]/debian":             "[fd00::1]:443",
		"registry.internal:5000/team/base@s:1": "registry.internal:5000",
		"registry.internal/team/base:1":        "registry.internal:443",
		"http://":                              "",
		"http://bad host/":                     "",
	} {
		got, err := hostPort(source)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
	}
}
