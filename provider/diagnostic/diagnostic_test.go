package diagnostic_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
)

func TestPath(t *testing.T) {
	t.Parallel()
	tests := map[string]path.Path{
		"name":                    path.Root("name"),
		"test.cu":                 path.Root("test").AtName("cu"),
		"packages[1].names[0]":    path.Root("packages").AtListIndex(1).AtName("names").AtListIndex(0),
		"source.official.version": path.Root("source").AtName("official").AtName("version"),
		`env["X"]`:                path.Root("env").AtMapKey("X"),
		`env["a\"]b"]`:            path.Root("env").AtMapKey(`a"]b`),
		"allow[12]":               path.Root("allow").AtListIndex(12),
		"sha256":                  path.Root("sha256"),
	}
	for field, want := range tests {
		got, ok := diagnostic.Path(field)
		if !ok || !got.Equal(want) {
			t.Errorf("Path(%q) = %s, %v; want %s", field, got, ok, want)
		}
	}
	for _, field := range []string{
		"", "[0]", ".name", "name.", "name..x", "a[", "a[]", "a[x]", "a[-1]", "a[1", `a["x]`, `a["x"`, "Name", "a b", "a[1]b", "99999999999[a]",
		"a[99999999999]",
	} {
		if got, ok := diagnostic.Path(field); ok {
			t.Errorf("Path(%q) = %s, want none", field, got)
		}
	}
}

func TestAddError(t *testing.T) {
	t.Parallel()
	unpinned := problem.Problem{
		Code: problem.UnpinnedPackage, Field: "packages[0].names[1]", Value: "jieba", Limit: "jieba==VERSION",
		Detail: "the version may change", Remedy: "Pin it.", Log: []string{"line 1", "line 2"},
	}
	var diags diag.Diagnostics
	diagnostic.AddError(&diags, "", fmt.Errorf("wrap: %w", problem.List{unpinned, {Code: problem.Internal}}))
	diagnostic.AddError(&diags, `create image "x"`, problem.Problem{Code: problem.TestFailed})
	diagnostic.AddError(&diags, `read image "x"`, errors.New("broken pipe"))
	diagnostic.AddError(&diags, "", nil)

	want := []string{
		"UnpinnedPackage|The version may change.\n\nField: packages[0].names[1]\nValue: jieba\nLimit: jieba==VERSION\n\nPin it.\n\n" +
			"The last lines of the log:\n    line 1\n    line 2",
		"Internal|",
		`Cannot create image "x": TestFailed|`,
		`Cannot read image "x"|broken pipe`,
	}
	var got []string
	for _, d := range diags {
		got = append(got, d.Summary()+"|"+d.Detail())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	at, ok := diags[0].(diag.DiagnosticWithPath)
	if !ok || at.Path().String() != "packages[0].names[1]" {
		t.Errorf("no path in %v", diags[0])
	}
}

func TestAddWarning(t *testing.T) {
	t.Parallel()
	var diags diag.Diagnostics
	diagnostic.AddWarning(&diags, "", problem.List{{Code: problem.UnpinnedPackage, Field: "name"}, {Code: problem.Conflict, Field: "?"}})
	if diags.HasError() || diags.WarningsCount() != 2 || !strings.HasPrefix(diags[1].Detail(), "Field: ?") {
		t.Errorf("diagnostics = %v", diags)
	}
}
