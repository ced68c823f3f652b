package recipe_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

func TestOrigin(t *testing.T) {
	t.Parallel()
	r := recipe.Recipe{
		Files: []recipe.File{{Target: "/opt/a", Mode: "0644", SHA256: sum("a")}, {Target: "/opt/é", Mode: "0644", SHA256: sum("b")}},
		Packages: []pkgmanager.Entry{
			{Type: pkgmanager.Apt, Names: []string{"git=1"}},
			{Type: pkgmanager.Python3, Names: []string{"jieba==0.42.1", "six==1.16.0"}},
			{Type: pkgmanager.Script, Script: "true"},
		},
	}
	// Buildah joins the lines of an instruction and keeps the spaces.
	printed := func(i int) string { return strings.ReplaceAll(r.Packages[i].Instructions(i), "\\\n", "") }
	for _, test := range []struct{ step, field, value string }{
		{printed(0), "packages[0]", "git=1"},
		{printed(1), "packages[1]", "jieba==0.42.1, six==1.16.0"},
		{`COPY --chmod=0644 ["sha256-` + sum("a") + `", "/opt/a"]`, "files[0].target", "/opt/a"},
		{`ADD ["` + r.Files[1].Packed().ContextName() + `", "/opt/"]`, "files[1].target", "/opt/é"},
		{"RUN true", "", ""},
		{"", "", ""},
	} {
		if field, value := r.Origin(test.step); field != test.field || value != test.value {
			t.Errorf("%s: got %q, %q, want %q, %q", test.step, field, value, test.field, test.value)
		}
	}
}
