package explanation_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/explanation"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

var updateGuide = flag.Bool("update-guide", false, "write the guide from the explanations")

// declared reads the codes that package problem declares.
func declared(t *testing.T) (codes []problem.Code) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../problem/code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != "Code" {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, problem.Code(text))
		}
		return true
	})
	return codes
}

// TestEntries checks that every code is explained, once, with an example that is one of it and says what to do.
func TestEntries(t *testing.T) {
	t.Parallel()
	codes := declared(t)
	if len(codes) < 80 {
		t.Fatalf("only %d codes are found", len(codes))
	}
	seen := map[problem.Code]bool{}
	for _, e := range explanation.Entries() {
		if seen[e.Code] || !slices.Contains(codes, e.Code) {
			t.Errorf("%s is explained twice, or is no code", e.Code)
		}
		seen[e.Code] = true
		if e.Example.Code != e.Code || e.Example.Remedy == "" {
			t.Errorf("the example of %s is %+v", e.Code, e.Example)
		}
		if len(e.Phases) == 0 || !strings.HasSuffix(e.Meaning, ".") {
			t.Errorf("%s does not say what it means, or where it is judged", e.Code)
		}
		for _, p := range e.Phases {
			if !slices.Contains(explanation.Phases, p) {
				t.Errorf("%s is judged %q", e.Code, p)
			}
		}
	}
	for _, c := range codes {
		if !seen[c] {
			t.Errorf("%s is not explained: add it to internal/domain/explanation", c)
		}
	}
}

// TestGuide keeps the guide equal to the explanations, and checks that it has every code.
func TestGuide(t *testing.T) {
	t.Parallel()
	const path = "../../../templates/guides/refusals.md"
	want := explanation.Guide()
	for _, c := range declared(t) {
		if strings.Count(want, "\n### `"+string(c)+"`\n") != 1 {
			t.Errorf("the guide has no chapter of %s, or several", c)
		}
	}
	if *updateGuide {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("the guide differs from the explanations; run make generate\n%s", diff)
	}
}
