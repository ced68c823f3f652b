//go:build e2e

package e2e

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kilnhq/kiln/daemon/distributiontest"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// upstreamImage is an image that runs a shell, with the data of the time zone UTC, and something to say.
func upstreamImage(t *testing.T, says string, further ...distributiontest.Entry) distributiontest.Image {
	t.Helper()
	entries := append(distributiontest.Programs(t, "/bin/sh", "/bin/cat"),
		distributiontest.File("etc/says", says+"\n"), distributiontest.File("usr/share/zoneinfo/UTC", "TZif"))
	return distributiontest.Image{
		Architecture: "amd64", Config: map[string]any{"Entrypoint": []string{"/bin/none"}, "Env": []string{"PATH=/bin"}},
		Layers: []distributiontest.Blob{distributiontest.Pack(t, append(entries, further...)...)},
	}
}

// upstreamTest is a registry, and images that come from it.
type upstreamTest struct {
	name  string
	r     *distributiontest.Registry
	d     *kilnd
	w     *workspace
	allow string
}

// config declares the registry with a password of a version, and an image with these arguments of its source.
func (u upstreamTest) config(password string, version int, source, arguments string) string {
	return surroundings(u.name, u.allow) + fmt.Sprintf(`
resource "kiln_registry" "test" {
  name                = %q
  endpoint            = %q
  edition             = "enterprise"
  network_ids         = [kiln_network.test.id]
  ca_cert             = %s
  username            = %q
  password_wo         = %q
  password_wo_version = %d
}
resource "kiln_custom_image" "test" {
  name       = %q
  source     = {
    registry = {
      registry_id = kiln_registry.test.id
      network_id  = kiln_network.test.id
      %s
    }
  }
  %s
}
`, u.name, network.HostName+":"+u.r.Port, strconv.Quote(u.r.CA), distributiontest.User, password, version, u.name, source, arguments)
}

const (
	shellTask = `task_types = ["shell"]
  env        = { SAYS = "kiln" }
  test       = { resource_group_id = kiln_resource_group.test.id, commands = ["cat /etc/says"] }`
	tagged = "repository = \"team/base\"\n tag = \"v1\""
)

func (u upstreamTest) good() string {
	return u.config(distributiontest.Password, 1, tagged, shellTask)
}

// runs checks what the image says, and that nothing of what was pulled for that is left.
func (u upstreamTest) runs(t *testing.T, want string) {
	t.Helper()
	if said, err := u.d.kiln(t, "run", u.name, "--", "/bin/sh", "-c", "cat /etc/says; echo $SAYS $TZ"); err != nil || said != want+"\nkiln UTC\n" {
		t.Errorf("kiln run: %q, %v, want %s", said, err, want)
	}
}

// planned checks that a plan changes nothing, and warns.
func (u upstreamTest) planned(t *testing.T, codes ...string) {
	t.Helper()
	out, err := u.w.run(t, "plan", "-input=false", "-detailed-exitcode", "-json")
	if err != nil {
		t.Errorf("plan: %v\n%s", err, out)
	}
	var found []string
	for _, d := range diagnoses(t, out, "warning") {
		found = append(found, d.Summary)
	}
	if strings.Join(found, " ") != strings.Join(codes, " ") {
		t.Errorf("the plan warns of %q, want %q", found, codes)
	}
}

// TestRegistryImage is the life of an image of a registry: applied, published and run by its digest, whatever its tag stands for
// meanwhile, and not when it is gone.
func TestRegistryImage(t *testing.T) {
	t.Parallel()
	d, r := daemon(t), distributiontest.Start(t)
	u := upstreamTest{name: "upstream", r: r, d: d, allow: network.HostName + ":" + r.Port}
	first := r.PushImage("team/base", "v1", upstreamImage(t, "one"))
	u.w = d.workspace(t, mainTool(), u.good())
	u.w.apply(t)
	if got := u.w.attribute(t, imageAddress, "base_digest"); got != first {
		t.Errorf("it is based on %s, want %s", got, first)
	}
	u.w.settled(t)
	u.runs(t, "one")

	second := r.PushImage("team/base", "v1", upstreamImage(t, "two"))
	u.planned(t, "UpstreamDigestChanged")
	u.runs(t, "one")
	u.w.write(t, u.config(distributiontest.Password, 1, fmt.Sprintf("repository = \"team/base\"\n digest = %q", second), shellTask))
	u.w.apply(t)
	u.runs(t, "two")
	u.w.write(t, u.good()) // the tag again
	u.w.apply(t)
	u.w.settled(t)
	var group sync.WaitGroup
	for range 4 { // each puts the same layers into the store, and takes them away
		group.Go(func() { u.runs(t, "two") })
	}
	group.Wait()

	r.Delete("team/base", second)
	u.planned(t, "ManifestUnknown", "ImageGone")
	if _, err := d.kiln(t, "run", u.name, "--", "/bin/sh", "-c", "true"); err == nil || !strings.Contains(err.Error(), "ImageGone") {
		t.Errorf("run of what is gone: %v", err)
	}
	r.Stop()
	u.planned(t, "RegistryUnreachable")
	if _, err := d.kiln(t, "run", u.name, "--", "/bin/sh", "-c", "true"); err == nil || !strings.Contains(err.Error(), "ImagePullFailed") {
		t.Errorf("run without the registry: %v", err)
	}
	u.nothingLeft(t, u.w.attribute(t, imageAddress, "id"))
	u.w.destroy(t)
}

