package image_test

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/daemon/enginetest"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/provider/acctest"
)

// failing makes a test command fail, with two lines in the log, whenever the recipe has this package.
func failing(d *acctest.Daemon, version string) {
	d.Engine.Log(worker.KindImage, "Collecting jieba", "ModuleNotFoundError: No module named 'jieba'")
	d.Engine.Script(worker.KindImage, func(_ context.Context, job worker.Job, _ func(worker.Event)) (worker.Result, error) {
		if strings.Contains(job.Image.Containerfile, version) && len(job.Image.Commands) > 0 {
			return worker.Result{}, &worker.Failure{
				Kind: worker.FailureCommand, Step: job.Image.Commands[0].Name, ExitCode: 3, Message: "exit code 3",
			}
		}
		return enginetest.Default(job), nil
	})
}

// TestAccTestFails: a failed test is an error with the step and the end of the log. What was created is replaced then, and
// the corrected configuration succeeds.
func TestAccTestFails(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	failing(d, "0.42.0")
	bad := d.Provider() + image(map[string]string{"packages": pinned("0.42.0")})
	good := d.Provider() + image(map[string]string{"packages": pinned("0.42.1")})
	acctest.Run(t,
		resource.TestStep{Config: bad, ExpectError: acctest.Words(
			`Cannot test version 1 of image "segmenter": TestFailed`, "A test command ended with exit code 3",
			"smoke test of pyodps3", "The last lines of the log:", "Collecting jieba", "ModuleNotFoundError: No module named 'jieba'",
		)},
		acctest.Planned(good, address, plancheck.ResourceActionReplace),
		acctest.Unchanged(good),
	)
}

// TestAccUpdateFails: a failed test of a new version leaves the published one alone, and the same configuration tests again.
func TestAccUpdateFails(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	failing(d, "0.42.0")
	good := d.Provider() + image(map[string]string{"packages": pinned("0.42.1")})
	bad := d.Provider() + image(map[string]string{"packages": pinned("0.42.0")})
	again := acctest.Planned(bad, address, plancheck.ResourceActionUpdate,
		append(unknown("stage", "published_version"), known("version", knownvalue.Int64Exact(2)))...)
	again.PreConfig = func() { d.Engine.Script(worker.KindImage, nil) }
	again.Check = resource.ComposeTestCheckFunc(attribute("stage", "Published"), attribute("version", "2"), attribute("published_version", "2"))
	acctest.Run(t,
		resource.TestStep{Config: good, Check: attribute("published_version", "1")},
		resource.TestStep{Config: bad, ExpectError: acctest.Words(`Cannot test version 2 of image "segmenter": TestFailed`)},
		resource.TestStep{RefreshState: true, ExpectNonEmptyPlan: true, Check: resource.ComposeTestCheckFunc(
			attribute("stage", "TestFailed"), attribute("version", "2"), attribute("published_version", "1"),
		)},
		again,
		acctest.Unchanged(bad),
	)
}

