package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kilnhq/kiln"

// listed is what `go list -deps -json` says about a package.
type listed struct {
	ImportPath   string
	Dir          string
	Standard     bool
	GoFiles      []string
	Imports      []string // by production code
	TestImports  []string // by tests in the package
	XTestImports []string // by tests beside the package
	Deps         []string // all that production code links
}

// graph is the module's packages and everything they link, by import path. It depends on the host's platform.
type graph map[string]listed

// load lists the module with the build tags of GOFLAGS and e2e, so that the end-to-end tests are seen too.
func load(t *testing.T) graph {
	t.Helper()
	flags := gotool(t, nil, "env", "GOFLAGS")
	tags := []string{"e2e"}
	for flag := range strings.FieldsSeq(flags) {
		if value, ok := strings.CutPrefix(flag, "-tags="); ok {
			tags = append(tags, value)
		}
	}
	out := gotool(t, nil, "list", "-deps", "-tags="+strings.Join(tags, ","),
		"-json=ImportPath,Dir,Standard,GoFiles,Imports,TestImports,XTestImports,Deps", module+"/...")

	g := graph{}
	for decoder := json.NewDecoder(strings.NewReader(out)); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return g
		}
		if err != nil {
			t.Fatalf("decode the output of go list: %v", err)
		}
		g[p.ImportPath] = p
	}
}

// gotool returns what a go command prints to its standard output. The environment is added to the test's own.
func gotool(t *testing.T, env []string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Env = append(command.Environ(), env...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("run %s: %v\n%s", command, err, stderr.String())
	}
	return string(out)
}

// own returns the import paths of the module's packages that match, sorted.
func (g graph) own(patterns ...string) []string {
	var paths []string
	for path := range g {
		if inModule(path) && matches(path, patterns) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// tested returns what a package's production code and its tests import directly.
func (p listed) tested() []string {
	return slices.Concat(p.Imports, p.TestImports, p.XTestImports)
}

func inModule(path string) bool { return matches(path, []string{"./..."}) }

// matches reports whether an import path matches one of the patterns. A pattern that begins with "." is relative to
// the module; one that ends in "/..." matches the package and everything below it; "*" stands for one path element.
func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if rest, ok := strings.CutPrefix(pattern, "."); ok {
			pattern = module + rest
		}
		pattern, below := strings.CutSuffix(pattern, "/...")
		want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
		if len(got) < len(want) || len(got) > len(want) && !below {
			return false
		}
		for n, element := range want {
			if element != "*" && element != got[n] {
				return false
			}
		}
		return true
	})
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, pattern string
		want          bool
	}{
		{module, ".", true},
		{module, "./...", true},
		{module + "/daemon", "./daemon", true},
		{module + "/daemon/image", "./daemon", false},
		{module + "/daemon/image", "./daemon/...", true},
		{module + "/daemon", "./daemon/...", true},
		{module + "/daemonic", "./daemon/...", false},
		{module + "/daemon/image", "./daemon/*", true},
		{module + "/daemon", "./daemon/*", false},
		{"go.podman.io/image/v5/docker", "go.podman.io/...", true},
		{"go.podman.io/image/v5/docker", "go.podman.io/image", false},
	} {
		t.Run(fmt.Sprintf("%s in %s", test.path, test.pattern), func(t *testing.T) {
			t.Parallel()
			if got := matches(test.path, []string{test.pattern}); got != test.want {
				t.Errorf("matches = %v, want %v", got, test.want)
			}
		})
	}
}
