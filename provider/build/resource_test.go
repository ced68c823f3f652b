package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/provider/acctest"
)

const address = "kiln_persistent_build.x"

func TestMain(m *testing.M) { acctest.Main(m) }

// image is a custom image with a package of a version, and further arguments.
func image(version, further string) string {
	return acctest.Group + fmt.Sprintf(`resource "kiln_custom_image" "i" {
  name       = "segmenter"
  task_types = ["pyodps3"]
  source     = { official = { image = %q } }
  packages   = [{ type = "python3", names = ["jieba==%s"] }]
  test       = { resource_group_id = kiln_resource_group.rg.id }
  %s
}
`, acctest.Official, version, further)
}

func build(further string) string {
	return `resource "kiln_persistent_build" "x" {
  image_id          = kiln_custom_image.i.id
  image_version     = kiln_custom_image.i.published_version
  resource_group_id = kiln_resource_group.rg.id
  ` + further + `
}
`
}

func known(attribute string, value knownvalue.Check) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func unknown(attribute string) plancheck.PlanCheck {
	return plancheck.ExpectUnknownValue(address, tfjsonpath.New(attribute))
}

func attribute(name, value string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttr(address, name, value)
}

// TestAccLifecycle: baked, read, imported by its id and its image's, baked anew in place for another version, taken over for a
// version that was baked before, and gone at the end.
func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := func(version string) string { return d.Provider() + image(version, "") + build("") }
	var first, second string
	baked := func(n int) resource.TestCheckFunc {
		return resource.TestCheckResourceAttrWith(address, "id", func(string) error {
			if got := d.Engine.Calls(worker.KindPush); got != n {
				return fmt.Errorf("%d pushes, want %d", got, n)
			}
			return nil
		})
	}
	forward := acctest.Planned(config("0.42.2"), address, plancheck.ResourceActionUpdate, unknown("digest"), unknown("image_version"))
	forward.Check = resource.ComposeTestCheckFunc(
		attribute("baked_version", "2"), acctest.Attribute(address, "digest", &second), baked(2),
	)
	back := acctest.Planned(config("0.42.1"), address, plancheck.ResourceActionUpdate, known("image_version", knownvalue.Int64Exact(1)),
		known("digest", knownvalue.StringFunc(func(digest string) error {
			if digest != first || digest == second {
				return fmt.Errorf("digest = %s, first = %s, second = %s", digest, first, second)
			}
			return nil
		})))
	back.Check = resource.ComposeTestCheckFunc(
		attribute("baked_version", "1"), attribute("stage", "BuildSuccess"), attribute("cu_seconds", "0"), baked(2),
	)
	larger := d.Provider() + image("0.42.1", "") + build("cu = 1")
	acctest.Run(t,
		resource.TestStep{Config: config("0.42.1"), Check: resource.ComposeTestCheckFunc(
			attribute("stage", "BuildSuccess"), attribute("image_version", "1"), attribute("baked_version", "1"), attribute("cu", "0.5"),
			resource.TestCheckResourceAttrSet(address, "image_ref"), resource.TestCheckResourceAttrSet(address, "size_bytes"),
			resource.TestCheckResourceAttrSet(address, "cu_seconds"), acctest.Attribute(address, "digest", &first), baked(1),
		)},
		acctest.Unchanged(config("0.42.1")),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateIdFunc: acctest.ImportID(address, "image_id"),
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: "segmenter"},
		forward, acctest.Unchanged(config("0.42.2")), back, acctest.Unchanged(config("0.42.1")),
		acctest.Planned(larger, address, plancheck.ResourceActionUpdate, known("stage", knownvalue.StringExact("BuildSuccess"))),
		acctest.Unchanged(larger),
	)
	left, err := d.Client.Builds(t.Context(), "")
	if err != nil || len(left) != 0 {
		t.Errorf("left = %v, %v; want none", left, err)
	}
}

