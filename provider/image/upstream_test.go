package image_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/provider/acctest"
)

// registries are one of each edition, and another network.
const registries = `
resource "kiln_network" "other" {
  name   = "other"
  egress = "none"
}
resource "kiln_registry" "r" {
  name        = "acr"
  endpoint    = "registry.internal:5000"
  edition     = "enterprise"
  network_ids = [kiln_network.n.id]
}
resource "kiln_registry" "personal" {
  name        = "personal"
  endpoint    = "registry.internal:5001"
  edition     = "personal"
  network_ids = [kiln_network.n.id]
}
`

// upstream is a source of this repository; what is given takes the place of arguments, or adds to them.
func upstream(arguments map[string]string) string {
	all := map[string]string{
		"registry_id": "kiln_registry.r.id", "network_id": "kiln_network.n.id", "repository": `"team/base"`, "tag": `"v1"`,
	}
	maps.Copy(all, arguments)
	text := "{ registry = {\n"
	for name, value := range all {
		if value != "" {
			text += "    " + name + " = " + value + "\n"
		}
	}
	return text + "  } }"
}

// pulled is an image of a registry.
func pulled(source, arguments map[string]string) string {
	all := map[string]string{"source": upstream(source), "task_types": `["shell", "python"]`}
	maps.Copy(all, arguments)
	return registries + image(all)
}

