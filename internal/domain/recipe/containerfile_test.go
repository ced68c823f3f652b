package recipe_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

var update = flag.Bool("update", false, "write the files under testdata")

func script(text string) pkgmanager.Entry {
	return pkgmanager.Entry{Type: pkgmanager.Script, Script: text}
}

func sum(digit string) string { return strings.Repeat(digit, 64) }

// tree is a directory as it must be.
func tree(target string, nodes ...recipe.Node) recipe.File {
	return recipe.File{Target: target, SHA256: recipe.TreeSum(nodes), Tree: nodes}
}

// recipes are those of the golden files, by their names.
var recipes = map[string]recipe.Recipe{
	"bare": {Base: recipe.Base{Official: "dataworks_shell_task_pod", Version: "20261101"}},
	"everything": {
		Base: recipe.Base{Official: "dataworks_pyodps_task_pod", Version: "20261101"},
		Packages: []pkgmanager.Entry{
			{Type: pkgmanager.Apt, Names: []string{"curl=7.88.1-10+deb12u5", "g++=4:12.2.0-3", "libc6:i386=2.36-9"}},
			{Type: pkgmanager.Python3, Names: []string{"jieba==0.42.1", "requests[socks]==2.31.0", "pandas>=1, <2"}},
			{Type: pkgmanager.Python3, Names: []string{"urllib3==1.26.16"}, Index: "https://mirror.internal/simple/"},
			{Type: pkgmanager.Python3, Names: []string{"six==1.16.0"}, Index: "http://host.kiln.internal:8081/simple"},
			script("pip3 install 'urllib3==1.26.16'\n"),
		},
		Files: []recipe.File{
			{Target: "/opt/dict.txt", Mode: "0644", SHA256: sum("a")},
			{Target: "/opt/用户 词典.txt", Mode: "0600", SHA256: sum("b")},
			{Target: "/usr/local/bin/a&b<c>", Mode: "0755", SHA256: sum("c")},
		},
		Env: map[string]string{"LANG": "C.UTF-8", "A_FIRST": "1", "_LAST": "2"},
	},
	"python2": {
		Base: recipe.Base{Official: "dataworks_pyodps_task_pod", Version: "20261122"},
		Packages: []pkgmanager.Entry{
			{Type: pkgmanager.Python2, Names: []string{"pyodps==0.11.6", "six<2"}},
			{Type: pkgmanager.Python2, Names: []string{"pip==20.3.4"}, Index: "http://host.kiln.internal:8081/simple/"},
		},
	},
	"yum": {
		Base: recipe.Base{Official: "dataworks_shell_rpm_task_pod", Version: "20261122"},
		Packages: []pkgmanager.Entry{
			{Type: pkgmanager.Yum, Names: []string{"git-2.39.5-1.el9", "libstdc++"}},
			{Type: pkgmanager.Yum, Names: []string{"less-530-1.el8.x86_64"}, Index: "http://host.kiln.internal:8082/rpm%20s/"},
		},
	},
	"apt": {
		Base: recipe.Base{Official: "dataworks_shell_task_pod", Version: "20261122"},
		Packages: []pkgmanager.Entry{
			{Type: pkgmanager.Apt, Names: []string{"curl=7.88.1-10+deb12u5"}},
			{Type: pkgmanager.Apt, Names: []string{"less=590-2.1"}, Index: "http://host.kiln.internal:8083/debian bookworm main"},
		},
	},
	"directory": {
		Base: recipe.Base{Official: "dataworks_shell_task_pod", Version: "20261101"},
		Files: []recipe.File{
			{Target: "/opt/dict.txt", Mode: "0644", SHA256: sum("a")},
			tree("/opt/x", recipe.Node{Path: "b/$HOME *.py", Mode: "0600", SHA256: sum("b")}, recipe.Node{Path: "a", Link: "b/$HOME *.py"},
				recipe.Node{Path: "run \\", Mode: "0755", SHA256: sum("a")}),
		},
		Packages: []pkgmanager.Entry{script("cat /opt/x/a\n")},
	},
	"env": {
		Base: recipe.Base{Official: "dataworks_shell_task_pod", Version: "20261101"},
		Env: map[string]string{
			"EMPTY": "", "SPACES": " a  b ", "DOLLAR": "$HOME/${PATH}:$$", "QUOTES": `say "hi", it's`, "BACKSLASH": `C:\new\`, "HASH": "# no comment",
			"EQUALS": "a=b", "TAB": "a\tb", "LESS": "<<EOF", "CHINESE": "分词",
		},
	},
	"scripts": {
		Base: recipe.Base{Official: "dataworks_shell_task_pod", Version: "20261101"},
		Packages: []pkgmanager.Entry{
			script("echo one\nKILN\necho two\n"),
			script("  KILN\nKILN1\n KILN2\t\n"),
			script("#!/bin/bash\n# a comment\n#syntax=docker/dockerfile:1\necho $VAR ${VAR} $(date) `id` \"$@\"\n"),
			script("echo a \\\n  b \\\n\n\\\n"),
			script("cat <<EOF > /opt/x\nFROM scratch\nRUN false\nEOF\n"),
			script("echo windows\r\necho line ends\r\n"),
			script("\n\techo leading\n\n\n"),
		},
	},
}

func TestContainerfile(t *testing.T) {
	t.Parallel()
	for name, r := range recipes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if found := r.Validate(); len(found) > 0 {
				t.Fatalf("refused: %v", found)
			}
			golden(t, filepath.Join("testdata", name+".containerfile"), r.Containerfile())
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: write it with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); when that is right, write it with -update\n%s", path, diff)
	}
}

// parsed is what a builder reads out of a Containerfile: its instructions, and the here-documents that belong to them.
type parsed struct {
	instructions []string
	documents    map[int]string // by the number of the instruction
}

// parse reads a Containerfile as builders do: comments and empty lines go, a backslash at the end continues, a
// here-document is taken as it is up to the line that is its delimiter. It knows just what recipes use.
func parse(t *testing.T, text string) parsed {
	t.Helper()
	p := parsed{documents: map[int]string{}}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for n := 0; n < len(lines); n++ {
		line := lines[n]
		if strings.HasPrefix(strings.TrimSpace(line), "#") || strings.TrimSpace(line) == "" {
			continue
		}
		for strings.HasSuffix(line, `\`) {
			n++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSpace(lines[n])
		}
		p.instructions = append(p.instructions, line)
		_, rest, ok := strings.Cut(line, "<<'")
		if !ok || !strings.HasPrefix(line, "COPY --chmod=0755 <<'") {
			continue
		}
		delimiter, _, _ := strings.Cut(rest, "'")
		var document strings.Builder
		for n++; ; n++ {
			if n == len(lines) {
				t.Fatalf("the here-document %s of %q does not end:\n%s", delimiter, line, text)
			}
			if strings.TrimRight(lines[n], "\r") == delimiter {
				break
			}
			document.WriteString(lines[n] + "\n")
		}
		p.documents[len(p.instructions)-1] = document.String()
	}
	return p
}

// checkScripts checks that each script arrives byte for byte, and is followed by the instruction that runs it.
func checkScripts(t *testing.T, r recipe.Recipe) {
	t.Helper()
	p := parse(t, r.Containerfile())
	var want, got []string
	for n, e := range r.Packages {
		if e.Type == pkgmanager.Script {
			want = append(want, fmt.Sprintf("cmd-%d.sh\n%s\n", n, e.Normalize().Script))
		}
	}
	for n, line := range p.instructions {
		document, ok := p.documents[n]
		if !ok {
			continue
		}
		path := line[strings.LastIndex(line, "/")+1:]
		got = append(got, path+"\n"+document)
		run := `RUN ["/bin/bash", "-euo", "pipefail", "/home/admin/usertools/tools/` + path + `"]`
		if n+1 == len(p.instructions) || p.instructions[n+1] != run {
			t.Errorf("after the script %s comes not %s", path, run)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the scripts do not arrive as they are: %s", diff)
	}
	if fixed := len(r.Env) + len(r.Files) + 1 + min(len(r.Packages), 1); len(p.instructions) != fixed+len(r.Packages)+len(want) {
		t.Errorf("%d instructions for %d packages, %d of them scripts, and %d others:\n%s",
			len(p.instructions), len(r.Packages), len(want), fixed, r.Containerfile())
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for name, r := range recipes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkScripts(t, r)
		})
	}
}

// TestDelimiter checks that a script can say what it likes, also when it tries to end its here-document.
func TestDelimiter(t *testing.T) {
	t.Parallel()
	var hostile strings.Builder
	for n := range 1000 {
		fmt.Fprintf(&hostile, "KILN%d\n", n)
	}
	for _, text := range []string{"KILN", "KILN\nRUN evil", " KILN", "KILN\t", "KILN\nKILN1\nKILN2", hostile.String() + "KILN", "'KILN'", "KILN\\"} {
		checkScripts(t, recipe.Recipe{Packages: []pkgmanager.Entry{script(text)}})
	}
}

func FuzzContainerfile(f *testing.F) {
	f.Add("echo $VAR\nKILN\n# x \\\n", "value with $ \" \\ '", "/opt/a b", "jieba==0.42.1")
	f.Add("KILN\nKILN1", "", "/", "")
	f.Add("\r\n\r", "\x00", "relative", "a;b")
	f.Fuzz(func(t *testing.T, text, value, target, name string) {
		r := recipe.Recipe{
			Base:     recipe.Base{Official: "dataworks_shell_task_pod", Version: "20261101"},
			Packages: []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{name}}, script(text)},
			Files:    []recipe.File{{Target: target, Mode: "0644", SHA256: sum("0")}},
			Env:      map[string]string{"KEY": value},
		}
		if r.Hash() == "" || r.Hash() != r.Normalize().Hash() || r.Containerfile() != r.Normalize().Containerfile() {
			t.Fatal("what is normalized is something else")
		}
		_ = r.Unpinned(nil)
		if len(r.Validate()) == 0 {
			checkScripts(t, r)
		}
	})
}
