package image_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/provider/acctest"
)

// change asks for a recipe with a package of a version behind Terraform's back.
func change(t *testing.T, d *acctest.Daemon, version string) domain.Image {
	t.Helper()
	i, err := d.Client.Image(t.Context(), "segmenter", "")
	if err == nil {
		i.Spec.Recipe.Packages[0].Names = []string{"jieba==" + version}
		i, err = d.Client.UpdateImage(t.Context(), client.UpdateImage{ID: i.ID, Spec: i.Spec})
	}
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// planned runs a plan, which must end with a code and say these texts.
func planned(t *testing.T, cli *acctest.CLI, code int, texts ...string) {
	t.Helper()
	output, ended := cli.Run("plan", "-detailed-exitcode", "-no-color")
	if ended != code || !acctest.Words(texts...).MatchString(output) {
		t.Errorf("plan ended with %d, want %d and %q:\n%s", ended, code, texts, output)
	}
}

// TestAccChangedElsewhere: what somebody else has published, broken, cancelled or deleted is told as such, and changed back.
func TestAccChangedElsewhere(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image(map[string]string{"packages": pinned("0.42.1")}))
	cli.Apply()

	published := change(t, d, "0.42.2")
	if _, err := d.Client.Wait(t.Context(), published.ProcessID, nil); err != nil {
		t.Fatal(err)
	}
	planned(t, cli, 2, "Warning: ChangedElsewhere", "with process "+published.ProcessID, "version 1 -> 2, published_version 1 -> 2")
	cli.Apply()
	goneBack(t, d, cli, published.ID)
	planned(t, cli, 0, "No changes.")

	failing(d, "0.42.3")
	broken := change(t, d, "0.42.3")
	if _, err := d.Client.Wait(t.Context(), broken.ProcessID, nil); err == nil {
		t.Fatal("the test of 0.42.3 has not failed")
	}
	planned(t, cli, 2, "Warning: ChangedElsewhere", "version 1 -> 3, stage Published -> TestFailed")
	cli.Apply()

	d.Engine.Script(worker.KindImage, nil)
	release := d.Engine.Block(worker.KindImage)
	cancelled := change(t, d, "0.42.4")
	if _, err := d.Client.CancelProcess(t.Context(), cancelled.ProcessID); err != nil {
		t.Fatal(err)
	}
	release()
	planned(t, cli, 2, "Warning: ChangedElsewhere", "version 1 -> 4, stage Published -> Untest")
	cli.Apply()

	if err := d.Client.DeleteImage(t.Context(), cancelled.ID); err != nil {
		t.Fatal(err)
	}
	planned(t, cli, 2, "will be created", "Warning: NotFound", "image is not there any more: somebody else has deleted it", cancelled.ID)
}

// goneBack lets the configuration have version 2, somebody else go back to 1, and the configuration follow: that blames no process, since
// the one of version 1 is the owner's own.
func goneBack(t *testing.T, d *acctest.Daemon, cli *acctest.CLI, id string) {
	t.Helper()
	cli.Config(image(map[string]string{"packages": pinned("0.42.2")}))
	cli.Apply()
	if _, err := d.Client.RollbackImage(t.Context(), client.RollbackImage{ID: id, Version: 1}); err != nil {
		t.Fatal(err)
	}
	cli.Config(image(map[string]string{"packages": pinned("0.42.1")}))
	output, code := cli.Run("plan", "-no-color")
	if code != 0 || strings.Contains(output, "with process") || !acctest.Words("Warning: ChangedElsewhere", "has gone back to version 1").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
	cli.Apply()
}

// TestAccBaseUpdateTold: a newer official image changes nothing, and the plan says what to set to move to it.
func TestAccBaseUpdateTold(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image(map[string]string{"source": official(acctest.Site, ""), "task_types": `["shell"]`}))
	planned(t, cli, 2, "Warning: NoCustomisation", "Field: packages")
	cli.Apply()
	d.Stop()
	d.Change(func(c *daemon.Config) {
		later := c.Catalogue.Images[0]
		later.Version = "20260202"
		c.Catalogue.Images = append(c.Catalogue.Images, later)
	})
	d.Run()
	planned(t, cli, 0, "Warning: BaseUpdateAvailable", "Field: source.official.version", "Value: "+acctest.SiteVersion, "Limit: 20260202",
		`set source.official.version = "20260202"`)
}
