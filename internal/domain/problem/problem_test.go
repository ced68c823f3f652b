package problem_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		in   problem.Problem
		want string
	}{
		{"code only", problem.Problem{Code: problem.Internal}, "Internal"},
		{
			"everything",
			problem.Problem{
				Code: problem.InvalidCu, Field: "test.cu", Value: "0.3", Limit: "0.25 to 64", Remedy: "Choose another.", Detail: "not a step",
				Log: []string{"a line that is not part of the text"},
			},
			"InvalidCu: not a step; field: test.cu; value: 0.3; limit: 0.25 to 64. Choose another.",
		},
		{"no detail", problem.Problem{Code: problem.NotFound, Value: "x", Remedy: "Look again."}, "NotFound; value: x. Look again."},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.in.Error(); got != test.want {
				t.Errorf("Error() = %q, want %q", got, test.want)
			}
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	if err := (problem.List{}).Err(); err != nil {
		t.Errorf("an empty list is the error %v", err)
	}
	if err := problem.List(nil).Err(); err != nil {
		t.Errorf("no list is the error %v", err)
	}
	list := problem.List{{Code: problem.InvalidName, Field: "name"}, {Code: problem.InvalidCu, Field: "cu"}}
	if got, want := list.Err().Error(), "InvalidName; field: name\nInvalidCu; field: cu"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	one := problem.Problem{Code: problem.NotFound, Field: "id"}
	two := problem.List{one, {Code: problem.InvalidCu}}
	for _, test := range []struct {
		name string
		err  error
		want problem.List
	}{
		{"nil", nil, nil},
		{"another error", errors.New("disk on fire"), nil},
		{"problem", one, problem.List{one}},
		{"wrapped problem", fmt.Errorf("read image: %w", one), problem.List{one}},
		{"joined problem", errors.Join(one, errors.New("close")), problem.List{one}},
		{"list", two, two},
		{"wrapped list", fmt.Errorf("admit: %w", two), two},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, problem.From(test.err)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if !problem.Has(fmt.Errorf("x: %w", two), problem.InvalidCu) || problem.Has(two, problem.InvalidName) || problem.Has(nil, problem.NotFound) {
		t.Error("Has finds what is not there, or does not find what is")
	}
}

// TestShort checks that no text of a problem floods a terminal, whichever way it is shown, and that no character is torn.
func TestShort(t *testing.T) {
	t.Parallel()
	long := problem.Problem{
		Code: problem.InvalidEnv, Value: strings.Repeat("值", 50_000), Field: strings.Repeat("f", 50_000), Limit: strings.Repeat("l", 50_000),
		Remedy: strings.Repeat("r", 50_000), Detail: strings.Repeat("d", 50_000),
	}
	if text := long.Error(); len(text) > 16<<10 || !utf8.ValidString(text) || !strings.Contains(text, "值… (150000 bytes)") {
		t.Errorf("%d bytes: %.300s", len(text), text)
	}
	for _, err := range []error{long, problem.List{long, long}, fmt.Errorf("x: %w", long)} {
		for _, p := range problem.From(err) {
			if len(p.Value) > 300 || len(p.Field) > 300 || len(p.Limit)+len(p.Remedy)+len(p.Detail) > 13_000 {
				t.Errorf("%T is not short", err)
			}
		}
	}
	if long.Value != problem.List(problem.List{long})[0].Value || problem.From(problem.List{long})[0].Value == long.Value {
		t.Error("the list itself was changed, or nothing was")
	}
}

func TestKind(t *testing.T) {
	t.Parallel()
	for code, want := range map[problem.Code]problem.Kind{
		problem.InvalidName: problem.KindInvalid, problem.LogGone: problem.KindNotFound, problem.NameConflict: problem.KindConflict,
		problem.PlanStale: problem.KindPrecondition, problem.ImageQuotaExceeded: problem.KindExhausted, problem.Forbidden: problem.KindDenied,
		problem.DaemonUnavailable: problem.KindUnavailable, problem.Interrupted: problem.KindFailed, problem.Internal: problem.KindInternal,
		problem.Code("NeverHeardOf"): problem.KindInvalid,
	} {
		if got := (problem.Problem{Code: code}).Kind(); got != want {
			t.Errorf("kind of %s = %s, want %s", code, got, want)
		}
	}
}

// TestCodes checks that no two constants are one code, since users search for codes.
func TestCodes(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		if other, there := seen[text]; there {
			t.Errorf("%s and %s are both %q", other, spec.Names[0], text)
		}
		seen[text] = spec.Names[0].Name
		return true
	})
	if len(seen) < 50 {
		t.Errorf("found %d codes only", len(seen))
	}
}
