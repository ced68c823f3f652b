package workspace_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/workspace"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		in   workspace.Workspace
		want []string
	}{
		{"OK", workspace.Workspace{Name: "analytics", Description: "the analysts' place"}, nil},
		{"no description", workspace.Workspace{Name: "analytics"}, nil},
		{"no name", workspace.Workspace{}, []string{"InvalidName name"}},
		{
			"both",
			workspace.Workspace{Name: "a b", Description: strings.Repeat("x", 129)},
			[]string{"InvalidName name", "InvalidParameter description"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, p := range test.in.Validate() {
				got = append(got, fmt.Sprintf("%s %s", p.Code, p.Field))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