// nothingLeft checks that nothing is left of the pulls of an image's processes.
func (u upstreamTest) nothingLeft(t *testing.T, id string) {
	t.Helper()
	for _, kind := range []process.Kind{process.KindTest, process.KindRun} {
		for _, p := range u.d.processes(t, id, kind) {
			if left, err := filepath.Glob(filepath.Join(u.d.dir, "data", "pull", p.ID+"*")); err != nil || len(left) > 0 {
				t.Errorf("%q are left, %v", left, err)
			}
		}
	}
}

// TestRegistryImageRefused: what can be seen in the plan is refused there, and what only the image itself can show, in its test; each
// with a code, and nothing of it stays.
func TestRegistryImageRefused(t *testing.T) {
	t.Parallel()
	d, r := daemon(t), distributiontest.Start(t)
	u := upstreamTest{name: "refused_upstream", r: r, d: d, allow: network.HostName + ":" + r.Port}
	push := func(tag string, i distributiontest.Image) { r.PushImage("team/base", tag, i) }
	good := upstreamImage(t, "one")
	push("v1", good)
	arm := good
	arm.Architecture = "arm64"
	push("arm", arm)
	push("bare", distributiontest.Image{Architecture: "amd64", Layers: []distributiontest.Blob{
		distributiontest.Pack(t, distributiontest.Programs(t, "/bin/sh")...),
	}})
	push("escape", upstreamImage(t, "x", distributiontest.File("../../../../tmp/kiln-escaped", "x")))
	push("device", upstreamImage(t, "x", distributiontest.Entry{Header: tar.Header{Typeflag: tar.TypeChar, Name: "dev/kmsg", Devmajor: 1, Devminor: 11}}))
	push("link", upstreamImage(t, "x", distributiontest.Entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "run", Linkname: "/etc"}}))
	lying := good
	lying.Layers = []distributiontest.Blob{{Content: good.Layers[0].Content, DiffID: "sha256:" + strings.Repeat("1", 64)}}
	push("lying", lying)

	of := func(tag, further, arguments string) string {
		return u.config(distributiontest.Password, 1, "repository = \"team/base\"\n tag = \""+tag+"\"\n"+further, arguments)
	}
	python := strings.Replace(shellTask, `"shell"`, `"python"`, 1)
	alone, _, _ := strings.Cut(u.good(), "resource \"kiln_custom_image\"")
	u.w = d.workspace(t, mainTool(), alone)
	u.w.apply(t)
	for _, tt := range []struct{ code, config string }{
		{"ArchitectureNotSupported", of("arm", "", shellTask)},
		{"ManifestUnknown", of("v9", "", shellTask)},
		{"TimezoneDataMissing", of("bare", "", shellTask)},
		{"RuntimeMissing", of("v1", "", python)},
		{"StartCommandNotFound", of("v1", `start_command = "/opt/venv/bin/python -u"`, python)},
		{"TestFailed", of("v1", "", strings.Replace(shellTask, "cat /etc/says", "exit 3", 1))},
		{"RegistryBadAnswer", of("escape", "", shellTask)},
		{"RegistryBadAnswer", of("device", "", shellTask)},
		{"RegistryBadAnswer", of("link", "", shellTask)},
		{"RegistryBadAnswer", of("lying", "", shellTask)},
	} {
		u.w.write(t, tt.config)
		if found := u.w.applyFails(t); !strings.Contains(found.Summary, ": "+tt.code) && found.Summary != tt.code {
			t.Errorf("got %s, want %s:\n%s", found.Summary, tt.code, found.Detail)
		}
	}
	if _, err := os.Lstat("/tmp/kiln-escaped"); err == nil {
		t.Error("an image has written to the machine")
	}
	u.w.write(t, u.config("wrong", 2, tagged, shellTask))
	if found := u.w.applyFails(t); !strings.HasSuffix(found.Summary, "RegistryAuthFailed") {
		t.Errorf("with a wrong password: %s:\n%s", found.Summary, found.Detail)
	}
	u.w.write(t, u.config(distributiontest.Password, 3, tagged, shellTask))
	u.w.apply(t)
	u.runs(t, "one")
	state, err := os.ReadFile(u.w.dir + "/terraform.tfstate")
	if err != nil || strings.Contains(string(state)+d.log(), distributiontest.Password) {
		t.Errorf("the password is in the state or in the daemon's log, %v", err)
	}
	u.nothingLeft(t, u.w.attribute(t, imageAddress, "id"))
	u.w.destroy(t)
}
