package recipe_test

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/recipe"
)

func file(name, digit string) recipe.Node {
	return recipe.Node{Path: name, Mode: "0644", SHA256: sum(digit)}
}

func link(name, to string) recipe.Node { return recipe.Node{Path: name, Link: to} }

func withTree(nodes ...recipe.Node) recipe.Recipe {
	return recipe.Recipe{Files: []recipe.File{tree("/opt/x", nodes...)}}
}

// TestTreeHash checks what of a directory decides: paths, modes, contents and links do, the order in which they were found does not.
func TestTreeHash(t *testing.T) {
	t.Parallel()
	nodes := func() []recipe.Node { return []recipe.Node{file("a", "a"), file("b/c", "b"), link("d", "b/c")} }
	want := withTree(nodes()...).Hash()
	turned := nodes()
	slices.Reverse(turned)
	if got := withTree(turned...).Hash(); got != want {
		t.Errorf("another order: %s, want %s", got, want)
	}
	if r := withTree(turned...); r.Containerfile() != withTree(nodes()...).Containerfile() || r.Files[0].Tree[0].Path != "d" {
		t.Error("another order gives another Containerfile, or the argument was changed")
	}
	seen := map[string]string{want: "the original"}
	for name, change := range map[string]func([]recipe.Node) []recipe.Node{
		"a name":       func(n []recipe.Node) []recipe.Node { n[0].Path = "a2"; return n },
		"a mode":       func(n []recipe.Node) []recipe.Node { n[0].Mode = "0755"; return n },
		"a content":    func(n []recipe.Node) []recipe.Node { n[0].SHA256 = sum("c"); return n },
		"a link":       func(n []recipe.Node) []recipe.Node { n[2].Link = "a"; return n },
		"a file less":  func(n []recipe.Node) []recipe.Node { return n[1:] },
		"a file moved": func(n []recipe.Node) []recipe.Node { n[1].Path = "c"; n[2].Link = "c"; return n },
		"contents exchanged": func(n []recipe.Node) []recipe.Node {
			n[0].SHA256, n[1].SHA256 = n[1].SHA256, n[0].SHA256
			return n
		},
	} {
		r := withTree(change(nodes())...)
		if found := r.Validate(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
		if other, there := seen[r.Hash()]; there {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[r.Hash()] = name
	}
}

func TestContents(t *testing.T) {
	t.Parallel()
	r := recipe.Recipe{Files: []recipe.File{
		{Target: "/opt/a", Mode: "0644", SHA256: sum("b")}, tree("/opt/x", file("a", "a"), file("b", "b"), link("c", "a")),
	}}
	if diff := cmp.Diff([]string{sum("a"), sum("b")}, r.Contents()); diff != "" {
		t.Error(diff)
	}
}

func TestValidateTree(t *testing.T) {
	t.Parallel()
	many := make([]recipe.Node, recipe.MaxTreeFiles+1)
	for i := range many {
		many[i] = file(fmt.Sprint(i), "a")
	}
	for _, test := range []struct {
		name  string
		files []recipe.File
		want  []string
	}{
		{"OK", []recipe.File{tree("/opt/x", file("a", "a"), file("b/c d/é$*", "b"), link("l", "b/c d"), link("b/up", "../a"), link("self", "."))}, nil},
		{"as many as can be", []recipe.File{tree("/opt/x", many[1:]...)}, nil},
		{"too many", []recipe.File{tree("/opt/x", many[:1000]...), tree("/opt/y", many[1000:]...)}, []string{"InvalidParameter files"}},
		{"absolute", []recipe.File{tree("/opt/x", file("/a", "a"))}, []string{"InvalidFile files[0].source"}},
		{"outside", []recipe.File{tree("/opt/x", file("../a", "a"))}, []string{"InvalidFile files[0].source"}},
		{"not clean", []recipe.File{tree("/opt/x", file("a//b", "a"))}, []string{"InvalidFile files[0].source"}},
		{"itself", []recipe.File{tree("/opt/x", file(".", "a"))}, []string{"InvalidFile files[0].source"}},
		{"two lines", []recipe.File{tree("/opt/x", file("a\nRUN false", "a"))}, []string{"InvalidFile files[0].source"}},
		{"no text", []recipe.File{tree("/opt/x", file("a\xff", "a"))}, []string{"InvalidFile files[0].source"}},
		{"twice", []recipe.File{tree("/opt/x", file("a", "a"), file("a", "b"))}, []string{"InvalidFile files[0].source"}},
		{
			"where another file is",
			[]recipe.File{{Target: "/opt/x/a", Mode: "0644", SHA256: sum("a")}, tree("/opt/x", file("a", "a"))},
			[]string{"InvalidFile files[1].source"},
		},
		{
			"below another file",
			[]recipe.File{{Target: "/opt/x", Mode: "0644", SHA256: sum("a")}, {Target: "/opt/x/y/z", Mode: "0644", SHA256: sum("a")}},
			[]string{"InvalidFile files[1].target"},
		},
		{
			"below a file of a directory",
			[]recipe.File{tree("/opt", file("a", "a")), {Target: "/opt/a/b", Mode: "0644", SHA256: sum("a")}},
			[]string{"InvalidFile files[1].target"},
		},
		{"below a file", []recipe.File{tree("/opt/x", file("a", "a"), file("a/b", "a"))}, []string{"InvalidFile files[0].source"}},
		{"below a link", []recipe.File{tree("/opt/x", link("a", "b"), file("a/c/d", "a"))}, []string{"InvalidFile files[0].source"}},
		{"absolute link", []recipe.File{tree("/opt/x", link("a", "/etc/passwd"))}, []string{"InvalidFile files[0].source"}},
		{"link out", []recipe.File{tree("/opt/x", link("a/b", "../../c"))}, []string{"InvalidFile files[0].source"}},
		{"link out by a link", []recipe.File{tree("/opt/x", link("d", "."), link("a", "d/../../c"))}, []string{"InvalidFile files[0].source"}},
		{"link with a sum", []recipe.File{tree("/opt/x", recipe.Node{Path: "a", Link: "b", SHA256: sum("a")})}, []string{"InvalidFile files[0].source"}},
		{"no mode", []recipe.File{tree("/opt/x", recipe.Node{Path: "a", SHA256: sum("a")})}, []string{"InvalidFile files[0].source"}},
		{"set-uid", []recipe.File{tree("/opt/x", recipe.Node{Path: "a", Mode: "4755", SHA256: sum("a")})}, []string{"InvalidFile files[0].source"}},
		{"no sum", []recipe.File{tree("/opt/x", recipe.Node{Path: "a", Mode: "0644"})}, []string{"InvalidFile files[0].source"}},
		{"a sum of something else", []recipe.File{{Target: "/opt/x", SHA256: sum("a"), Tree: []recipe.Node{file("a", "a")}}}, []string{"InvalidFile files[0].sha256"}},
		{
			"a mode of its own",
			[]recipe.File{{Target: "/opt/x", Mode: "0644", SHA256: recipe.TreeSum([]recipe.Node{file("a", "a")}), Tree: []recipe.Node{file("a", "a")}}},
			[]string{"InvalidFile files[0].mode"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found := recipe.Recipe{Files: test.files}.Validate()
			if diff := cmp.Diff(test.want, codes(found)); diff != "" {
				t.Errorf("%s\n%v", diff, found)
			}
		})
	}
}

func TestCheckTreeSize(t *testing.T) {
	t.Parallel()
	if found := recipe.CheckTreeSize("files", recipe.MaxTreeSize); found != nil {
		t.Errorf("the largest is refused: %v", found)
	}
	if found := recipe.CheckTreeSize("files", recipe.MaxTreeSize+1); len(found) != 1 || found[0].Code != "FileTooLarge" || found[0].Limit != "2147483648 bytes" {
		t.Errorf("got %v", found)
	}
}

// TestPacked: a single file whose name the archive of a COPY cannot hold is all that is in a directory.
func TestPacked(t *testing.T) {
	t.Parallel()
	long := "/opt/" + strings.Repeat("x", 101)
	for target, dir := range map[string]string{"/opt/é": "/opt", long: "/opt", "/é": "/", long[:105]: "", "/opt/é/a": "/opt/é"} {
		f := recipe.File{Target: target, Mode: "0600", SHA256: sum("a")}
		want := f
		if dir != "" {
			want = tree(dir, recipe.Node{Path: path.Base(target), Mode: "0600", SHA256: sum("a")})
		}
		if diff := cmp.Diff(want, f.Packed()); diff != "" {
			t.Errorf("%s: %s", target, diff)
		}
		r := recipe.Recipe{Files: []recipe.File{f}}
		if text := r.Containerfile(); strings.Contains(text, "ADD [") != (dir != "") || strings.Contains(text, "//") {
			t.Errorf("%s: %s", target, text)
		}
	}
}

// FuzzTree checks that a directory that is admitted stays in its place, and in its Containerfile.
func FuzzTree(f *testing.F) {
	f.Add("a/b", "../c", "/opt/x")
	f.Add("d", ".", "/var")
	f.Add("a\nRUN false", "d/../../x", "/opt/\"")
	f.Fuzz(func(t *testing.T, name, to, target string) {
		nodes := []recipe.Node{file(name, "a"), link("z/link", to)}
		r := recipe.Recipe{Files: []recipe.File{{Target: target, SHA256: recipe.TreeSum(nodes), Tree: nodes}}}
		if len(r.Validate()) > 0 {
			return
		}
		if !filepath.IsLocal(name) || !filepath.IsLocal(path.Join("z", to)) || path.IsAbs(to) {
			t.Errorf("%q and %q leave the directory", name, to)
		}
		if lines := strings.Count(r.Containerfile(), "\n"); lines != 4 {
			t.Errorf("%d lines:\n%s", lines, r.Containerfile())
		}
	})
}
