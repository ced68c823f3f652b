package binding_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccSuccessor: to bind what is bound is the same binding, also for the successor of that very one. What the apply then
// destroys stays.
func TestAccSuccessor(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image + strings.TrimSuffix(binding("kiln_workspace.w[0].id"), "}\n") + "  lifecycle { create_before_destroy = true }\n}\n")
	cli.Apply()
	output, code := cli.Run("apply", "-auto-approve", "-no-color", "-replace="+address)
	if code != 0 || !acctest.Words("1 to add", "1 to destroy", "Warning: NameConflict", "The binding is not deleted").MatchString(output) {
		t.Errorf("apply ended with %d:\n%s", code, output)
	}
	bindings, err := d.Client.Bindings(t.Context(), "", "")
	if have, _ := cli.Attributes(address); err != nil || len(bindings) != 1 || have["id"] != bindings[0].ID() {
		t.Errorf("bindings = %v, %v; state = %v", bindings, err, have)
	}
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 0 {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}