// TestAccDisappears: a build that was deleted behind Terraform's back is made again.
func TestAccDisappears(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + image("0.42.1", "") + build("")
	var id string
	gone := acctest.Planned(config, address, plancheck.ResourceActionCreate)
	gone.PreConfig = func() {
		if err := d.Client.DeleteBuild(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	acctest.Run(t, resource.TestStep{Config: config, Check: acctest.Attribute(address, "id", &id)}, gone)
}

// TestAccTwice: an image has one build. Another state that asks for one is refused in the plan; two resources of one
// configuration, of which a plan may not know that they mean the same image, in the apply; the first stays as it is.
func TestAccTwice(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	both := d.Provider() + image("0.42.1", "") + build("") + strings.Replace(build(""), `"x"`, `"y"`, 1)
	only := d.Provider() + image("0.42.1", "") + build("")
	var imageID, group, buildID string
	acctest.Run(t,
		resource.TestStep{Config: both, ExpectError: acctest.Words("NameConflict", "Limit: one")},
		resource.TestStep{Config: d.Provider() + image("0.42.1", "")}, // whichever of them came first
		resource.TestStep{Config: only, Check: resource.ComposeTestCheckFunc(
			acctest.Attribute(address, "image_id", &imageID), acctest.Attribute(address, "resource_group_id", &group),
			acctest.Attribute(address, "id", &buildID),
			func(*terraform.State) error {
				foreign := d.CLI(t)
				foreign.Config(fmt.Sprintf("resource \"kiln_persistent_build\" \"z\" {\n  image_id = %q\n  image_version = 1\n  resource_group_id = %q\n}\n", imageID, group))
				foreign.RefusePlan(acctest.Refusal{
					Code: problem.NameConflict, Field: "image_id", Says: []string{"terraform import ADDRESS " + buildID},
				})
				return nil
			},
		)},
	)
}

// TestAccShared: a second resource does not get the build that another one of the state has and keeps, finished or not.
func TestAccShared(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	second := strings.Replace(build(""), `"x"`, `"y"`, 1)
	refusal := acctest.Refusal{Code: problem.NameConflict, Field: "image_id", Says: []string{"another one that is to be created would go on with it"}}
	cli.Config(image("0.42.1", "") + build(""))
	cli.Apply()
	cli.Config(image("0.42.1", "") + build("") + second)
	cli.RefusePlan(refusal)
	d.Engine.Fail(worker.KindPush, &worker.Failure{Kind: worker.FailureTransfer, Message: "the registry said no"})
	cli.Config(image("0.42.2", "") + build(""))
	if output, code := cli.Run("apply", "-auto-approve", "-no-color"); code != 1 {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	cli.Config(image("0.42.2", "") + build("") + second)
	cli.RefusePlan(refusal)
	d.Engine.Fail(worker.KindPush, nil)
	cli.Config(image("0.42.2", "") + second) // another address, for the one that goes
	cli.Apply()
	builds, err := d.Client.Builds(t.Context(), "")
	if have, _ := cli.Attributes("kiln_persistent_build.y"); err != nil || len(builds) != 1 || have["id"] != builds[0].ID {
		t.Errorf("builds = %v, %v; state = %v", builds, err, have)
	}
}

// TestAccReplace: a build that is to be made anew is baked anew, though the plan knows the digest that goes.
func TestAccReplace(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image("0.42.1", "") + build(""))
	cli.Apply()
	if output, code := cli.Run("apply", "-auto-approve", "-no-color", "-replace="+address); code != 0 {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	if n := d.Engine.Calls(worker.KindPush); n != 2 {
		t.Errorf("%d pushes, want 2", n)
	}
}

// TestAccSuccessor: a creation goes on with a build that has failed, also when it replaces that very build. What the apply then
// destroys is the same build, and stays.
func TestAccSuccessor(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image("0.42.1", ""))
	cli.Apply()
	d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureCommand, Step: "RUN", ExitCode: 1, Message: "exit code 1"})
	cli.Config(image("0.42.1", "") + build("lifecycle { create_before_destroy = true }"))
	if output, code := cli.Run("apply", "-auto-approve", "-no-color"); code == 0 {
		t.Fatalf("apply ended with 0:\n%s", output)
	}
	before, tainted := cli.Attributes(address)
	if output := cli.Apply(); !tainted || !acctest.Words("Warning: NameConflict", "The persistent build is not deleted").MatchString(output) {
		t.Errorf("tainted = %v, apply has said:\n%s", tainted, output)
	}
	builds, err := d.Client.Builds(t.Context(), "")
	if err != nil || len(builds) != 1 || builds[0].ID != before["id"] || builds[0].Stage != domain.StageBuildSuccess {
		t.Errorf("builds = %v, %v; want %v", builds, err, before["id"])
	}
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 0 {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}

// TestAccReplaced: another image is another build.
func TestAccReplaced(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	images := image("0.42.1", "") + fmt.Sprintf(`resource "kiln_custom_image" "other" {
  name       = "other"
  task_types = ["pyodps3"]
  source     = { official = { image = %q } }
  test       = { resource_group_id = kiln_resource_group.rg.id }
}
`, acctest.Official)
	other := `resource "kiln_persistent_build" "x" {
  image_id          = kiln_custom_image.other.id
  image_version     = kiln_custom_image.other.published_version
  resource_group_id = kiln_resource_group.rg.id
}
`
	acctest.Run(t,
		resource.TestStep{Config: d.Provider() + images + build("")},
		acctest.Planned(d.Provider()+images+other, address, plancheck.ResourceActionDestroyBeforeCreate, unknown("digest")),
	)
}

// TestAccRefused: what is certain to be refused is refused in the plan.
func TestAccRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	unpublished := image("0.42.1", "publish = false")
	literal := func(version, group string, cu float64) string {
		return fmt.Sprintf("resource \"kiln_persistent_build\" \"x\" {\n  image_id = kiln_custom_image.i.id\n  image_version = %s\n"+
			"  resource_group_id = %s\n  cu = %g\n}\n", version, group, cu)
	}
	cli := d.CLI(t)
	refused := func(config string, want ...acctest.Refusal) {
		t.Helper()
		cli.Config(config)
		cli.RefusePlan(want...)
	}
	refused(unpublished+literal("0", "kiln_resource_group.rg.id", 1), acctest.Refusal{Code: problem.InvalidParameter, Field: "image_version"})
	refused(unpublished+literal("1", "kiln_resource_group.rg.id", 0.1), acctest.Refusal{Code: problem.InvalidCu, Field: "cu", Says: []string{"Value: 0.1"}})
	cli.Config(unpublished)
	cli.Apply()
	refused(unpublished+literal("1", "kiln_resource_group.rg.id", 1), acctest.Refusal{
		Code: problem.ImageNotPublished, Field: "image_version", Says: []string{"version 1 of segmenter, Unpublished"},
	})
	refused(unpublished+literal("1", `"rg-none"`, 1),
		acctest.Refusal{Code: problem.ImageNotPublished, Field: "image_version"},
		acctest.Refusal{Code: problem.NotFound, Field: "resource_group_id", Says: []string{"Value: rg-none"}})
	refused(unpublished+literal("1", "kiln_resource_group.rg.id", 3),
		acctest.Refusal{Code: problem.ImageNotPublished, Field: "image_version"},
		acctest.Refusal{Code: problem.CuExceedsResourceGroup, Field: "cu", Says: []string{"Value: 3"}})
	refused(unpublished+literal("1", "kiln_resource_group.rg.id", 1)+"import {\n  to = "+address+"\n  id = \"nothing\"\n}\n",
		acctest.Refusal{Code: problem.NotFound, Doing: `import persistent build "nothing"`, Field: "id", Says: []string{"Value: nothing"}})
	published := image("0.42.1", "")
	cli.Config(published)
	cli.Apply()
	cli.Config(published + literal("7", "kiln_resource_group.rg.id", 1))
	made, _ := cli.Attributes("kiln_custom_image.i")
	id, _ := made["id"].(string)
	cli.RefuseApply(acctest.Refusal{
		Code: problem.VersionNotFound, Doing: "bake version 7 of image " + id, Field: "image_version", Says: []string{"Value: 7"},
	})
}

