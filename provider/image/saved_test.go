package image_test

import (
	"os"
	"testing"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccSaved: what was created is in the state before anything is waited for. So it stays there when, at the end of the wait, the
// daemon is gone and nothing can be read any more; and the next apply does not find the name taken by what nobody knows.
func TestAccSaved(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	release := d.Engine.Block(worker.KindImage)
	cli := d.CLI(t)
	cli.Config(image(nil))
	apply := cli.Start("apply", "-auto-approve", "-no-color")
	if err := d.Engine.WaitCalls(t.Context(), worker.KindImage, 1); err != nil {
		t.Fatal(err)
	}
	d.Stop()
	apply.Signal(os.Interrupt)
	if output, code := apply.Wait(); code == 0 || !acctest.Words("DaemonUnavailable").MatchString(output) {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	have, _ := cli.Attributes(address)
	if have["id"] == nil || have["stage"] != "Testing" || have["version"] != 1.0 {
		t.Fatalf("state = %v", have)
	}
	release()
	d.Run()
	cli.Apply()
	list, err := d.Client.Images(t.Context(), "")
	have, tainted := cli.Attributes(address)
	if err != nil || len(list) != 1 || have["id"] != list[0].ID || have["stage"] != "Published" || tainted {
		t.Errorf("images = %+v, %v, state = %v", list, err, have)
	}
}
