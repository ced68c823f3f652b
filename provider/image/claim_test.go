package image_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/acctest"
)

// early makes a resource be replaced by creating its successor first.
const early = "{ create_before_destroy = true }"

// only checks that the daemon has one image, which is that of a resource, and that nothing is left to be done.
func only(t *testing.T, d *acctest.Daemon, cli *acctest.CLI, of string) (id string) {
	t.Helper()
	images, err := d.Client.Images(t.Context(), "")
	if err != nil || len(images) != 1 {
		t.Fatalf("images = %v, %v; want one", images, err)
	}
	if have, tainted := cli.Attributes(of); have["id"] != images[0].ID || tainted {
		t.Errorf("state = %v, tainted = %v; want %s", have, tainted, images[0].ID)
	}
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 0 {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
	return images[0].ID
}

// arguments is an image with arguments and a block lifecycle.
func arguments(all map[string]string, lifecycle string) string {
	return strings.TrimSuffix(image(all), "}\n") + "  lifecycle " + lifecycle + "\n}\n"
}

// TestAccSuccessor: a creation goes on with an image that failed its test, or that is not published, also when it replaces that very
// image. What the apply then destroys is the same image, and stays.
func TestAccSuccessor(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]string{"failed": "true", "unpublished": "false"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := acctest.Start(t)
			if name == "failed" {
				d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureCommand, Step: "test[0]", ExitCode: 1, Message: "exit code 1"})
			}
			cli := d.CLI(t)
			cli.Config(arguments(map[string]string{"publish": publish}, early))
			if output, code := cli.Run("apply", "-auto-approve", "-no-color"); (code != 0) != (name == "failed") {
				t.Fatalf("apply ended with %d:\n%s", code, output)
			}
			before, _ := cli.Attributes(address)
			output, code := cli.Run("apply", "-auto-approve", "-no-color", "-replace="+address)
			if code != 0 || !acctest.Words("1 to add", "1 to destroy", "Warning: NameConflict", "The image is not deleted").MatchString(output) {
				t.Errorf("apply ended with %d:\n%s", code, output)
			}
			if id := only(t, d, cli, address); id != before["id"] {
				t.Errorf("image = %s, want %v", id, before["id"])
			}
		})
	}
}

// TestAccAddressChanges: an image that is not published and gets another address without a block moved is destroyed and created
// at the same time. Whichever comes first, there is an image afterwards.
func TestAccAddressChanges(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	x := image(map[string]string{"publish": "false"})
	cli.Config(x)
	cli.Apply()
	cli.Config(strings.Replace(x, `"x"`, `"y"`, 1))
	cli.Apply()
	only(t, d, cli, "kiln_custom_image.y")
}

// TestAccShared: a second resource does not get the image that another one of the state has and keeps, though it is not published.
func TestAccShared(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	x := image(map[string]string{"publish": "false"})
	cli.Config(x)
	cli.Apply()
	cli.Config(x + strings.Replace(strings.TrimPrefix(x, acctest.Group), `"x"`, `"y"`, 1))
	cli.RefusePlan(acctest.Refusal{Code: problem.NameConflict, Field: "name", Says: []string{"another one that is to be created would go on with it"}})
	cli.Config(x)
	only(t, d, cli, address)
}