func digest(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

// TestAccUpstream: an image of a registry is resolved in the plan, tested with what is pulled by its digest, published, imported, and
// changed by another tag.
func TestAccUpstream(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	first, second := d.Provider()+pulled(nil, nil), d.Provider()+pulled(map[string]string{"tag": `"v2"`, "start_command": `"bash -l"`}, nil)
	resolved := resource.TestStep{Config: first, Check: resource.ComposeTestCheckFunc(
		attribute("source.registry.digest", digest("1")), attribute("base_digest", digest("1")), attribute("stage", "Published"),
		attribute("base_update_available", "false"), resource.TestCheckNoResourceAttr(address, "source.official"),
	)}
	changed := acctest.Planned(second, address, plancheck.ResourceActionUpdate)
	changed.Check = resource.ComposeTestCheckFunc(attribute("source.registry.digest", digest("2")), attribute("published_version", "2"))
	back := acctest.Planned(first, address, plancheck.ResourceActionUpdate)
	back.Check = attribute("published_version", "1")
	acctest.Run(t,
		resource.TestStep{Config: d.Provider() + acctest.Group + registries},
		resolved, acctest.Unchanged(first),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		changed, acctest.Unchanged(second), back,
	)
	var digests []string
	for _, p := range d.Upstream.Pulls() {
		digests = append(digests, p.Repository+"@"+p.Digest)
	}
	if got := strings.Join(digests, " "); got != "team/base@"+digest("1")+" team/base@"+digest("2") {
		t.Errorf("pulled %s", got)
	}
	for _, j := range d.Engine.Jobs(worker.KindImage) {
		if b := j.Image.Base; b == nil || b.Digest == "" || b.MaxBytes != 5<<30 || len(b.Needs) == 0 || j.Image.TimeZone != "UTC" {
			t.Errorf("a test was asked for with %+v", j.Image)
		}
	}
}

// TestAccUpstreamAtOnce: what the plan cannot ask, since the same apply makes the registry, is resolved in the apply.
func TestAccUpstreamAtOnce(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + pulled(nil, nil)
	acctest.Run(t, resource.TestStep{Config: config, Check: attribute("source.registry.digest", digest("1"))}, acctest.Unchanged(config))
}

// TestAccUpstreamRefused: what cannot be is refused in the plan, at the attribute that is wrong, and nothing is written.
func TestAccUpstreamRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(acctest.Group + registries)
	cli.Apply()
	const at = "source.registry."
	other := acctest.Group + "resource \"kiln_resource_group\" \"other\" {\n  name = \"other\"\n  network_id = kiln_network.other.id\n  cu = 2\n}\n"
	cli.Config(other + registries)
	cli.Apply()
	for name, tt := range map[string]struct {
		source, arguments map[string]string
		want              acctest.Refusal
	}{
		"Edition": {
			map[string]string{"registry_id": "kiln_registry.personal.id"},
			nil,
			acctest.Refusal{Code: problem.RegistryEditionNotSupported, Field: at + "registry_id", Says: []string{"Value: personal", "Limit: enterprise"}},
		},
		"Registry": {
			map[string]string{"registry_id": `"reg-none"`},
			nil,
			acctest.Refusal{Code: problem.NotFound, Field: at + "registry_id", Says: []string{"Value: reg-none"}},
		},
		"Network": {
			map[string]string{"network_id": "kiln_network.other.id"},
			nil,
			acctest.Refusal{Code: problem.VpcNotBoundToRegistry, Field: at + "network_id", Says: []string{"acr is not bound"}},
		},
		"Group": {
			nil,
			map[string]string{"test": "{ resource_group_id = kiln_resource_group.other.id }"},
			acctest.Refusal{Code: problem.VpcMismatch, Field: "test.resource_group_id", Says: []string{"resource group other"}},
		},
		"TaskType": {
			nil,
			map[string]string{"task_types": `["pyodps3", "shell"]`},
			acctest.Refusal{Code: problem.TaskTypeNotSupportedForRegistryImage, Field: "task_types", Says: []string{"Value: pyodps3", "shell, python, notebook"}},
		},
		"Packages": {
			nil,
			map[string]string{"packages": pinned("0.42.1")},
			acctest.Refusal{Code: problem.PackagesNotAllowedForRegistrySource, Field: "packages"},
		},
		"Script": {
			nil,
			map[string]string{"packages": `[{ type = "script", script = "true" }]`},
			acctest.Refusal{Code: problem.PackagesNotAllowedForRegistrySource, Field: "packages"},
		},
		"Files": {
			nil,
			map[string]string{"files": `[{ content = "x", target = "/a" }]`},
			acctest.Refusal{Code: problem.PackagesNotAllowedForRegistrySource, Field: "files"},
		},
		"Both": {
			map[string]string{"digest": `"` + digest("1") + `"`},
			nil,
			acctest.Refusal{Code: problem.ConflictingAttribute, Field: at + "digest", Says: []string{"Limit: tag or digest"}},
		},
		"Neither": {map[string]string{"tag": ""}, nil, acctest.Refusal{Code: problem.MissingRequired, Field: at + "tag"}},
		"Repository": {
			map[string]string{"repository": `"registry.internal:5000/team"`}, nil, acctest.Refusal{Code: problem.InvalidParameter, Field: at + "repository"},
		},
		"BadTag":       {map[string]string{"tag": `":v1"`}, nil, acctest.Refusal{Code: problem.InvalidParameter, Field: at + "tag"}},
		"BadDigest":    {map[string]string{"tag": "", "digest": `"sha256:1"`}, nil, acctest.Refusal{Code: problem.InvalidParameter, Field: at + "digest"}},
		"StartCommand": {map[string]string{"start_command": `"a\nb"`}, nil, acctest.Refusal{Code: problem.InvalidParameter, Field: at + "start_command"}},
		"Empty":        {map[string]string{"start_command": `""`}, nil, acctest.Refusal{Code: problem.InvalidParameter, Field: at + "start_command"}},
		"Missing": {
			map[string]string{"tag": `"v9"`},
			nil,
			acctest.Refusal{Code: problem.ManifestUnknown, Field: at + "tag", Says: []string{"Value: team/base:v9"}},
		},
		"MissingDigest": {
			map[string]string{"tag": "", "digest": `"` + digest("9") + `"`}, nil, acctest.Refusal{Code: problem.ManifestUnknown, Field: at + "digest"},
		},
		"TwoSources": {
			nil,
			map[string]string{"source": strings.TrimSuffix(upstream(nil), "}") + `, official = { image = "dataworks_shell_task_pod" } }`},
			acctest.Refusal{Code: problem.ExactlyOneSource, Field: "source", Says: []string{"two sources"}},
		},
	} {
		text := strings.TrimPrefix(pulled(tt.source, tt.arguments), registries)
		cli.Config(registries + strings.Replace(text, acctest.Group, other, 1))
		t.Log(name)
		cli.RefusePlan(tt.want)
	}
	d.Upstream.Push("team/base:latest", "4")
	cli.Config(registries + strings.Replace(image(map[string]string{
		"source": upstream(map[string]string{"tag": `"latest"`}), "task_types": `["shell"]`,
	}), acctest.Group, other, 1))
	cli.RefusePlan(acctest.Refusal{Code: problem.MutableTag, Field: at + "tag", Says: []string{"Value: latest"}})
}

