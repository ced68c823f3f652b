package binding_test

import (
	"testing"

	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		id, image, workspace string
	}{
		{id: "segmenter/analytics", image: "segmenter", workspace: "analytics"},
		{id: "img-1/ws-2", image: "img-1", workspace: "ws-2"},
		{id: "img-1/analytics", image: "img-1", workspace: "analytics"},
		{id: ""},
		{id: "/"},
		{id: "segmenter"},
		{id: "segmenter/"},
		{id: "/analytics"},
		{id: "a/b/c"},
		{id: "a//b"},
	} {
		image, workspace, err := binding.ParseID(test.id)
		if image != test.image || workspace != test.workspace {
			t.Errorf("ParseID(%q) = %q, %q", test.id, image, workspace)
		}
		if want := test.image == ""; problem.Has(err, problem.InvalidImportID) != want {
			t.Errorf("ParseID(%q): %v", test.id, err)
		}
		if err == nil {
			if got := (binding.Binding{ImageID: image, WorkspaceID: workspace}).ID(); got != test.id {
				t.Errorf("ID() = %q, want %q", got, test.id)
			}
		}
	}
}
