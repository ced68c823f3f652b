package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

// fill makes the files of a directory, by path, and gives the directory. A content that begins with -> is a link.
func fill(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		if to, ok := strings.CutPrefix(content, "-> "); ok {
			must(t, os.Symlink(to, name))
			continue
		}
		must(t, os.WriteFile(name, []byte(content), 0o600))
		must(t, os.Chmod(name, 0o644)) // whatever the umask
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir string, ignore ...string) directory {
	t.Helper()
	found, err := readDirectory(t.Context(), 0, dir, ignore)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestReadDirectory(t *testing.T) {
	t.Parallel()
	dir := fill(t, map[string]string{"z.py": "one", "a/b.py": "two", "a/link": "-> ./b.py", "up": "-> a//../a", "a/c.sh": "one"})
	must(t, os.Remove(filepath.Join(dir, "up")))
	must(t, os.Symlink("a/", filepath.Join(dir, "up")))
	must(t, os.Chmod(filepath.Join(dir, "a/c.sh"), 0o750))
	must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	one, two := hashText("one"), hashText("two")
	want := []recipe.Node{
		{Path: "a/b.py", Mode: "0644", SHA256: two},
		{Path: "a/c.sh", Mode: "0750", SHA256: one},
		{Path: "a/link", Link: "b.py"},
		{Path: "up", Link: "a"},
		{Path: "z.py", Mode: "0644", SHA256: one},
	}
	got := read(t, dir)
	if diff := cmp.Diff(want, got.nodes); diff != "" {
		t.Error(diff)
	}
	if got.size != 9 || len(got.files) != 2 || got.files[two] != filepath.Join(dir, "a/b.py") {
		t.Errorf("size = %d, files = %v", got.size, got.files)
	}
	if diff := cmp.Diff(want, treeOf(entriesOf(got.nodes))); diff != "" {
		t.Errorf("the attribute says something else: %s", diff)
	}

	// The same in another place, made in another order and at another time.
	again := fill(t, map[string]string{"a/c.sh": "one"})
	for _, n := range []string{"z.py", "a/b.py"} {
		content, err := os.ReadFile(filepath.Join(dir, n))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(again, n), content, 0o600))
		must(t, os.Chmod(filepath.Join(again, n), 0o644))
		must(t, os.Chtimes(filepath.Join(again, n), time.Unix(0, 0), time.Unix(1, 0)))
	}
	must(t, os.Symlink("b.py", filepath.Join(again, "a/link")))
	must(t, os.Symlink("a", filepath.Join(again, "up")))
	must(t, os.Chmod(filepath.Join(again, "a/c.sh"), 0o750))
	if diff := cmp.Diff(want, read(t, again).nodes); diff != "" {
		t.Errorf("the same directory is another one elsewhere: %s", diff)
	}
}

func TestIgnore(t *testing.T) {
	t.Parallel()
	all := map[string]string{
		"a.py": "", "a.pyc": "", "b/a.pyc": "", "b/keep.pyc": "", "build": "", "c/build/x": "", "c/x": "", "#x": "", "doc/x/y.md": "", "doc/y.md": "",
	}
	for _, test := range []struct {
		name   string
		file   string
		ignore []string
		gone   string
	}{
		{"nothing", "", nil, ""},
		{"at every level", "", []string{"*.pyc"}, "a.pyc b/a.pyc b/keep.pyc"},
		{"later ones win", "", []string{"*.pyc", "!keep.pyc"}, "a.pyc b/a.pyc"},
		{"later ones win, turned round", "", []string{"!keep.pyc", "*.pyc"}, "a.pyc b/a.pyc b/keep.pyc"},
		{"at the top", "", []string{"/*.pyc", "/build"}, "a.pyc build"},
		{"directories", "", []string{"build/"}, "c/build/x"},
		{"a name means both", "", []string{"build"}, "build c/build/x"},
		{"a path begins at the top", "", []string{"doc/*.md", "x/y.md"}, "doc/y.md"},
		{"any depth", "", []string{"doc/**/*.md"}, "doc/x/y.md doc/y.md"},
		{"a file of it, before the attribute", "# no pattern\r\n\r\n*.pyc  \r\n/build\r\n", []string{"!b/*.pyc"}, "a.pyc build"},
		{"a pattern and no comment", "\\#x\n", nil, "#x"},
		{"all but one", "*\n!a.py\n", nil, "#x a.pyc b/a.pyc b/keep.pyc build c/build/x c/x doc/x/y.md doc/y.md"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := fill(t, all)
			if test.file != "" {
				must(t, os.WriteFile(filepath.Join(dir, ignoreFile), []byte(test.file), 0o600))
			}
			left := map[string]bool{}
			for _, n := range read(t, dir, test.ignore...).nodes {
				left[n.Path] = true
			}
			gone := strings.Fields(test.gone)
			for _, name := range gone {
				if left[name] {
					t.Errorf("%s is not left out", name)
				}
			}
			if len(left) != len(all)-len(gone) {
				t.Errorf("what is left: %v", left)
			}
		})
	}
}

