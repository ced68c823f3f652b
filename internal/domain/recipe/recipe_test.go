package recipe_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pin"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

func codes(list problem.List) (codes []string) {
	for _, p := range list {
		codes = append(codes, fmt.Sprintf("%s %s", p.Code, p.Field))
	}
	return codes
}

// sample is a recipe of its own for each caller, with a bit of everything.
func sample() recipe.Recipe {
	return recipe.Recipe{
		Base: recipe.Base{Official: "dataworks_pyodps_task_pod", Version: "20261101"},
		Packages: []pkgmanager.Entry{
			{Type: pkgmanager.Python3, Names: []string{"jieba==0.42.1", "six==1.16.0"}},
			{Type: pkgmanager.Apt, Names: []string{"curl=7.88.1"}},
			script("true\n"),
		},
		Files: []recipe.File{{Target: "/opt/a", Mode: "0644", SHA256: sum("a")}, {Target: "/opt/b", Mode: "0755", SHA256: sum("b")}},
		Env:   map[string]string{"A": "1", "B": "2"},
	}
}

// TestHash holds the hashes themselves: a change of them would build every image anew.
func TestHash(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(recipes)) {
		fmt.Fprintf(&lines, "%s %s\n", recipes[name].Hash(), name)
	}
	golden(t, "testdata/hashes", lines.String())
}

func TestHashSame(t *testing.T) {
	t.Parallel()
	want := sample().Hash()
	for name, change := range map[string]func(*recipe.Recipe){
		"nothing": func(*recipe.Recipe) {},
		"the order in which the environment is written": func(r *recipe.Recipe) { r.Env = map[string]string{"B": "2", "A": "1"} },
		"the platform spelled out":                      func(r *recipe.Recipe) { r.Platform = recipe.Platform },
		"spaces around a name":                          func(r *recipe.Recipe) { r.Packages[0].Names[0] = " jieba==0.42.1 " },
		"a name twice":                                  func(r *recipe.Recipe) { r.Packages[0].Names = append(r.Packages[0].Names, "jieba==0.42.1") },
		"Windows line ends":                             func(r *recipe.Recipe) { r.Packages[2].Script = "true\r\n" },
		"no last line feed":                             func(r *recipe.Recipe) { r.Packages[2].Script = "true" },
		"empty lists in place of none":                  func(r *recipe.Recipe) { r.Packages[2].Names = []string{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sample()
			change(&r)
			if got := r.Hash(); got != want {
				t.Errorf("hash = %s, want %s", got, want)
			}
			if got := r.Normalize().Hash(); got != want {
				t.Errorf("hash of the normalized recipe = %s, want %s", got, want)
			}
		})
	}
}