// TestAccUpstreamMatrix: of the ten task types, an image of a registry serves these three.
func TestAccUpstreamMatrix(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(acctest.Group + registries)
	cli.Apply()
	for _, of := range tasktype.Types {
		cli.Config(pulled(nil, map[string]string{"task_types": fmt.Sprintf("[%q]", of)}))
		switch of {
		case tasktype.Shell, tasktype.Python, tasktype.Notebook:
			if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 2 {
				t.Errorf("%s: plan ended with %d:\n%s", of, code, output)
			}
		default:
			cli.RefusePlan(acctest.Refusal{
				Code: problem.TaskTypeNotSupportedForRegistryImage, Field: "task_types", Says: []string{"Value: " + string(of)},
			})
		}
	}
}

// TestAccUpstreamMoves: a tag that moved, one that is gone, an image that is gone and a registry that does not answer are warnings of a
// plan that changes nothing; for a new image, each is an error.
func TestAccUpstreamMoves(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	config := pulled(nil, nil)
	cli.Config(config)
	cli.Apply()
	moved := func() acctest.Refusal {
		return acctest.Refusal{
			Code: problem.UpstreamDigestChanged, Field: "source.registry.tag", Says: []string{"Value: v1", digest("1") + " -> " + digest("5")},
		}
	}
	d.Upstream.Push("team/base:v1", "5")
	cli.WarnPlan(moved())
	gone := func() acctest.Refusal {
		return acctest.Refusal{Code: problem.ImageGone, Field: "source.registry.tag", Says: []string{digest("1")}}
	}
	d.Upstream.Remove("team/base@" + digest("1"))
	cli.WarnPlan(moved(), gone())
	d.Upstream.Remove("team/base:v1")
	cli.WarnPlan(acctest.Refusal{Code: problem.ManifestUnknown, Field: "source.registry.tag"}, gone())
	for _, code := range []problem.Code{
		problem.RegistryUnreachable, problem.RegistryUnreachableFromVpc, problem.RegistryRateLimited, problem.RegistryAuthFailed,
		problem.RegistryBadAnswer, problem.TLSUnknownAuthority, problem.CertificateTimeInvalid, problem.ImageTooLarge, problem.ArchitectureNotSupported,
	} {
		d.Upstream.Down(problem.Problem{Code: code, Field: "endpoint", Value: "x", Limit: "y", Remedy: "Try again."})
		want := acctest.Refusal{Code: code, Field: "source.registry.registry_id"}
		cli.Config(config)
		cli.WarnPlan(want)
		cli.Config(pulled(map[string]string{"tag": `"v2"`}, nil))
		cli.RefusePlan(want)
	}
	d.Upstream.Down(nil)
	cli.Config(config)
	i, err := d.Client.Image(t.Context(), "segmenter", "")
	if err != nil {
		t.Fatal(err)
	}
	process, err := d.Client.RunImage(t.Context(), client.RunImage{Image: i.ID, Argv: []string{"true"}})
	if err == nil {
		_, err = d.Client.Wait(t.Context(), process, nil)
	}
	if !problem.Has(err, problem.ImageGone) {
		t.Errorf("a run of what is gone ends with %v", err)
	}
}