// TestAccEdition: an edition without persistent builds refuses them in the plan.
func TestAccEdition(t *testing.T) {
	t.Parallel()
	cli := acctest.Start(t, func(c *daemon.Config) { c.Regions = []daemon.Region{{Name: "local", Edition: "standard"}} }).CLI(t)
	cli.Config(image("0.42.1", "") + build(""))
	cli.RefusePlan(acctest.Refusal{Code: problem.EditionNotSupported, Field: "image_id", Says: []string{"professional"}})
}

// TestAccRebuildFails: a failed rebuild is an error that leaves the old digest serving; the same configuration bakes again.
func TestAccRebuildFails(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := func(version string) string { return d.Provider() + image(version, "") + build("") }
	var digest string
	failing := resource.TestStep{
		PreConfig: func() {
			d.Engine.Script(worker.KindPush, func(context.Context, worker.Job, func(worker.Event)) (worker.Result, error) {
				return worker.Result{}, &worker.Failure{Kind: worker.FailureTransfer, Message: "the registry said no"}
			})
		},
		Config: config("0.42.2"), ExpectError: acctest.Words("Cannot bake version 2 of image img-", "ImagePushFailed"),
	}
	serving := resource.TestStep{RefreshState: true, ExpectNonEmptyPlan: true, Check: resource.ComposeTestCheckFunc(
		attribute("stage", "BuildFailed"), attribute("baked_version", "1"), attribute("image_version", "2"),
		resource.TestCheckResourceAttrWith(address, "digest", func(now string) error {
			if now != digest {
				return fmt.Errorf("digest = %s, want the old one, %s", now, digest)
			}
			return nil
		}),
	)}
	again := acctest.Planned(config("0.42.2"), address, plancheck.ResourceActionUpdate, unknown("stage"), unknown("digest"))
	again.PreConfig = func() { d.Engine.Script(worker.KindPush, nil) }
	again.Check = resource.ComposeTestCheckFunc(attribute("stage", "BuildSuccess"), attribute("baked_version", "2"))
	acctest.Run(t,
		resource.TestStep{Config: config("0.42.1"), Check: acctest.Attribute(address, "digest", &digest)},
		failing, serving, again, acctest.Unchanged(config("0.42.2")),
	)
}