func TestHashDiffers(t *testing.T) {
	t.Parallel()
	seen := map[string]string{sample().Hash(): "the original"}
	for name, change := range map[string]func(*recipe.Recipe){
		"base":                  func(r *recipe.Recipe) { r.Base.Official = "dataworks_shell_task_pod" },
		"version of the base":   func(r *recipe.Recipe) { r.Base.Version = "20260101" },
		"order of entries":      func(r *recipe.Recipe) { r.Packages[0], r.Packages[1] = r.Packages[1], r.Packages[0] },
		"order of names":        func(r *recipe.Recipe) { slices.Reverse(r.Packages[0].Names) },
		"version of a package":  func(r *recipe.Recipe) { r.Packages[0].Names[0] = "jieba==0.42" },
		"a package less":        func(r *recipe.Recipe) { r.Packages[0].Names = r.Packages[0].Names[:1] },
		"index":                 func(r *recipe.Recipe) { r.Packages[0].Index = "https://mirror.internal/simple/" },
		"script":                func(r *recipe.Recipe) { r.Packages[2].Script = "true " },
		"file's target":         func(r *recipe.Recipe) { r.Files[0].Target = "/opt/c" },
		"file's mode":           func(r *recipe.Recipe) { r.Files[0].Mode = "0600" },
		"file's content":        func(r *recipe.Recipe) { r.Files[0].SHA256 = sum("c") },
		"order of files":        func(r *recipe.Recipe) { slices.Reverse(r.Files) },
		"contents exchanged":    func(r *recipe.Recipe) { r.Files[0].SHA256, r.Files[1].SHA256 = r.Files[1].SHA256, r.Files[0].SHA256 },
		"value of a variable":   func(r *recipe.Recipe) { r.Env["A"] = "2" },
		"a variable more":       func(r *recipe.Recipe) { r.Env["C"] = "" },
		"a variable less":       func(r *recipe.Recipe) { delete(r.Env, "A") },
		"another platform":      func(r *recipe.Recipe) { r.Platform = "linux/arm64" },
		"a name split into two": func(r *recipe.Recipe) { r.Packages[0].Names = []string{"jieba==0.42.1 six==1.16.0"} },
	} {
		r := sample()
		change(&r)
		hash := r.Hash()
		if other, there := seen[hash]; there {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[hash] = name
	}
}

// TestHashStored checks that a recipe is the same one when it comes back from the store.
func TestHashStored(t *testing.T) {
	t.Parallel()
	for name, r := range recipes {
		text, err := json.Marshal(r.Normalize())
		if err != nil {
			t.Fatal(err)
		}
		var back recipe.Recipe
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if back.Hash() != r.Hash() || back.Containerfile() != r.Containerfile() {
			t.Errorf("%s is another recipe when it comes back", name)
		}
	}
}

// TestNormalizeCopies checks that normalizing leaves its argument alone.
func TestNormalizeCopies(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Packages[0].Names[0] = " jieba==0.42.1"
	_, _, _ = r.Normalize(), r.Hash(), r.Containerfile()
	if r.Packages[0].Names[0] != " jieba==0.42.1" || r.Packages[2].Script != "true\n" || r.Platform != "" {
		t.Errorf("the argument was changed: %+v", r)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"bare": 1, "env": 0, "directory": 0, "scripts": 0} {
		if found := recipes[name].Plain(); len(found) != want {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	file := func(target string) recipe.File { return recipe.File{Target: target, Mode: "0644", SHA256: sum("a")} }
	for _, test := range []struct {
		name   string
		change func(*recipe.Recipe)
		want   []string
	}{
		{"OK", func(*recipe.Recipe) {}, nil},
		{"nothing at all", func(r *recipe.Recipe) { *r = recipe.Recipe{} }, nil},
		{"most entries", func(r *recipe.Recipe) { r.Packages = slices.Repeat(r.Packages[:1], recipe.MaxPackages) }, nil},
		{"too many entries", func(r *recipe.Recipe) { r.Packages = slices.Repeat(r.Packages[:1], recipe.MaxPackages+1) }, []string{"InvalidParameter packages"}},
		{"too many files", func(r *recipe.Recipe) {
			r.Files = nil
			for n := range recipe.MaxFiles + 1 {
				r.Files = append(r.Files, file(fmt.Sprintf("/opt/%d", n)))
			}
		}, []string{"InvalidParameter files"}},
		{"too many variables", func(r *recipe.Recipe) {
			for n := range recipe.MaxEnv {
				r.Env[fmt.Sprintf("V%d", n)] = ""
			}
		}, []string{"InvalidParameter env"}},
		{"a large variable", func(r *recipe.Recipe) { r.Env["LARGE"] = strings.Repeat("x", recipe.MaxVariable) }, []string{`InvalidEnv env["LARGE"]`}},
		{"the largest variable", func(r *recipe.Recipe) { r.Env["LARGE"] = strings.Repeat("x", recipe.MaxVariable-5) }, nil},
		{"the same target twice", func(r *recipe.Recipe) { r.Files[1].Target = r.Files[0].Target }, []string{"InvalidFile files[1].target"}},
		{"no mode", func(r *recipe.Recipe) { r.Files[0].Mode = "" }, []string{"InvalidFile files[0].mode"}},
		{"three digits", func(r *recipe.Recipe) { r.Files[0].Mode = "644" }, []string{"InvalidFile files[0].mode"}},
		{"setuid", func(r *recipe.Recipe) { r.Files[0].Mode = "4755" }, []string{"InvalidFile files[0].mode"}},
		{"no octal digit", func(r *recipe.Recipe) { r.Files[0].Mode = "0688" }, []string{"InvalidFile files[0].mode"}},
		{"symbolic", func(r *recipe.Recipe) { r.Files[0].Mode = "u+x" }, []string{"InvalidFile files[0].mode"}},
		{"no sum", func(r *recipe.Recipe) { r.Files[0].SHA256 = "" }, []string{"InvalidFile files[0].sha256"}},
		{"upper-case sum", func(r *recipe.Recipe) { r.Files[0].SHA256 = sum("A") }, []string{"InvalidFile files[0].sha256"}},
		{"sum with its kind", func(r *recipe.Recipe) { r.Files[0].SHA256 = "sha256:" + sum("a") }, []string{"InvalidFile files[0].sha256"}},
		{
			"each field of a file", func(r *recipe.Recipe) { r.Files[1] = recipe.File{} },
			[]string{"InvalidFile files[1].target", "InvalidFile files[1].mode", "InvalidFile files[1].sha256"},
		},
		{
			"the user's own numbers", func(r *recipe.Recipe) {
				r.Packages[0].Names = []string{"jieba==0.42.1", "jieba==0.42.1", "a b"}
				r.Packages[2].Script = "\r\n"
			}, []string{"InvalidRequirement packages[0].names[2]", "EmptyScript packages[2].script"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := sample()
			test.change(&r)
			if diff := cmp.Diff(test.want, codes(r.Validate())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for target, ok := range map[string]bool{
		"/opt/dict.txt": true, "/a": true, "/opt/用户 词典.txt": true, "/opt/a;b": true, "/opt/#a": true, "/opt/<<EOF": true, "/device/x": true,
		"/" + strings.Repeat("a/", 2000) + "a": true, strings.Repeat("/a", 500_000): false, "/" + strings.Repeat("a", 4095): false,
		"/opt/...": true, "/opt/a,b]": true, "/opt/-x": true,
		"": false, "/": false, "opt/x": false, "./x": false, "~/x": false, "/opt/": false, "/opt//x": false, "/opt/./x": false, "/opt/../etc/passwd": false,
		"/opt/*.txt": false, "/opt/a?": false, "/opt/[ab]": false, "/opt/$HOME": false, "/opt/it's": false, `/opt/"a"`: false, `/opt/a\b`: false,
		"/opt/a\nb": false, "/opt/a\rb": false, "/opt/a\x00": false, "/dev/null": false, "/proc/x": false, "/sys/x": false, "/run/x": false, "/dev": false,
		`C:\x`: false, "${path}/x": false, pkgmanager.ToolDir: false, pkgmanager.ToolDir + "/cmd-0.sh": false, pkgmanager.ToolDir + "2/x": true,
	} {
		r := recipe.Recipe{Files: []recipe.File{{Target: target, Mode: "0644", SHA256: sum("a")}}}
		want := []string{"InvalidFile files[0].target"}
		if ok {
			want = nil
		}
		if diff := cmp.Diff(want, codes(r.Validate())); diff != "" {
			t.Errorf("%q: %s", target, diff)
		}
	}
}

func TestValidateEnv(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"LANG": "C.UTF-8", "_x1": "", "PATH": "/opt/bin:$PATH", "": "x", "1A": "x", "A-B": "x", "A B": "x", "A=B": "x", "分": "x",
		"L-S": "a\nb", "LINES": "a\nb", "RETURN": "a\r", "NUL": "a\x00", "A\n": "x",
	}
	want := []string{
		`InvalidEnv env[""]`, `InvalidEnv env["1A"]`, `InvalidEnv env["A\n"]`, `InvalidEnv env["A B"]`, `InvalidEnv env["A-B"]`,
		`InvalidEnv env["A=B"]`, `InvalidEnv env["L-S"]`, `InvalidEnv env["L-S"]`, `InvalidEnv env["LINES"]`, `InvalidEnv env["NUL"]`, `InvalidEnv env["RETURN"]`, `InvalidEnv env["分"]`,
	}
	got := codes(recipe.ValidateEnv("env", env))
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(got))); diff != "" {
		t.Error(diff)
	}
	if again := codes(recipe.ValidateEnv("env", env)); !slices.Equal(got, again) {
		t.Errorf("the order changes from %v to %v", got, again)
	}
}

func TestUnpinned(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Packages[0].Names = []string{"six==1.16.0", "six==1.16.0", "pandas", "numpy==1.*"}
	r.Packages[1].Names = []string{"curl"}
	want := []string{
		"UnpinnedPackage packages[0].names[2]", "UnpinnedPackage packages[0].names[3]", "UnpinnedPackage packages[1].names[0]",
	}
	if diff := cmp.Diff(want, codes(r.Unpinned(nil))); diff != "" {
		t.Error(diff)
	}
	if found := sample().Unpinned(nil); found != nil {
		t.Errorf("found %v where everything is pinned", found)
	}
}

func TestAgainst(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		provides []string
		want     []string
	}{
		{[]string{"apt", "python3"}, nil},
		{[]string{"apt"}, []string{"RuntimeMissing packages[0].type"}},
		{[]string{"python3"}, []string{"PackageManagerMissing packages[1].type"}},
		{nil, []string{"RuntimeMissing packages[0].type", "PackageManagerMissing packages[1].type"}},
	} {
		found := sample().Against(official.Image{Name: "base", Provides: test.provides})
		if diff := cmp.Diff(test.want, codes(found)); diff != "" {
			t.Errorf("%v: %s", test.provides, diff)
		}
	}
}

// TestUnpinnedKnown checks that a finding suggests what was resolved last.
func TestUnpinnedKnown(t *testing.T) {
	t.Parallel()
	r := recipe.Recipe{Packages: []pkgmanager.Entry{
		{Type: pkgmanager.Python3, Names: []string{"requests[socks]", "other"}},
		{Type: pkgmanager.Apt, Names: []string{"git"}},
		script("pip3 install pandas"),
	}}
	found := r.Unpinned(func(manager pin.Manager, name string) string {
		return map[string]string{"pip requests": "2.31.0", "apt git": "1:2.39", "pip pandas": "1.5.3"}[string(manager)+" "+name]
	})
	var got []string
	for _, p := range found {
		got = append(got, p.Limit)
	}
	if diff := cmp.Diff([]string{"requests[socks]==2.31.0", "other==VERSION", "git=1:2.39", "pandas==1.5.3"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRemedies checks that what a refusal says is about what is wrong.
func TestRemedies(t *testing.T) {
	t.Parallel()
	r := recipe.Recipe{
		Files: []recipe.File{{Target: "/opt/x", Mode: "999", SHA256: sum("a")}},
		Env:   map[string]string{"A-B": "x", "LINES": "secret\nvalue"},
	}
	var got []string
	for _, p := range r.Validate() {
		got = append(got, p.Value+": "+p.Remedy)
	}
	want := []string{
		"999: Write four octal digits, for example 0644.", "A-B: Rename the variable.",
		`'\n' at byte 7 of the value: Make it one line, or put the value into a file.`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