// TestAccTimeout: what takes longer than the timeout is an error that says how to go on; going on that way attaches.
func TestAccTimeout(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	release := d.Engine.Block(worker.KindImage)
	cli := d.CLI(t)
	cli.Config(image(map[string]string{"timeouts": `{ create = "1s" }`}))
	output, code := cli.Run("apply", "-auto-approve", "-no-color")
	if code != 1 || !acctest.Words(
		`Error: Timeout while waiting to test version 1 of image "segmenter"`, "longer than 1s", "goes on in the daemon", "kiln logs -f proc-",
		"terraform untaint",
	).MatchString(output) {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	have, tainted := cli.Attributes(address)
	if !tainted || have["stage"] != "Testing" {
		t.Fatalf("tainted = %v, state = %v", tainted, have)
	}
	if output, code := cli.Run("untaint", address); code != 0 {
		t.Fatalf("untaint ended with %d:\n%s", code, output)
	}
	again := cli.Start("apply", "-auto-approve", "-no-color")
	release()
	if output, code := again.Wait(); code != 0 {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	if n := d.Engine.Calls(worker.KindImage); n != 1 {
		t.Errorf("%d builds, want 1", n)
	}
}

// TestAccInterrupted: Ctrl-C during the test leaves a complete state and a warning; the next plan leaves the result open, and
// the next apply attaches.
func TestAccInterrupted(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	release := d.Engine.Block(worker.KindImage)
	cli := d.CLI(t)
	cli.Config(image(nil))
	apply := cli.Start("apply", "-auto-approve", "-no-color")
	if err := d.Engine.WaitCalls(t.Context(), worker.KindImage, 1); err != nil {
		t.Fatal(err)
	}
	apply.Signal(os.Interrupt)
	output, _ := apply.Wait()
	if !acctest.Words("Warning: Interrupted while waiting to test version 1", "goes on in the daemon").MatchString(output) {
		t.Errorf("no warning in:\n%s", output)
	}
	have, tainted := cli.Attributes(address)
	if tainted || have["stage"] != "Testing" || have["version"] != 1.0 || have["published_version"] != nil || have["id"] == nil {
		t.Fatalf("tainted = %v, state = %v", tainted, have)
	}
	output, code := cli.Run("plan", "-detailed-exitcode", "-no-color")
	if code != 2 || !acctest.Words("+ published_version", "(known after apply)", "~ stage", "(known after apply)").MatchString(output) {
		t.Fatalf("plan ended with %d:\n%s", code, output)
	}
	d.Calls()
	again := cli.Start("apply", "-auto-approve", "-no-color")
	d.WaitCall("UpdateImage") // while the test still runs
	release()
	if output, code := again.Wait(); code != 0 {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	have, _ = cli.Attributes(address)
	if have["stage"] != "Published" || have["published_version"] != 1.0 || d.Engine.Calls(worker.KindImage) != 1 {
		t.Errorf("%d builds, state = %v", d.Engine.Calls(worker.KindImage), have)
	}
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 0 {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}

// TestAccTwice: of two resources for one image the first stays as it is, and the second has nothing in the state.
func TestAccTwice(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	first := image(nil)
	cli := d.CLI(t)
	cli.Config(first + strings.Replace(strings.Replace(first, acctest.Group, "", 1), `"x"`, `"y"`, 1))
	output, code := cli.Run("apply", "-auto-approve", "-no-color")
	if code == 0 || !acctest.Words("NameConflict", "Field: name", "Limit: one").MatchString(output) {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	for _, config := range []string{acctest.Group, first} { // first without whichever of them came first
		cli.Config(config)
		if output, code := cli.Run("apply", "-auto-approve", "-no-color"); code != 0 {
			t.Fatalf("apply ended with %d:\n%s", code, output)
		}
	}
	images, err := d.Client.Images(t.Context(), "")
	if have, _ := cli.Attributes(address); err != nil || len(images) != 1 || have["id"] != images[0].ID {
		t.Errorf("images = %v, %v; state = %v", images, err, have)
	}
}

// TestAccKilled: a killed Terraform leaves nothing in the state, and the next apply attaches to what it has begun.
func TestAccKilled(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	release := d.Engine.Block(worker.KindImage)
	cli := d.CLI(t)
	cli.Config(acctest.Group)
	cli.Apply()
	cli.Config(image(map[string]string{"publish": "false"}))
	apply := cli.Start("apply", "-auto-approve", "-no-color")
	if err := d.Engine.WaitCalls(t.Context(), worker.KindImage, 1); err != nil {
		t.Fatal(err)
	}
	apply.Signal(syscall.SIGKILL)
	if output, code := apply.Wait(); code != -1 {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	if have, _ := cli.Attributes(address); have != nil {
		t.Fatalf("state = %v, want nothing", have)
	}
	again := cli.Start("apply", "-auto-approve", "-no-color")
	release()
	if output, code := again.Wait(); code != 0 {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	if n := d.Engine.Calls(worker.KindImage); n != 1 {
		t.Errorf("%d builds, want 1", n)
	}
}