// TestAccUpstreamStays: the registry that an image is pulled from is not deleted, and the plan of it warns; an image of a registry is not
// baked.
func TestAccUpstreamStays(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	config := pulled(nil, nil)
	cli.Config(config)
	cli.Apply()
	attributes, _ := cli.Attributes(address)
	build := fmt.Sprintf("resource \"kiln_persistent_build\" \"b\" {\n  image_id = %q\n  image_version = 1\n  resource_group_id = kiln_resource_group.rg.id\n}\n", attributes["id"])
	cli.Config(config + build)
	cli.RefusePlan(acctest.Refusal{
		Code: problem.PersistentBuildRequiresOfficialSource, Field: "image_id", Says: []string{"Value: segmenter"},
	})
	registry, _ := cli.Attributes("kiln_registry.r")
	id := fmt.Sprint(registry["id"])
	if err := d.Client.DeleteRegistry(t.Context(), id); !problem.Has(err, problem.RegistryInUse) || !strings.Contains(err.Error(), "image segmenter") {
		t.Errorf("its registry is deleted: %v", err)
	}
	literal := strings.ReplaceAll(config, "kiln_registry.r.id", `"`+id+`"`)
	block := registries[strings.Index(registries, `resource "kiln_registry" "r"`):strings.Index(registries, `resource "kiln_registry" "personal"`)]
	cli.Config(strings.Replace(literal, block, "", 1))
	cli.WarnPlan(acctest.Refusal{Code: problem.RegistryInUse, Says: []string{"image segmenter"}})
	if _, err := d.Client.CreateBuild(t.Context(), client.CreateBuild{
		ImageID: fmt.Sprint(attributes["id"]), ImageVersion: 1, ResourceGroupID: d.CreateGroup("default", ""), CU: 0.5,
	}); !problem.Has(err, problem.PersistentBuildRequiresOfficialSource) {
		t.Errorf("the daemon bakes it: %v", err)
	}
}

// TestAccUpstreamRecovers: a plan that changes the registry does not ask it, and the apply does.
func TestAccUpstreamRecovers(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(acctest.Group + registries)
	cli.Apply()
	d.Upstream.Down(problem.Problem{Code: problem.RegistryAuthFailed, Field: "username", Value: "x", Limit: "y", Remedy: "Check it."})
	config := strings.Replace(pulled(nil, nil), "edition     = \"enterprise\"", "edition     = \"enterprise\"\n  insecure = true", 1)
	cli.Config(config)
	if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 2 {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
	d.Upstream.Down(nil)
	cli.Apply()
	planned(t, cli, 0, "No changes.")
}

// TestAccUpstreamDaemon: who asks the daemon without a plan is judged by the same rules: a tag is resolved, another network is refused to a
// run, and what comes from a registry that is gone does not come back.
func TestAccUpstreamDaemon(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	other := "resource \"kiln_resource_group\" \"other\" {\n  name = \"other\"\n  network_id = kiln_network.other.id\n  cu = 2\n}\n"
	cli.Config(pulled(nil, nil) + other)
	cli.Apply()
	i, err := d.Client.Image(t.Context(), "segmenter", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client.RunImage(t.Context(), client.RunImage{Image: i.ID, ResourceGroup: "other", Argv: []string{"true"}}); !problem.Has(err, problem.VpcMismatch) {
		t.Errorf("a run in another network: %v", err)
	}
	spec := i.Spec
	spec.Name, spec.Recipe.Base.Registry.Digest = "by_hand", ""
	made, err := d.Client.CreateImage(t.Context(), client.CreateImage{Spec: spec})
	if err != nil || made.Spec.Recipe.Base.Registry.Digest != digest("1") {
		t.Fatalf("by hand: %+v, %v", made.Spec.Recipe.Base, err)
	}
	for code, change := range map[problem.Code]func(*recipe.Upstream){
		problem.NotFound:              func(u *recipe.Upstream) { u.RegistryID = "reg-none" },
		problem.VpcNotBoundToRegistry: func(u *recipe.Upstream) { u.NetworkID = "net-none" },
		problem.ManifestUnknown:       func(u *recipe.Upstream) { u.Tag, u.Digest = "v9", "" },
	} {
		wrong := i.Spec
		wrong.Name = "wrong"
		change(&wrong.Recipe.Base.Registry)
		if _, err := d.Client.CreateImage(t.Context(), client.CreateImage{Spec: wrong}); !problem.Has(err, code) {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	if _, err := d.Client.Wait(t.Context(), made.ProcessID, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Client.DeleteImage(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	registry, _ := cli.Attributes("kiln_registry.r")
	cli.Config(registries + image(map[string]string{"packages": pinned("0.42.1")}) + other)
	cli.Apply()
	if err := d.Client.DeleteRegistry(t.Context(), fmt.Sprint(registry["id"])); err != nil {
		t.Errorf("nothing is pulled from it any more: %v", err)
	}
	if _, err := d.Client.RollbackImage(t.Context(), client.RollbackImage{ID: i.ID, Version: 1}); !problem.Has(err, problem.NotFound) {
		t.Errorf("back to what its registry is gone of: %v", err)
	}
}
