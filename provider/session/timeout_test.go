package session_test

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/provider/session"
)

// TestDefaultTimeout checks how long is waited when nothing is said, or only one of the two: a baking takes five to ten minutes,
// and may have to queue.
func TestDefaultTimeout(t *testing.T) {
	t.Parallel()
	kinds := map[string]attr.Type{"create": types.StringType, "update": types.StringType}
	given := timeouts.Value{Object: types.ObjectValueMust(kinds, map[string]attr.Value{
		"create": types.StringValue("45m"), "update": types.StringNull(),
	})}
	for name, test := range map[string]struct {
		value          timeouts.Value
		create, update time.Duration
	}{
		"nothing": {timeouts.Value{Object: types.ObjectNull(kinds)}, 30 * time.Minute, 30 * time.Minute},
		"create":  {given, 45 * time.Minute, 30 * time.Minute},
	} {
		create, found := test.value.Create(t.Context(), session.DefaultTimeout)
		update, more := test.value.Update(t.Context(), session.DefaultTimeout)
		if found.HasError() || more.HasError() || create != test.create || update != test.update {
			t.Errorf("%s: create %s, %v, update %s, %v", name, create, found, update, more)
		}
	}
}
