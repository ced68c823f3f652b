package recipe_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

// TestScriptFindings: what a script does is refused, left to the policy, or warned of, at the attribute that holds it.
func TestScriptFindings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script            string
		wrong, unpinned, warned []string
	}{
		{"pinned", "/home/tops/bin/pip3 install 'urllib3==1.26.16'", nil, nil, nil},
		{"a range", "/home/tops/bin/pip3 install 'urllib3<2.0'", nil, []string{"UnpinnedPackage packages[1].script"}, nil},
		{"a redirection", "pip3 install urllib3<2.0", []string{"UnquotedShellRedirection packages[1].script"}, nil, nil},
		{"no URL", "wget git", []string{"InvalidDownloadUrl packages[1].script"}, nil, nil},
		{"a variable of the image", "pip3 install six==$SIX", nil, nil, nil},
		{"an unknown variable", "pip3 install $PACKAGES", nil, nil, []string{"CannotAnalyse packages[1].script"}},
		{"no shell", "if true; then", nil, nil, []string{"CannotAnalyse packages[1].script"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := recipe.Recipe{
				Packages: []pkgmanager.Entry{{Type: pkgmanager.Apt, Names: []string{"git=1"}}, script(test.script)},
				Env:      map[string]string{"SIX": "1.16.0"},
			}
			if diff := cmp.Diff(test.wrong, codes(r.Validate())); diff != "" {
				t.Errorf("wrong: %s", diff)
			}
			if diff := cmp.Diff(test.unpinned, codes(r.Unpinned(nil))); diff != "" {
				t.Errorf("unpinned: %s", diff)
			}
			if diff := cmp.Diff(test.warned, codes(r.Risks())); diff != "" {
				t.Errorf("warned of: %s", diff)
			}
		})
	}
}
