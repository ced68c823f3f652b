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
}

// TestShown checks that a diagnostic has the path that Terraform finds in a configuration, and its text the whole one.
func TestShown(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"name": "name", "test.cu": "test", "packages[1].names[0]": "packages[1]", "files[0].source": "files[0]",
		"source.official.version": "source", `env["X"]`: `env["X"]`, "allow[12]": "allow[12]",
	} {
		var diags diag.Diagnostics
		diagnostic.AddError(&diags, "", problem.Problem{Code: problem.InvalidParameter, Field: field})
		diagnostic.AddWarning(&diags, "", problem.Problem{Code: problem.InvalidParameter, Field: field})
		for _, d := range diags {
			at, ok := d.(diag.DiagnosticWithPath)
			if !ok || at.Path().String() != want || d.Detail() != "Field: "+field {
				t.Errorf("%v, want the path %s and the field %s", d, want, field)
			}
		}
		if diags.ErrorsCount() != 1 || diags.WarningsCount() != 1 {
			t.Errorf("%d errors and %d warnings, want one each", diags.ErrorsCount(), diags.WarningsCount())
		}
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