func TestReadDirectoryRefused(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range recipe.MaxTreeFiles + 1 {
		many[strings.Repeat("x", 1+i%100)+"/"+strings.Repeat("y", 1+i/100)] = ""
	}
	for _, test := range []struct {
		name    string
		files   map[string]string
		prepare func(dir string) error
		ignore  []string
		code    problem.Code
		field   string
		value   string
	}{
		{"empty", nil, nil, nil, problem.InvalidFile, "files[0].source", ""},
		{"nothing left", map[string]string{"a": ""}, nil, []string{"*"}, problem.InvalidFile, "files[0].source", ""},
		{"absolute link", map[string]string{"a": "-> /etc/passwd"}, nil, nil, problem.InvalidFile, "files[0].source", "a -> /etc/passwd"},
		{"link out", map[string]string{"b/a": "-> ../../x"}, nil, nil, problem.InvalidFile, "files[0].source", "b/a -> ../../x"},
		{"link out by a link", map[string]string{"d": "-> .", "a": "-> d/../../x"}, nil, nil, problem.InvalidFile, "files[0].source", "a -> d/../../x"},
		{"pipe", map[string]string{"a": ""}, func(dir string) error { return unix.Mkfifo(filepath.Join(dir, "p"), 0o600) }, nil, problem.InvalidFile, "files[0].source", "p"},
		{
			"socket",
			map[string]string{"a": ""},
			func(dir string) error {
				return unix.Mknod(filepath.Join(dir, "s"), unix.S_IFSOCK|0o600, 0)
			},
			nil, problem.InvalidFile, "files[0].source", "s",
		},
		{"no UTF-8", map[string]string{"a\xff": ""}, nil, nil, problem.InvalidFile, "files[0].source", "a\xff"},
		{"too many", many, nil, nil, problem.InvalidParameter, "files[0].source", ""},
		{
			"a large one",
			map[string]string{"a": ""},
			func(dir string) error { return os.Truncate(filepath.Join(dir, "a"), recipe.MaxFileSize+1) },
			nil, problem.FileTooLarge, "files[0].source", "",
		},
		{
			"too large together",
			map[string]string{"a": "", "b": "x"},
			func(dir string) error { return os.Truncate(filepath.Join(dir, "b"), recipe.MaxTreeSize+1) },
			nil, problem.FileTooLarge, "files[0].source", "2147483649 bytes",
		},
		{"a bad pattern", map[string]string{"a": ""}, nil, []string{"["}, problem.InvalidParameter, "files[0].ignore", "["},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := fill(t, test.files)
			if test.prepare != nil {
				must(t, test.prepare(dir))
			}
			_, err := readDirectory(t.Context(), 0, dir, test.ignore)
			found := problem.From(err)
			if len(found) != 1 || found[0].Code != test.code || found[0].Field != test.field || found[0].Limit == "" || found[0].Remedy == "" {
				t.Fatalf("got %v, want %s", err, test.code)
			}
			if test.value != "" && found[0].Value != test.value {
				t.Errorf("value = %q, want %q", found[0].Value, test.value)
			}
		})
	}
}
