package usage_test

import (
	"testing"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/usage"
)

func TestUsersAreNamed(t *testing.T) {
	t.Parallel()
	users := []string{"workspace a", "persistent build build-1"}
	const want = "used by workspace a, persistent build build-1"
	refused := usage.InUse(problem.ImageInUse, "image", "segmenter", users)
	if refused.Limit != want || refused.Value != "segmenter" || refused.Field != "id" || refused.Code != problem.ImageInUse {
		t.Errorf("refusal = %v", refused)
	}
	warned := usage.Warning(problem.ImageInUse, "image", "segmenter", users)
	if warned.Limit != want || warned.Value != "segmenter" || warned.Field != "" || warned.Code != problem.ImageInUse {
		t.Errorf("warning = %v", warned)
	}
}
