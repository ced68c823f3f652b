package image_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccOfficialMatrix: each of the ten task types is planned on an official image that serves it, and refused on one that
// does not.
func TestAccOfficialMatrix(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t, func(c *daemon.Config) {
		all, rest := c.Catalogue.Images[0], c.Catalogue.Images[0]
		all.Name, all.TaskTypes = "site_all", tasktype.Names(tasktype.Types)
		c.Catalogue.Images = []daemon.OfficialImage{all}
		for _, without := range tasktype.Types {
			rest.Name, rest.TaskTypes = "site_without_"+string(without), nil
			for _, other := range tasktype.Types {
				if other != without {
					rest.TaskTypes = append(rest.TaskTypes, string(other))
				}
			}
			c.Catalogue.Images = append(c.Catalogue.Images, rest)
		}
	})
	t.Cleanup(func() {
		if n := d.Engine.Calls(worker.KindImage) + d.Engine.Calls(worker.KindPull); n != 0 {
			t.Errorf("plans have started %d jobs", n)
		}
	})
	for _, kind := range tasktype.Types {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			cli := d.CLI(t)
			on := func(base string) {
				cli.Config(image(map[string]string{"source": official(base, ""), "task_types": `["` + string(kind) + `"]`}))
			}
			on("site_all")
			if output, code := cli.Run("plan", "-detailed-exitcode", "-no-color"); code != 2 {
				t.Errorf("plan ended with %d:\n%s", code, output)
			}
			on("site_without_" + string(kind))
			cli.RefusePlan(acctest.Refusal{
				Code: problem.TaskTypeNotSupported, Field: "task_types",
				Says: []string{"Value: " + string(kind), "official image site_without_" + string(kind)},
			})
		})
	}
	if len(tasktype.Types) != 10 {
		t.Errorf("%d task types, want ten", len(tasktype.Types))
	}
}

// TestAccSwitchBaseRefused: a base that lacks a chosen task type, or what an entry needs, is refused in the plan, and nothing becomes
// of it.
func TestAccSwitchBaseRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(image(map[string]string{"source": official("dataworks_shell_task_pod", ""), "task_types": `["shell"]`}))
	cli.Apply()
	for _, test := range []struct {
		base, packages string
		want           acctest.Refusal
	}{
		{"dataworks_notebook_task_pod", "", acctest.Refusal{
			Code: problem.TaskTypeNotSupported, Field: "task_types", Says: []string{"Value: shell", "notebook"},
		}},
		{"dataworks_pyodps_py311_task_pod", `[{ type = "python2", names = ["six==1.16.0"] }]`, acctest.Refusal{
			Code: problem.RuntimeMissing, Field: "packages[0].type", Says: []string{"Value: python2", "apt, python3"},
		}},
		{"dataworks_shell_task_pod", `[{ type = "yum", names = ["git-2.39.5"] }]`, acctest.Refusal{
			Code: problem.PackageManagerMissing, Field: "packages[0].type", Says: []string{"Value: yum", "apt"},
		}},
	} {
		cli.Config(image(map[string]string{"source": official(test.base, ""), "task_types": `["shell"]`, "packages": test.packages}))
		cli.RefusePlan(test.want)
	}
	if n := d.Engine.Calls(worker.KindImage); n != 1 {
		t.Errorf("%d builds after refusals, want that of version 1", n)
	}
}

// TestAccSwitchBase: another official image is a new version, and the published one serves until that is published.
func TestAccSwitchBase(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	shell := map[string]string{"source": official("dataworks_shell_task_pod", ""), "task_types": `["shell"]`}
	moved := map[string]string{"source": official(acctest.Official, ""), "task_types": `["shell"]`}
	config := func(arguments map[string]string) string { return d.Provider() + image(arguments) }
	acctest.Run(t,
		resource.TestStep{Config: config(shell), Check: resource.ComposeTestCheckFunc(
			attribute("stage", "Published"), attribute("published_version", "1"), attribute("source.official.version", "20261101"))},
		resource.TestStep{
			PreConfig: func() {
				d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureCommand, Step: "test", ExitCode: 1})
			},
			Config: config(moved), ExpectError: acctest.Words("TestFailed"),
		},
		resource.TestStep{RefreshState: true, ExpectNonEmptyPlan: true, Check: resource.ComposeTestCheckFunc(
			attribute("version", "2"), attribute("stage", "TestFailed"), attribute("published_version", "1"))},
		resource.TestStep{Config: config(shell), Check: resource.ComposeTestCheckFunc(
			attribute("stage", "Published"), attribute("published_version", "1"))},
		acctest.Planned(config(moved), address, plancheck.ResourceActionUpdate),
		resource.TestStep{Config: config(moved), Check: resource.ComposeTestCheckFunc(
			attribute("stage", "Published"), attribute("source.official.version", acctest.OfficialVersion))},
		acctest.Unchanged(config(moved)),
	)
}

