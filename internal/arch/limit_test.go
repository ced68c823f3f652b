package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The limits of a file, a function and an interface. Beyond them, something wants a name of its own.
const (
	maxFile         = 400
	maxResourceFile = 500 // a file with a schema, which is data
	maxTestFile     = 800
	maxFunction     = 60
	maxSchema       = 200 // the method Schema: one long literal, which reads best in one piece
	maxMethods      = 8
	maxParameters   = 4 // a context and a testing.TB not counted
)

// unchecked lists directories whose Go files are generated, are data, or are not the project's.
var unchecked = []string{"bin", "gen", "testdata"}

// sources calls visit for each Go file of the module that people write.
func sources(t *testing.T, visit func(name string, content []byte)) {
	t.Helper()
	root := strings.TrimSpace(gotool(t, nil, "list", "-m", "-f", "{{.Dir}}"))
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && (strings.HasPrefix(entry.Name(), ".") || slices.Contains(unchecked, entry.Name())) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		content, err := os.ReadFile(name)
		if err == nil {
			visit(name, content)
		}
		return err
	})
	if err != nil {
		t.Fatalf("walk the module: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	sources(t, func(name string, content []byte) {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("parse: %v", err)
			return
		}
		c := checker{t, files, strings.HasSuffix(name, "_test.go")}
		c.file(file, bytes.Count(content, []byte("\n")))
	})
}

// checker measures one file.
type checker struct {
	t     *testing.T
	files *token.FileSet
	test  bool
}

func (c checker) file(file *ast.File, lines int) {
	limit := maxFile
	if c.test {
		limit = maxTestFile
	}
	for _, declaration := range file.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			if isSchema(function) && !c.test {
				limit = maxResourceFile
			}
			c.function(function)
		}
	}
	c.limit(file, "a file's lines", lines, limit)
	ast.Inspect(file, func(node ast.Node) bool {
		if i, ok := node.(*ast.InterfaceType); ok {
			c.limit(i, "an interface's methods", i.Methods.NumFields(), maxMethods)
		}
		return true
	})
}

// function leaves tests alone: a table is as long as its cases, and a helper takes what a case has.
func (c checker) function(function *ast.FuncDecl) {
	if c.test {
		return
	}
	limit := maxFunction
	if isSchema(function) {
		limit = maxSchema
	}
	first, last := c.files.Position(function.Pos()).Line, c.files.Position(function.End()).Line
	c.limit(function, "lines of "+function.Name.Name, last-first+1, limit)

	parameters := 0
	for _, field := range function.Type.Params.List {
		if !implied(field.Type) {
			parameters += max(1, len(field.Names))
		}
	}
	c.limit(function, "parameters of "+function.Name.Name, parameters, maxParameters)
}

func (c checker) limit(node ast.Node, what string, got, limit int) {
	c.t.Helper()
	if got > limit {
		c.t.Errorf("%s: %s: %d, at most %d", c.files.Position(node.Pos()), what, got, limit)
	}
}

func isSchema(function *ast.FuncDecl) bool {
	return function.Recv != nil && function.Name.Name == "Schema"
}

// implied reports whether a parameter is one that nearly every function has.
func implied(expression ast.Expr) bool {
	if pointer, ok := expression.(*ast.StarExpr); ok {
		expression = pointer.X
	}
	selector, ok := expression.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	from, ok := selector.X.(*ast.Ident)
	return ok && (from.Name == "context" || from.Name == "testing")
}
