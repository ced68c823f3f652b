package binding_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// FuzzParseID checks that an id names one image and one workspace, and comes back when it is written again; and that whatever two
// names without a slash make together is an id.
func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"segmenter/analytics", "img-1/ws-2", "segmenter", "/", "a/b/c", "a/", "//", "a b/c", "圖/像"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		image, workspace, err := binding.ParseID(id)
		one := strings.Count(id, "/") == 1 && !strings.HasPrefix(id, "/") && !strings.HasSuffix(id, "/")
		switch {
		case one != (err == nil):
			t.Errorf("ParseID(%q) = %v", id, err)
		case err != nil:
			if p := problem.From(err); len(p) != 1 || p[0].Code != problem.InvalidImportID || p[0].Field != "id" || p[0].Limit == "" || p[0].Remedy == "" {
				t.Errorf("ParseID(%q) = %v", id, err)
			}
		case (binding.Binding{ImageID: image, WorkspaceID: workspace}).ID() != id:
			t.Errorf("ParseID(%q) = %q, %q", id, image, workspace)
		}
	})
}
