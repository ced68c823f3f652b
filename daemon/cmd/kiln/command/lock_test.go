package command

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	domainimage "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

func TestLock(t *testing.T) {
	t.Parallel()
	f := &fake{images: []domainimage.Image{{
		ID: "img-1", Spec: domainimage.Spec{Name: "segmenter", Recipe: recipe.Recipe{Packages: []pkgmanager.Entry{
			{Type: pkgmanager.Python3, Names: []string{"jieba"}, Index: "https://i/simple"},
		}}},
		Packages: []official.Package{
			{Manager: "apt", Name: "bash", Version: "5.2", Base: "5.2", Digest: "0123456789abcdef"},
			{Manager: "apt", Name: "curl", Version: "7.88"},
			{Manager: "apt", Name: "gone", Base: "1"},
			{Manager: "pip", Interpreter: "/usr/bin/python3.11", Name: "jieba", Version: "0.42.1", Digest: "d"},
			{Manager: "pip", Interpreter: "/usr/bin/python3.11", Name: "debs", Version: "3"},
			{Manager: "pip", Interpreter: "/opt/tool/bin/python3.11", Name: "other", Version: "1"},
		},
	}}}
	got := f.kiln(t.Context(), t, "lock", "segmenter", "-o", "hcl")
	const want = "packages = [\n  { type = \"apt\", names = [\"curl=7.88\"] },\n" +
		"  { type = \"python3\", names = [\"jieba==0.42.1\"], index = \"https://i/simple\" },\n]\n"
	if diff := cmp.Diff(want, got.stdout); diff != "" || got.code != 0 {
		t.Errorf("%d: %s", got.code, diff)
	}
	got = f.kiln(t.Context(), t, "lock", "img-1")
	if !strings.Contains(got.stdout, "0123456789ab\n") || strings.Count(got.stdout, "\n") != 7 || !strings.HasPrefix(got.stdout, "MANAGER  INTERPRETER") {
		t.Errorf("got %q", got.stdout)
	}
	got = f.kiln(t.Context(), t, "lock", "img-1", "-o", "json")
	var rows []packageRow
	if err := json.Unmarshal([]byte(got.stdout), &rows); err != nil || len(rows) != 6 || rows[2].BaseVersion != "1" {
		t.Errorf("%v: %q", err, got.stdout)
	}
	if got := f.kiln(t.Context(), t, "lock", "nothing"); got.code == 0 {
		t.Error("an image that is not there has a lock")
	}
}
