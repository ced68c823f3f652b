package acctest

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// span is a part of a file, as Terraform says it.
type span struct {
	Filename   string
	Start, End struct{ Line, Column int }
}

// checkPlace checks that Terraform shows a diagnostic at the value of the attribute, or of its element, or at the head of the block
// when the configuration has no such attribute. What lies deeper in a value is not shown by Terraform.
func (c *CLI) checkPlace(d diagnostic, field string) {
	c.tb.Helper()
	if field == "" {
		return
	}
	if d.Range == nil {
		c.tb.Errorf("%s at %s is shown nowhere", d.Summary, field)
		return
	}
	file, diags := hclparse.NewParser().ParseHCLFile(filepath.Join(c.Dir, d.Range.Filename))
	if diags.HasErrors() {
		c.tb.Fatal(diags)
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		c.tb.Fatalf("%s has no blocks", d.Range.Filename)
	}
	for _, block := range body.Blocks {
		if block.Range().Start.Line > d.Range.Start.Line || block.Body.Range().End.Line < d.Range.Start.Line {
			continue
		}
		if labels := strings.Join(block.Labels, "."); block.Type != "provider" && !strings.Contains(d.Address, labels) {
			c.tb.Errorf("%s is about %s, and is shown at %s", d.Summary, d.Address, labels)
		}
		want, shown := place(block, field), d.Range.Start
		if shown.Line != want.Start.Line || shown.Column < want.Start.Column || d.Range.End.Line > want.End.Line {
			c.tb.Errorf("%s at %s is shown at line %d, column %d, want line %d from column %d on",
				d.Summary, field, shown.Line, shown.Column, want.Start.Line, want.Start.Column)
		}
		return
	}
	c.tb.Errorf("%s at %s is shown at line %d, where no block is", d.Summary, field, d.Range.Start.Line)
}

// place is where a block has what a field begins with.
func place(block *hclsyntax.Block, field string) hcl.Range {
	name, rest := field, ""
	if end := strings.IndexAny(field, ".["); end >= 0 {
		name, rest = field[:end], field[end:]
	}
	attribute, ok := block.Body.Attributes[name]
	if !ok {
		return block.Body.MissingItemRange()
	}
	index, _, indexed := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	if !strings.HasPrefix(rest, "[") || !indexed {
		return attribute.Expr.Range()
	}
	if key, err := strconv.Unquote(index); err == nil {
		pairs, _ := hcl.ExprMap(attribute.Expr)
		for _, pair := range pairs {
			if value, diags := pair.Key.Value(nil); !diags.HasErrors() && value.AsString() == key {
				return pair.Value.Range()
			}
		}
	}
	elements, _ := hcl.ExprList(attribute.Expr) // none when the list is computed
	if n, err := strconv.Atoi(index); err == nil && n < len(elements) {
		return elements[n].Range()
	}
	return attribute.Expr.Range()
}
