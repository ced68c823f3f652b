package pkgmanager_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	names := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = "a" + strings.Repeat("b", i%7+1)
		}
		return list
	}
	for _, test := range []struct {
		name string
		in   pkgmanager.Entry
		want []string
	}{
		{"apt", pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"curl=1"}}, nil},
		{"python3", pkgmanager.Entry{Type: pkgmanager.Python3, Names: []string{"a==1"}}, nil},
		{"python3 with an index", pkgmanager.Entry{Type: pkgmanager.Python3, Names: []string{"a==1"}, Index: "https://pypi.internal/simple/"}, nil},
		{"script", pkgmanager.Entry{Type: pkgmanager.Script, Script: "true"}, nil},
		{"no type", pkgmanager.Entry{Names: []string{"a"}}, []string{"InvalidPackageType packages[0].type"}},
		{"yum", pkgmanager.Entry{Type: pkgmanager.Yum, Names: []string{"git-2.39.5"}}, nil},
		{"yum with an index", pkgmanager.Entry{Type: pkgmanager.Yum, Names: []string{"git"}, Index: "http://mirror.internal/os/"}, nil},
		{"python2", pkgmanager.Entry{Type: pkgmanager.Python2, Names: []string{"a==1"}}, nil},
		{"python2 with an index", pkgmanager.Entry{Type: pkgmanager.Python2, Names: []string{"a==1"}, Index: "https://x/"}, nil},
		{"dnf", pkgmanager.Entry{Type: "dnf", Names: []string{"a"}}, []string{"InvalidPackageType packages[0].type"}},
		{"Apt", pkgmanager.Entry{Type: "Apt", Names: []string{"a"}}, []string{"InvalidPackageType packages[0].type"}},
		{"no names", pkgmanager.Entry{Type: pkgmanager.Apt}, []string{"MissingRequired packages[0].names"}},
		{"most names", pkgmanager.Entry{Type: pkgmanager.Apt, Names: names(pkgmanager.MaxNames)}, nil},
		{"too many names", pkgmanager.Entry{Type: pkgmanager.Apt, Names: names(pkgmanager.MaxNames + 1)}, []string{"MissingRequired packages[0].names"}},
		{
			"names and a script",
			pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"curl"}, Script: "true"},
			[]string{"ConflictingAttribute packages[0].script"},
		},
		{
			"apt with an index of pip",
			pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"curl"}, Index: "https://x/"},
			[]string{"InvalidParameter packages[0].index"},
		},
		{
			"script with the rest",
			pkgmanager.Entry{Type: pkgmanager.Script, Script: "true", Names: []string{"a"}, Index: "https://x/"},
			[]string{"ConflictingAttribute packages[0].names", "ConflictingAttribute packages[0].index"},
		},
		{"script with names alone", pkgmanager.Entry{Type: pkgmanager.Script, Names: []string{"a"}}, []string{"ConflictingAttribute packages[0].names"}},
		{"empty script", pkgmanager.Entry{Type: pkgmanager.Script}, []string{"EmptyScript packages[0].script"}},
		{"blank script", pkgmanager.Entry{Type: pkgmanager.Script, Script: " \n\t\n"}, []string{"EmptyScript packages[0].script"}},
		{"largest script", pkgmanager.Entry{Type: pkgmanager.Script, Script: strings.Repeat("a", pkgmanager.MaxScript)}, nil},
		{
			"too large a script",
			pkgmanager.Entry{Type: pkgmanager.Script, Script: strings.Repeat("a", pkgmanager.MaxScript+1)},
			[]string{"ScriptTooLarge packages[0].script"},
		},
		{"binary script", pkgmanager.Entry{Type: pkgmanager.Script, Script: "a\x00b"}, []string{"InvalidScript packages[0].script"}},
		{"nothing but a mark", pkgmanager.Entry{Type: pkgmanager.Script, Script: "\ufeff\n"}, []string{"EmptyScript packages[0].script"}},
		{"a long name", pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"a=" + strings.Repeat("1", pkgmanager.MaxName)}}, []string{"InvalidRequirement packages[0].names[0]"}},
		{"many bytes", pkgmanager.Entry{Type: pkgmanager.Apt, Names: many(pkgmanager.MaxNamesSize/200 + 1)}, []string{"InvalidParameter packages[0].names"}},
		{"as many as fit", pkgmanager.Entry{Type: pkgmanager.Apt, Names: many(pkgmanager.MaxNamesSize / 200)}, nil},
		{"script in Latin-1", pkgmanager.Entry{Type: pkgmanager.Script, Script: "echo caf\xe9"}, []string{"InvalidScript packages[0].script"}},
		{
			"the place in the user's own list",
			pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"curl", "curl", "a b", " curl ", "c;d"}},
			[]string{"InvalidRequirement packages[0].names[2]", "InvalidRequirement packages[0].names[4]"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, codes(test.in.Validate("packages[0]"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// many gives names of 200 bytes.
func many(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("a%d=", i)
		names[i] += strings.Repeat("1", 200-len(names[i]))
	}
	return names
}

func TestTrustedHost(t *testing.T) {
	t.Parallel()
	for index, want := range map[string]string{
		"http://pypi.internal:8081/simple/": "pypi.internal:8081", "http://pypi.internal/simple/": "pypi.internal", "http://[fd00::1]:81/": "[fd00::1]:81",
		"https://pypi.internal:8081/simple/": "", "https://pypi.internal/": "", "": "",
	} {
		if got := pkgmanager.TrustedHost(index); got != want {
			t.Errorf("TrustedHost(%q) = %q, want %q", index, got, want)
		}
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	for index, ok := range map[string]bool{
		"https://pypi.internal/simple/": true, "http://10.8.0.3:8081/simple": true, "https://[fd00::1]:443/simple": true, "https://pypi.internal": true,
		"https://pypi.internal/a%20b/": true, "HTTPS://pypi.internal/": true,
		"pypi.internal/simple": false, "ftp://pypi.internal/": false, "file:///srv/pypi": false, "https://": false, "https:///simple": false,
		"http://:8080/simple": false, "https://user:secret@pypi.internal/": false, "https://secret@pypi.internal/": false,
		"https://pypi.internal/?token=secret": false, "https://pypi.internal/#secret": false, "https://pypi.internal/a b": false,
		"https://pypi.internal/'": false, "https://pypi.internal/$HOME": false, "https://pypi.internal/`secret`": false, "https://pypi.internal/\n": false,
		"https://pypi.internal/\\": false, "https://pypi.internal:port/": false, "https://user:secret@pypi.internal:x/": false,
		"user:secret@pypi.internal/simple": false, "secret@pypi.internal/simple": false, "//secret@pypi.internal/": false,
		"https://pypi.internal/" + strings.Repeat("x", 2048): false,
	} {
		found := pkgmanager.Entry{Type: pkgmanager.Python3, Names: []string{"a==1"}, Index: index}.Validate("packages[0]")
		if ok != (len(found) == 0) {
			t.Errorf("%q: %v, want accepted = %v", index, found, ok)
			continue
		}
		if ok {
			continue
		}
		if found[0].Code != problem.InvalidParameter || found[0].Field != "packages[0].index" {
			t.Errorf("%q: %v", index, found)
		}
		if strings.Contains(found[0].Value, "secret") && !strings.Contains(index, "`") {
			t.Errorf("%q: the refusal says %q", index, found[0].Value)
		}
	}
}

func TestAptIndex(t *testing.T) {
	t.Parallel()
	for index, ok := range map[string]bool{
		"https://mirror.internal/debian bookworm main": true, "http://10.8.0.3:8081/debian bookworm-updates main contrib": true,
		"http://mirror.internal/debian-security bookworm-security/updates main": true,
		"https://mirror.internal/flat ./":                                       true, "https://mirror.internal/flat x86_64/": true,
		"https://mirror.internal/debian": false, "https://mirror.internal/debian bookworm": false, "https://mirror.internal/flat ./ main": false,
		"deb https://mirror.internal/debian bookworm main": false, "[trusted=yes] https://mirror.internal/debian bookworm main": false,
		"https://mirror.internal/debian [trusted=yes] main": false, "https://mirror.internal/debian  bookworm main  contrib": true, " ": false, "https://mirror.internal/debian bookworm\tmain": false,
		"https://mirror.internal/debian bookworm main\ndeb http://other/": false, "https://mirror.internal/debian book'worm main": false,
		"https://user:secret@mirror.internal/debian bookworm main": false, "https://mirror.internal/debian?token=secret bookworm main": false,
		"bookworm main": false, "/srv/debian bookworm main": false, "https://mirror.internal/ bookworm " + strings.Repeat("x", 2048): false,
	} {
		found := pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"curl=1"}, Index: index}.Validate("packages[0]")
		if ok != (len(found) == 0) {
			t.Errorf("%q: %v, want accepted = %v", index, found, ok)
		}
		if !ok && len(found) > 0 && (found[0].Code != problem.InvalidParameter || found[0].Field != "packages[0].index" || strings.Contains(found[0].Value, "secret")) {
			t.Errorf("%q: %v", index, found)
		}
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		in, want pkgmanager.Entry
	}{
		{
			"names",
			pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{" b ", "a", "b", "a\t"}},
			pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"b", "a"}},
		},
		{"Windows", pkgmanager.Entry{Script: "a\r\nb\r\n"}, pkgmanager.Entry{Names: []string{}, Script: "a\nb"}},
		{"Windows, twice", pkgmanager.Entry{Script: "a\r\r\nb\r\r\n"}, pkgmanager.Entry{Names: []string{}, Script: "a\nb"}},
		{"Windows, marked", pkgmanager.Entry{Script: "\ufeffa\r\nb"}, pkgmanager.Entry{Names: []string{}, Script: "a\nb"}},
		{"the last line feeds", pkgmanager.Entry{Script: "a\n\n\n"}, pkgmanager.Entry{Names: []string{}, Script: "a"}},
		{"the last carriage return", pkgmanager.Entry{Script: "a\n\r"}, pkgmanager.Entry{Names: []string{}, Script: "a"}},
		{"the rest stays", pkgmanager.Entry{Script: "\n  a \\\n\t# b\rc \n"}, pkgmanager.Entry{Names: []string{}, Script: "\n  a \\\n\t# b\rc "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := test.in.Normalize()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(got, got.Normalize()); diff != "" {
				t.Errorf("the second time: %s", diff)
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[pkgmanager.Type]string{
		pkgmanager.Apt: "apt", pkgmanager.Yum: "yum", pkgmanager.Python2: "python2", pkgmanager.Python3: "python3", pkgmanager.Script: "", "dnf": "",
	} {
		if got := (pkgmanager.Entry{Type: kind}).Needs(); got != want {
			t.Errorf("%s needs %q, want %q", kind, got, want)
		}
	}
	if got := (pkgmanager.Entry{Type: "dnf", Names: []string{"a"}}).Instructions(0); got != "" {
		t.Errorf("an unknown type gives %q", got)
	}
}

// TestRefusals checks what refusals show of what was written, and what they advise.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const script = "Options, files, URLs and version control are for scripts: use an entry of type script."
	named := func(name string) pkgmanager.Entry {
		return pkgmanager.Entry{Type: pkgmanager.Python3, Names: []string{name}}
	}
	for name, test := range map[string]struct {
		entry         pkgmanager.Entry
		value, remedy string
	}{
		"a file":           {named("-r requirements.txt"), "-r requirements.txt", script},
		"a wheel":          {named("https://h.org/a-1-py3-none-any.whl"), "https://h.org/a-1-py3-none-any.whl", script},
		"a repository":     {named("git+https://u:secret@h.org/a@main"), "git+https://xxxxx@h.org/a@main", script},
		"two":              {named("a; b"), "a; b", "One package an item; shell syntax has no meaning here, use a script for that."},
		"names":            {pkgmanager.Entry{Type: pkgmanager.Script, Names: []string{"a", "b"}}, "a, b", "Remove names, or change the type of the entry."},
		"an index":         {pkgmanager.Entry{Type: pkgmanager.Script, Script: "x", Index: "https://i"}, "https://i", "Remove index, or change the type of the entry."},
		"a script":         {pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"aa"}, Script: "x"}, "x", "Remove script, or change the type of the entry."},
		"a list of apt":    {pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"aa"}, Index: "http://h/debian bookworm"}, "http://h/debian bookworm", "Write it as in a line of sources.list, for example https://mirror.internal/debian bookworm main."},
		"a list of a user": {pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"aa"}, Index: "http://u:p@h/debian bookworm main"}, "http://xxxxx@h/debian bookworm main", "Write it as in a line of sources.list, for example https://mirror.internal/debian bookworm main."},
	} {
		found := test.entry.Validate("packages[0]")
		if len(found) != 1 || found[0].Value != test.value || found[0].Remedy != test.remedy {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