// TestAccOldOpenSSL: a plan warns of an urllib3 that cannot be imported on a base whose Python the catalogue says to have an old OpenSSL.
func TestAccOldOpenSSL(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t, func(c *daemon.Config) {
		old := c.Catalogue.Images[0]
		old.Name, old.Provides, old.OpenSSL = "site_old", []string{"python3"}, "1.0.2k-fips"
		fresh := old
		fresh.Name, fresh.OpenSSL = "site_new", "3.0.17"
		c.Catalogue.Images = []daemon.OfficialImage{old, fresh}
	})
	cli := d.CLI(t)
	for _, test := range []struct {
		base, name string
		warns      bool
	}{
		{"site_old", "urllib3==2.0.7", true}, {"site_old", "urllib3==1.26.16", false}, {"site_new", "urllib3==2.0.7", false},
	} {
		cli.Config(image(map[string]string{
			"source": official(test.base, ""), "task_types": `["shell"]`, "packages": `[{ type = "python3", names = ["` + test.name + `"] }]`,
		}))
		output, code := cli.Run("plan", "-detailed-exitcode", "-no-color")
		warned := acctest.Words("Warning: OpenSSLTooOld", "site_old has 1.0.2k-fips", "Field: packages[0].names[0]", "Value: urllib3==2.0.7").MatchString(output)
		if code != 2 || warned != test.warns || !test.warns && strings.Contains(output, "OpenSSLTooOld") {
			t.Errorf("%s on %s: plan ended with %d\n%s", test.name, test.base, code, output)
		}
	}
}

// TestAccBaseExpired: nothing new is based on a version that has expired, which the plan says; what was, stays, may be edited, and is gone
// back to.
func TestAccBaseExpired(t *testing.T) {
	t.Parallel()
	const newest = "20260202"
	d := acctest.Start(t)
	cli := d.CLI(t)
	on := func(version string, further map[string]string) {
		arguments := map[string]string{"source": official(acctest.Site, `, version = "`+version+`"`), "task_types": `["shell"]`}
		maps.Copy(arguments, further)
		cli.Config(image(arguments))
	}
	on(acctest.SiteVersion, nil)
	cli.Apply()
	d.Stop()
	d.Change(func(c *daemon.Config) {
		later := c.Catalogue.Images[0]
		later.Version = newest
		c.Catalogue.Images = append(c.Catalogue.Images, later)
		c.Catalogue.Expired = []string{acctest.Site + ":" + acctest.SiteVersion}
	})
	d.Run()
	edited := map[string]string{"env": `{ EDITED = "yes" }`}
	on(acctest.SiteVersion, edited)
	cli.Apply()
	on(newest, nil)
	cli.Apply()
	if attributes, _ := cli.Attributes(address); attributes["status"] != "Available" || attributes["version"] != 3.0 {
		t.Errorf("status %v, version %v", attributes["status"], attributes["version"])
	}
	refusal := acctest.Refusal{
		Code: problem.BaseImageExpired, Field: "source.official.version", Says: []string{"Value: " + acctest.SiteVersion, "Limit: " + newest},
	}
	on(acctest.SiteVersion, map[string]string{"env": `{ EDITED = "again" }`})
	cli.RefusePlan(refusal)
	on(acctest.SiteVersion, edited) // published before
	cli.Apply()
	if attributes, _ := cli.Attributes(address); attributes["status"] != "Expired" || attributes["published_version"] != 2.0 {
		t.Errorf("status %v, published version %v", attributes["status"], attributes["published_version"])
	}
	cli.Config(strings.Replace(image(map[string]string{
		"source": official(acctest.Site, `, version = "`+acctest.SiteVersion+`"`), "task_types": `["shell"]`, "name": `"another"`,
	}), `"x"`, `"new"`, 1))
	cli.RefusePlan(refusal)
}
