package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/kilnhq/kiln/internal/domain/explanation"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// unaware lists packages that hand problems on, or show them: they raise none.
var unaware = []string{"internal/domain/problem", "internal/domain/explanation", "internal/api", "internal/arch", "daemon/storetest"}

// mentioning lists packages whose business all codes are.
var mentioning = []string{"internal/domain/problem", "internal/domain/explanation", "internal/arch"}

// without lists what a problem cannot say.
var without = map[problem.Code][]string{
	problem.MissingRequired:  {"Value"}, // nothing was given
	problem.ExactlyOneSource: {"Value"},
	problem.EmptyTaskTypes:   {"Value"},
	problem.EmptyScript:      {"Value"},
	problem.IncompatibleAPI:  {"Field"}, // no attribute is to blame
	problem.ChangedElsewhere: {"Field"}, // the limit lists all that are
}

// raised is what the tree says about a code.
type raised struct {
	code   problem.Code
	by     []string // where production code names it, but for those who only ask for it
	tested []string // which tests name it
}

// TestProblems checks every code: it is raised, explained, and named by a test; by one of the provider's when plans judge it.
func TestProblems(t *testing.T) {
	t.Parallel()
	codes := constants(t)
	sources(t, func(name string, content []byte) {
		if dir := filepath.Dir(name); slices.ContainsFunc(mentioning, func(of string) bool { return strings.HasSuffix(dir, of) }) {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		test := strings.HasSuffix(name, "_test.go")
		found := &mentions{constants: map[string]bool{}, words: map[string]bool{}, asks: test}
		ast.Walk(found, file)
		for constant, r := range codes {
			switch {
			case test && (found.constants[constant] || found.words[string(r.code)]):
				r.tested = append(r.tested, name)
			case !test && found.constants[constant]:
				r.by = append(r.by, name)
			}
		}
	})
	if len(codes) < 80 {
		t.Fatalf("only %d codes are found", len(codes))
	}
	explained := explanation.Entries()
	for constant, r := range codes {
		planned := slices.ContainsFunc(explained, func(e explanation.Entry) bool {
			return e.Code == r.code && slices.Contains(e.Phases, explanation.PhasePlan)
		})
		if planned && !slices.ContainsFunc(r.tested, func(name string) bool { return strings.Contains(name, "/provider/") }) {
			t.Errorf("problem.%s is judged in the plan, and is in no acceptance test", constant)
		}
		if len(r.by) == 0 {
			t.Errorf("problem.%s is raised nowhere", constant)
		}
		if len(r.tested) == 0 {
			t.Errorf("problem.%s is in no test", constant)
		}
		if !slices.ContainsFunc(explained, func(e explanation.Entry) bool { return e.Code == r.code }) {
			t.Errorf("problem.%s is not explained", constant)
		}
	}
}

// constants gives the codes by the names of their constants.
func constants(t *testing.T) map[string]*raised {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../domain/problem/code.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]*raised{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		of, isCode := spec.Type.(*ast.Ident)
		literal, isText := spec.Values[0].(*ast.BasicLit)
		if !isCode || of.Name != "Code" || !isText {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		codes[spec.Names[0].Name] = &raised{code: problem.Code(text)}
		return true
	})
	return codes
}

// mentions collects the constants of codes that a file names, and the words of its texts.
type mentions struct {
	constants, words map[string]bool
	asks             bool // those who only ask for a code count, too
}

// Visit goes on into what a node has.
func (m *mentions) Visit(node ast.Node) ast.Visitor {
	switch n := node.(type) {
	case *ast.CallExpr:
		if called, ok := n.Fun.(*ast.SelectorExpr); ok && called.Sel.Name == "Has" && !m.asks {
			return nil
		}
	case *ast.CaseClause:
		if !m.asks {
			for _, statement := range n.Body {
				ast.Walk(m, statement)
			}
			return nil
		}
	case *ast.BinaryExpr:
		if (n.Op == token.EQL || n.Op == token.NEQ) && !m.asks {
			return nil
		}
	case *ast.SelectorExpr:
		if from, ok := n.X.(*ast.Ident); ok && from.Name == "problem" {
			m.constants[n.Sel.Name] = true
		}
	case *ast.BasicLit:
		if n.Kind == token.STRING {
			for _, word := range strings.FieldsFunc(n.Value, func(r rune) bool { return !unicode.IsLetter(r) }) {
				m.words[word] = true
			}
		}
	}
	return m
}

// TestProblemsSayAll checks that a refusal says what is wrong, where, what is allowed, and what to do; and that whatever fails says
// what to do.
func TestProblemsSayAll(t *testing.T) {
	t.Parallel()
	codes := constants(t)
	literals := 0
	sources(t, func(name string, content []byte) {
		if strings.HasSuffix(name, "_test.go") || slices.ContainsFunc(unaware, func(dir string) bool { return strings.HasSuffix(filepath.Dir(name), dir) }) {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			later := assigned(declaration)
			ast.Inspect(declaration, func(node ast.Node) bool {
				literal, ok := node.(*ast.CompositeLit)
				if !ok {
					return true
				}
				code, set := says(literal)
				if code == "" {
					return true
				}
				literals++
				for _, part := range wanted(codes, code) {
					if !slices.Contains(set, part) && !slices.Contains(later, part) {
						t.Errorf("%s: %s without a %s", files.Position(literal.Pos()), code, part)
					}
				}
				return true
			})
		}
	})
	if literals < 100 {
		t.Errorf("only %d problems are found", literals)
	}
}

// says gives the constant of a problem's code, or "code" for a variable, and the parts that are set; nothing for what is no problem.
func says(literal *ast.CompositeLit) (code string, set []string) {
	if literal.Type != nil {
		of, ok := literal.Type.(*ast.SelectorExpr)
		if !ok || of.Sel.Name != "Problem" {
			return "", nil
		}
		if from, ok := of.X.(*ast.Ident); !ok || from.Name != "problem" {
			return "", nil
		}
	}
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return "", nil
		}
		key, ok := pair.Key.(*ast.Ident)
		if !ok {
			return "", nil
		}
		set = append(set, key.Name)
		if key.Name != "Code" {
			continue
		}
		code = "code"
		if constant, ok := pair.Value.(*ast.SelectorExpr); ok {
			if from, ok := constant.X.(*ast.Ident); ok && from.Name == "problem" {
				code = constant.Sel.Name
			}
		}
	}
	return code, set
}

// assigned lists the fields that a declaration sets after it has made something: p.Limit = "…".
func assigned(declaration ast.Decl) (names []string) {
	ast.Inspect(declaration, func(node ast.Node) bool {
		if assignment, ok := node.(*ast.AssignStmt); ok {
			for _, to := range assignment.Lhs {
				if field, ok := to.(*ast.SelectorExpr); ok {
					names = append(names, field.Sel.Name)
				}
			}
		}
		return true
	})
	return names
}

// wanted lists what a problem of a code has to say. What fails without anybody's configuration being wrong needs a remedy alone; a
// variable may be either.
func wanted(codes map[string]*raised, constant string) []string {
	r, ok := codes[constant]
	if !ok {
		return []string{"Remedy"}
	}
	switch r.code.Kind() {
	case problem.KindFailed, problem.KindUnavailable, problem.KindInternal, problem.KindDenied:
		return []string{"Remedy"}
	default:
		return slices.DeleteFunc([]string{"Field", "Value", "Limit", "Remedy"}, func(part string) bool {
			return slices.Contains(without[r.code], part)
		})
	}
}