// TestAccInterrupted: Ctrl-C while baking leaves a complete state; the next apply attaches to the same process.
func TestAccInterrupted(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image("0.42.1", ""))
	cli.Apply()
	cli.Config(image("0.42.1", "") + build(""))
	release := d.Engine.Block(worker.KindPush)
	apply := cli.Start("apply", "-auto-approve", "-no-color")
	if err := d.Engine.WaitCalls(t.Context(), worker.KindPush, 1); err != nil {
		t.Fatal(err)
	}
	apply.Signal(os.Interrupt)
	output, _ := apply.Wait()
	if !acctest.Words("Warning: Interrupted while waiting to bake version 1").MatchString(output) {
		t.Errorf("no warning in:\n%s", output)
	}
	have, tainted := cli.Attributes(address)
	if tainted || have["stage"] != "Building" || have["digest"] != nil || have["id"] == nil {
		t.Fatalf("tainted = %v, state = %v", tainted, have)
	}
	d.Calls()
	again := cli.Start("apply", "-auto-approve", "-no-color")
	d.WaitCall("UpdateBuild") // while the baking still runs
	release()
	if output, code := again.Wait(); code != 0 {
		t.Fatalf("apply ended with %d:\n%s", code, output)
	}
	have, _ = cli.Attributes(address)
	bakings, err := d.Client.Processes(t.Context(), client.ProcessFilter{Kind: process.KindBuild})
	if err != nil || len(bakings) != 1 || have["stage"] != "BuildSuccess" || have["digest"] == nil || d.Engine.Calls(worker.KindPush) != 1 {
		t.Errorf("%d bakings, %v, %d pushes, state = %v", len(bakings), err, d.Engine.Calls(worker.KindPush), have)
	}
}

// TestAccLost: what the registry has lost, or has with another content, is told and baked again. Where that cannot be told, the
// plan is an error.
func TestAccLost(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + image("0.42.1", "") + build("")
	var digest string
	back := resource.ComposeTestCheckFunc(
		attribute("artifact_status", "Available"), attribute("stage", "BuildSuccess"),
		resource.TestCheckResourceAttrPtr(address, "digest", &digest),
	)
	steps := []resource.TestStep{{Config: config, Check: resource.ComposeTestCheckFunc(
		acctest.Attribute(address, "digest", &digest), attribute("artifact_status", "Available"),
	)}}
	for _, lost := range []domain.Presence{domain.PresenceMissing, domain.PresenceChanged} {
		shown := resource.TestStep{
			PreConfig: func() { d.Registry.SetPresence(digest, lost) }, RefreshState: true, ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckNoResourceAttr(address, "digest"), resource.TestCheckNoResourceAttr(address, "image_ref"),
				attribute("artifact_status", string(lost)),
			),
		}
		again := acctest.Planned(config, address, plancheck.ResourceActionUpdate, unknown("digest"), unknown("artifact_status"))
		again.Check = back
		steps = append(steps, shown, again, acctest.Unchanged(config))
	}
	acctest.Run(t, steps...)
}

// TestAccRegistryUnreadable: whether an artifact is there cannot be told: that is an error, and nothing becomes of it.
func TestAccRegistryUnreadable(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image("0.42.1", "") + build(""))
	cli.Apply()
	baked, _ := cli.Attributes(address)
	id, _ := baked["id"].(string)
	d.Registry.FailCheck(errors.New("registry answers 500"))
	cli.RefusePlan(acctest.Refusal{Code: problem.RegistryUnreadable, Doing: "read persistent build " + id, Says: []string{"registry answers 500"}})
	d.Registry.FailCheck(nil)
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 0 {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
}
