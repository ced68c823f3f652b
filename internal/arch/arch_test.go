// Package arch holds the house rules that no compiler checks, as tests: who may import whom, what the binaries link,
// and how long a file and a function may be. It knows nothing of what the packages do.
//
// The test cache does not see what `go list` reads: run these tests with -count=1.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// services lists the packages of daemon/ that decide about one group of nouns each.
var services = []string{
	"./daemon/binding/...", "./daemon/build/...", "./daemon/catalogue/...", "./daemon/image/...",
	"./daemon/network/...", "./daemon/resourcegroup/...", "./daemon/system/...", "./daemon/upstream/...", "./daemon/workspace/...",
}

// confined lists what only one place may import, tests included.
var confined = []struct {
	name string
	what []string
	to   []string
}{
	{
		"Buildah and its libraries",
		[]string{"go.podman.io/...", "github.com/containers/..."},
		[]string{"./daemon/engine/..."},
	},
	{"SQLite", []string{"github.com/mattn/go-sqlite3/..."}, []string{"./daemon/sqlite/..."}},
	{
		"the registry",
		[]string{"github.com/distribution/distribution/..."},
		[]string{"./daemon/registry/...", "./daemon/engine"}, // the engine's tests push to one
	},
	{
		"generated types",
		[]string{"./internal/gen/..."},
		[]string{"./internal/api/...", "./internal/client/...", "./internal/gen/...", "./daemon/server/..."},
	},
	{"assertion libraries", []string{"github.com/stretchr/testify/..."}, nil},
	{"the daemon in process", []string{"./provider/acctest/..."}, []string{"./provider/..."}},
}

func TestConfined(t *testing.T) {
	t.Parallel()
	g := load(t)
	for _, rule := range confined {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			for _, path := range g.own("./...") {
				if matches(path, rule.to) {
					continue
				}
				for _, imported := range g[path].tested() {
					if matches(imported, rule.what) {
						t.Errorf("%s imports %s, which only %q may", path, imported, rule.to)
					}
				}
			}
		})
	}
}

// layers lists what production code may not import directly. Tests wire layers together, and are free.
var layers = []struct {
	name string
	from []string
	not  []string
	but  []string // neither from nor not apply to these
}{
	{"internal knows neither side", []string{"./internal/..."}, []string{".", "./provider/...", "./daemon/..."}, nil},
	{"the provider knows no daemon", []string{".", "./provider/..."}, []string{"./daemon/..."}, []string{"./provider/acctest/..."}},
	{"the daemon knows no provider", []string{"./daemon/..."}, []string{".", "./provider/..."}, nil},
	{"the store knows no service", []string{"./daemon/sqlite/..."}, services, nil},
	{"the engine knows no service", []string{"./daemon/engine/..."}, services, nil},
	{"the engine links no registry", []string{"./daemon/engine/..."}, []string{"github.com/distribution/distribution/..."}, nil},
	{"services know no technology", services, []string{
		"./daemon", "./daemon/server/...", "./daemon/sqlite/...", "./daemon/engine/...", "./daemon/registry/...", "./daemon/distribution/...",
	}, nil},
	{"the server knows no technology", []string{"./daemon/server/..."}, []string{
		"./daemon", "./daemon/sqlite/...", "./daemon/engine/...", "./daemon/distribution/...",
	}, nil},
}

func TestLayers(t *testing.T) {
	t.Parallel()
	g := load(t)
	for _, rule := range layers {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			for _, path := range g.own(rule.from...) {
				for _, imported := range g[path].Imports {
					if !matches(path, rule.but) && matches(imported, rule.not) && !matches(imported, rule.but) {
						t.Errorf("%s imports %s", path, imported)
					}
				}
			}
		})
	}
}

// TestServices checks that what one service needs of another is an interface that it declares itself.
func TestServices(t *testing.T) {
	t.Parallel()
	g := load(t)
	for _, service := range services {
		for _, path := range g.own(service) {
			for _, imported := range g[path].Imports {
				if matches(imported, services) && !matches(imported, []string{service}) {
					t.Errorf("%s imports another service, %s", path, imported)
				}
			}
		}
	}
}

// TestDoubles checks that packages named *test serve tests, or each other, only.
func TestDoubles(t *testing.T) {
	t.Parallel()
	g := load(t)
	double := func(path string) bool { return inModule(path) && strings.HasSuffix(path, "test") }
	for _, path := range g.own("./...") {
		for _, imported := range g[path].Imports {
			if double(imported) && !double(path) {
				t.Errorf("%s imports %s, which is for tests", path, imported)
			}
		}
	}
}

// pure lists the parsers that the rules may link: functions of their input only.
var pure = []string{"./internal/domain/...", "mvdan.cc/sh/v3/syntax/...", "mvdan.cc/sh/v3/fileutil"}

// impure lists the standard library's ways out: to files, the network, other processes, the clock's owner, and chance.
var impure = []string{
	"context", "crypto/rand", "database/sql/...", "embed/...", "io/ioutil", "log/...", "math/rand/...", "net", "net/http/...",
	"os/...", "plugin", "runtime/...", "syscall/...", "testing/...",
}

// clock lists what package time has that is not a plain value.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

func TestDomainIsPure(t *testing.T) {
	t.Parallel()
	g := load(t)
	for _, path := range g.own("./internal/domain/...") {
		for _, dep := range g[path].Deps {
			if !g[dep].Standard && !matches(dep, pure) {
				t.Errorf("%s links %s: rules are functions of the standard library and %q", path, dep, pure)
			}
		}
		for _, imported := range g[path].Imports {
			if matches(imported, impure) {
				t.Errorf("%s imports %s: what a rule depends on is an argument", path, imported)
			}
		}
		for _, name := range g[path].GoFiles {
			checkClock(t, filepath.Join(g[path].Dir, name))
		}
	}
}

func checkClock(t *testing.T, name string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if from, ok := selector.X.(*ast.Ident); ok && from.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
				t.Errorf("%s uses time.%s: the time is an argument", files.Position(node.Pos()), selector.Sel.Name)
			}
		}
		return true
	})
}

// binaries lists what the programs that run anywhere may not link.
var binaries = []struct {
	name string
	main string
	not  []string
}{
	{"provider", ".", []string{
		"./daemon/...", "go.podman.io/...", "github.com/containers/...", "github.com/mattn/go-sqlite3/...",
		"github.com/distribution/distribution/...",
	}},
	{"client", "./daemon/cmd/kiln", []string{
		"./daemon", "./daemon/engine/...", "./daemon/sqlite/...", "./daemon/server/...", "./provider/...",
		"go.podman.io/...", "github.com/containers/...", "github.com/mattn/go-sqlite3/...",
		"github.com/distribution/distribution/...",
	}},
}

func TestBinaries(t *testing.T) {
	t.Parallel()
	g := load(t)
	for _, binary := range binaries {
		t.Run(binary.name, func(t *testing.T) {
			t.Parallel()
			for _, path := range g.own(binary.main) {
				for _, dep := range g[path].Deps {
					if matches(dep, binary.not) {
						t.Errorf("%s links %s", path, dep)
					}
				}
			}
		})
	}
}

// TestProviderBuilds checks that the provider needs no C compiler on any platform that Terraform's users have.
func TestProviderBuilds(t *testing.T) {
	t.Parallel()
	if len(load(t).own(".")) == 0 {
		return
	}
	dir := t.TempDir()
	for _, goos := range []string{"linux", "darwin", "windows"} {
		gotool(t, []string{"CGO_ENABLED=0", "GOOS=" + goos}, "build", "-o", filepath.Join(dir, goos), module)
	}
}
