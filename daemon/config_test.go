package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/catalogue"
	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// load reads a configuration from text; where it lies and listens is said when the text does not.
func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "kilnd.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path)
	if err != nil {
		return c, err
	}
	if c.DataDir == "" {
		c.DataDir = "/var/lib/kiln"
	}
	if c.Socket == "" {
		c.Socket = "/run/kiln/kilnd.sock"
	}
	return c.complete()
}

func TestConfigEmpty(t *testing.T) {
	t.Parallel()
	c, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		DataDir: "/var/lib/kiln", Socket: "/run/kiln/kilnd.sock", Runtime: c.Runtime, Workers: 4, VersionPinning: "enforce",
		SecretsDir: "/var/lib/kiln/secrets",
		Regions:    []Region{{Name: "local", Edition: "professional"}},
		Registry:   &Registry{Listen: "127.0.0.1:5380"},
		Catalogue: &Catalogue{
			Mirror: "http://deb.debian.org/debian", Suite: "bookworm", Components: []string{"main"}, Cache: "/var/lib/kiln/catalogue",
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if !filepath.IsAbs(c.Runtime) || filepath.Base(c.Runtime) != "runc" {
		t.Errorf("runtime = %q", c.Runtime)
	}
	regions := []system.Region{{
		Name: "local", Edition: quota.EditionProfessional, Pinning: system.PinningEnforce,
		Sources: recipe.Sources{Pip: recipe.Source{Host: "pypi.org:443"}, Apt: recipe.Source{Host: "deb.debian.org:80"}},
	}}
	if diff := cmp.Diff(regions, c.regions()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(catalogue.Shipped("bookworm", []string{"main"}), c.entries()); diff != "" {
		t.Error(diff)
	}
	if c.mounts() != nil {
		t.Errorf("mounts = %v", c.mounts())
	}
	again, err := c.complete() // what is complete stays as it is
	if diff := cmp.Diff(c, again); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

const everything = `
data_dir        = "/srv/kiln"
socket          = "/srv/kiln.sock"
runtime         = "/opt/runc"
workers         = 9
version_pinning = "warn"

region "local" { edition = "basic" }
region "cn-east_2" {}

registry {
  listen           = "127.0.0.1:6000"
  external_address = "kiln.example:6000"
}

catalogue {
  mirror     = "https://mirror.internal/debian"
  suite      = "trixie"
  components = ["main", "contrib"]
  rpm_mirror = "http://mirror.internal/el9/BaseOS/"
  cache      = "/srv/cache"
  expired    = ["site_base:20260101"]

  image "site_base" "20260101" {
    reference   = "registry.internal:5000/team/base@sha256:` + digest + `"
    description = "what we all use"
    task_types  = ["shell", "notebook"]
    provides    = ["python3"]
    openssl     = "1.0.2k-fips"
  }
}

package_index "mirror" {
  type     = "pip"
  url      = "http://mirror.internal:8081/simple/"
  internal = true
}

package_index "rpms" {
  type = "yum"
  url  = "http://mirror.internal/el9/AppStream/"
}
`

// digest is that of no image.
const digest = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

// oneImage is a catalogue with one image, in which something is replaced by something else.
func oneImage(old, with string) string {
	text := "catalogue {\n image \"a\" \"20260101\" {\n reference = \"r.test/x@sha256:" + digest + "\"\n task_types = [\"shell\"]\n }\n}"
	return strings.Replace(text, old, with, 1)
}

func TestConfigEverything(t *testing.T) {
	t.Parallel()
	c, err := load(t, everything)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		DataDir: "/srv/kiln", Socket: "/srv/kiln.sock", Runtime: "/opt/runc", SecretsDir: "/srv/kiln/secrets", Workers: 9, VersionPinning: "warn",
		Regions:  []Region{{Name: "local", Edition: "basic"}, {Name: "cn-east_2", Edition: "professional"}},
		Registry: &Registry{Listen: "127.0.0.1:6000", ExternalAddress: "kiln.example:6000"},
		Catalogue: &Catalogue{
			Mirror: "https://mirror.internal/debian", Suite: "trixie", Components: []string{"main", "contrib"},
			RPMMirror: "http://mirror.internal/el9/BaseOS/", Cache: "/srv/cache", Expired: []string{"site_base:20260101"},
			Images: []OfficialImage{{
				Name: "site_base", Version: "20260101", Reference: "registry.internal:5000/team/base@sha256:" + digest,
				Description: "what we all use", TaskTypes: []string{"shell", "notebook"}, Provides: []string{"python3"},
				OpenSSL: "1.0.2k-fips",
			}},
		},
		Indexes: []Index{
			{Name: "mirror", Type: "pip", URL: "http://mirror.internal:8081/simple/", Internal: true},
			{Name: "rpms", Type: "yum", URL: "http://mirror.internal/el9/AppStream/"},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	east := system.Region{
		Name: "cn-east_2", Edition: quota.EditionProfessional, Pinning: system.PinningWarn,
		Sources: recipe.Sources{Pip: recipe.Source{Host: "mirror.internal:8081", Internal: true}, Apt: recipe.Source{Host: "mirror.internal:443"}},
	}
	if got := c.regions(); len(got) != 2 || got[1] != east {
		t.Errorf("regions = %v", got)
	}
	entries := c.entries()
	site := official.Image{
		Name: "site_base", Version: "20260101", Description: "what we all use", Status: official.StatusExpired, Provides: []string{"python3"}, OpenSSL: "1.0.2k-fips",
		TaskTypes: []tasktype.Type{tasktype.Shell, tasktype.Notebook}, Reference: "registry.internal:5000/team/base@sha256:" + digest,
	}
	if diff := cmp.Diff(site, entries[len(entries)-1]); diff != "" {
		t.Error(diff)
	}
	if status := entries[0].Status; status != official.StatusReadOnly {
		t.Errorf("%s is %s", entries[0].Tag(), status)
	}
	if suite := entries[0].Definition.Suite; suite != "trixie" {
		t.Errorf("the shipped entries are made from %s", suite)
	}
	text := "[global]\nindex-url = http://mirror.internal:8081/simple/\ntrusted-host = mirror.internal:8081\n"
	repository := "[kiln]\nname=kiln\nbaseurl=http://mirror.internal/el9/AppStream/\nenabled=1\ngpgcheck=0\n"
	if diff := cmp.Diff([]job.Mount{
		{Path: "/etc/pip.conf", Content: text}, {Path: "/etc/yum.repos.d/kiln.repo", Content: repository, Needs: "yum"},
	}, c.mounts()); diff != "" {
		t.Error(diff)
	}
	c.Indexes[0].URL = "https://mirror.internal/simple/"
	if got := c.mounts()[0].Content; got != "[global]\nindex-url = https://mirror.internal/simple/\n" {
		t.Errorf("pip.conf = %q", got)
	}
}

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       []string // the fields
	}{
		{"edition", `region "local" { edition = "gold" }`, []string{"region.local.edition"}},
		{"region with a space", `region "the east" {}`, []string{"region"}},
		{"region in upper case", `region "East" {}`, []string{"region"}},
		{"region with a slash", `region "a/b" {}`, []string{"region"}},
		{"region without a name", `region "" {}`, []string{"region"}},
		{"region twice", "region \"a\" {}\nregion \"a\" {}", []string{"region"}},
		{"pinning", `version_pinning = "on"`, []string{"version_pinning"}},
		{"workers", `workers = -1`, []string{"workers"}},
		{"index of apt", "package_index \"x\" {\n type = \"apt\"\n url = \"http://x/\"\n}", []string{"package_index.x"}},
		{"index without host", "package_index \"x\" {\n type = \"pip\"\n url = \"simple\"\n}", []string{"package_index.x"}},
		{"index of two lines", "package_index \"x\" {\n type = \"pip\"\n url = \"http://x/\\nextra = 1\"\n}", []string{"package_index.x"}},
		{
			"two indexes", strings.Repeat("package_index \"x\" {\n type = \"pip\"\n url = \"http://x/\"\n}\n", 2),
			[]string{"package_index.x"},
		},
		{"rpm mirror", `catalogue { rpm_mirror = "mirror.internal" }`, []string{"catalogue.rpm_mirror"}},
		{"expired without version", `catalogue { expired = ["dataworks_shell_task_pod"] }`, []string{"catalogue.expired"}},
		{"expired and not there", `catalogue { expired = ["site_base:20260101"] }`, []string{"catalogue.expired"}},
		{"mirror", `catalogue { mirror = "deb.debian.org" }`, []string{"catalogue.mirror"}},
		{"mirror of files", `catalogue { mirror = "file:///srv/debian" }`, []string{"catalogue.mirror"}},
		{
			"task type", "catalogue {\n image \"a\" \"20260101\" {\n reference = \"r.test/x@sha256:" + digest + "\"\n task_types = [\"shell\", \"beam\"]\n }\n}",
			[]string{"catalogue.image.a.task_types"},
		},
		{
			"no task type", "catalogue {\n image \"a\" \"20260101\" {\n reference = \"r.test/x@sha256:" + digest + "\"\n task_types = []\n }\n}",
			[]string{"catalogue.image.a.task_types"},
		},
		{
			"version that is no date", "catalogue {\n image \"a\" \"latest\" {\n reference = \"r.test/x@sha256:" + digest + "\"\n task_types = [\"shell\"]\n }\n}",
			[]string{"catalogue.image.a.version"},
		},
		{
			"reference without host", "catalogue {\n image \"a\" \"20260101\" {\n reference = \"debian:12\"\n task_types = [\"shell\"]\n }\n}",
			[]string{"catalogue.image.a.reference"},
		},
		{
			"reference to the hub", "catalogue {\n image \"a\" \"20260101\" {\n reference = \"library/debian\"\n task_types = [\"shell\"]\n }\n}",
			[]string{"catalogue.image.a.reference"},
		},
		{"image name", oneImage(`"a"`, `"../Evil name"`), []string{"catalogue.image.../Evil name"}},
		{"no such day", oneImage("20260101", "20261301"), []string{"catalogue.image.a.version"}},
		{
			"a version twice", strings.TrimSuffix(oneImage("", ""), "}") + strings.TrimPrefix(oneImage("", ""), "catalogue {"),
			[]string{"catalogue.image.a.version"},
		},
		{"a shipped version", oneImage(`"a" "20260101"`, `"dataworks_shell_task_pod" "20261101"`), []string{"catalogue.image.dataworks_shell_task_pod.version"}},
		{"reference without digest", oneImage("@sha256:"+digest, ":12"), []string{"catalogue.image.a.reference"}},
		{"reference with half a digest", oneImage(digest, "ab"), []string{"catalogue.image.a.reference"}},
		{"reference in upper case", oneImage("/x@", "/X@"), []string{"catalogue.image.a.reference"}},
		{"reference on this machine", oneImage("r.test/", "127.0.0.1:5000/"), []string{"catalogue.image.a.reference"}},
		{"reference without port", oneImage("r.test/", "r.test:/"), []string{"catalogue.image.a.reference"}},
		{"its OpenSSL", oneImage("task_types", "openssl = \"OpenSSL 1.0.2\"\n task_types"), []string{"catalogue.image.a.openssl"}},
		{"what it provides", oneImage("task_types", "provides = [\"apt\", \"nonsense\"]\n task_types"), []string{"catalogue.image.a.provides"}},
		{"description", oneImage("task_types", "description = \"a\\nb\"\n task_types"), []string{"catalogue.image.a.description"}},
		{"suite", `catalogue { suite = "--help" }`, []string{"catalogue.suite"}},
		{"components", `catalogue { components = ["", "a,b c", "main", "main"] }`, []string{"catalogue.components", "catalogue.components", "catalogue.components"}},
		{"cache", `catalogue { cache = "somewhere" }`, []string{"catalogue.cache"}},
		{"mirror on this machine", `catalogue { mirror = "http://localhost:8080/debian" }`, []string{"catalogue.mirror"}},
		{"mirror with a user", `catalogue { mirror = "http://user:hunter2@m.test/debian" }`, []string{"catalogue.mirror"}},
		{"external address", `registry { external_address = "http://not an address/ " }`, []string{"registry.external_address"}},
		{"external address without port", `registry { external_address = "registry.internal" }`, []string{"registry.external_address"}},
		{"listen on a name", `registry { listen = "nonsense" }`, []string{"registry.listen"}},
		{"listen everywhere", `registry { listen = "0.0.0.0:5380" }`, []string{"registry.listen"}},
		{"listen on a port that is none", `registry { listen = "127.0.0.1:65536" }`, []string{"registry.listen"}},
		{"index of files", "package_index \"x\" {\n type = \"pip\"\n url = \"ftp://user:hunter2@host\"\n}", []string{"package_index.x"}},
		{"index with a password", "package_index \"x\" {\n type = \"apt\"\n url = \"http://user:hunter2@host/\"\n}", []string{"package_index.x"}},
		{"long socket", `socket = "/` + strings.Repeat("x", 107) + `"`, []string{"socket"}},
		{
			"several", "workers = -1\nversion_pinning = \"\\n\"\nregion \"local\" { edition = \"x\" }",
			[]string{"region.local.edition", "version_pinning", "workers"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, test.text)
			var got []string
			for _, p := range problem.From(err) {
				if p.Code != problem.InvalidParameter || p.Limit == "" || strings.Contains(p.Error(), "hunter2") {
					t.Errorf("got %v", p)
				}
				got = append(got, p.Field)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

// TestConfigUnreadable checks what is no configuration at all: the message says where.
func TestConfigUnreadable(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown field": "wrokers = 4", "unknown block": "network \"x\" {}", "wrong type": "workers = \"many\"", "no HCL": "workers = = 4",
		"block without label": "region {}", "missing field": "package_index \"x\" {\n type = \"pip\"\n}", "two registries": "registry {}\nregistry {}",
	} {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), "kilnd.hcl") || len(problem.From(err)) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadConfig(filepath.Join(t.TempDir(), "gone.hcl")); err == nil {
		t.Error("a file that is not there is read")
	}
}

func TestConfigPlaces(t *testing.T) {
	for _, test := range []struct {
		name                string
		state, run, home    string
		wantData, wantSocks string
	}{
		{"XDG", "/state", "/run/user/7", "/home/x", "/state/kiln", "/run/user/7/kiln/kilnd.sock"},
		{"home", "", "/run/user/7", "/home/x", "/home/x/.local/state/kiln", "/run/user/7/kiln/kilnd.sock"},
		{"no session", "/state", "", "/home/x", "/state/kiln", "/state/kiln/kilnd.sock"},
		{"no session, home", "", "", "/home/x", "/home/x/.local/state/kiln", "/home/x/.local/state/kiln/kilnd.sock"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", test.state)
			t.Setenv("XDG_RUNTIME_DIR", test.run)
			t.Setenv("HOME", test.home)
			c, err := Config{}.complete()
			if err != nil || c.DataDir != test.wantData || c.Socket != test.wantSocks {
				t.Errorf("got %s, %s, %v", c.DataDir, c.Socket, err)
			}
		})
	}
	t.Run("no home", func(t *testing.T) {
		t.Setenv("XDG_STATE_HOME", "")
		t.Setenv("HOME", "")
		if _, err := (Config{Socket: "/x"}).complete(); err == nil {
			t.Error("it lies nowhere")
		}
	})
	t.Run("relative", func(t *testing.T) {
		t.Chdir(t.TempDir())
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		c, err := Config{DataDir: "data", Socket: "/x"}.complete()
		if want := filepath.Join(dir, "data"); err != nil || c.DataDir != want || c.Catalogue.Cache != filepath.Join(want, "catalogue") {
			t.Errorf("got %s, %s, %v", c.DataDir, c.Catalogue.Cache, err)
		}
	})
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	holder, err := os.ReadFile(path)
	if err != nil || string(holder) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("the file says %q, %v", holder, err)
	}
	_, err = lock(path)
	found := problem.From(err)
	if len(found) != 1 || found[0].Code != problem.StateInUse || found[0].Field != "data_dir" || !strings.Contains(found[0].Detail, fmt.Sprint(os.Getpid())) {
		t.Errorf("got %v, want StateInUse with the process", err)
	}
	inherited(t, path)
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if _, err := lock(filepath.Join(path, "x")); err == nil || len(problem.From(err)) > 0 {
		t.Errorf("got %v, want a failure", err)
	}
}

// inherited keeps a file that is open in this process open in another place, as a child does between its beginning and its program.
func inherited(t *testing.T, path string) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err != nil || to != path {
			continue
		}
		n, err := strconv.Atoi(filepath.Base(fd))
		if err != nil {
			t.Fatal(err)
		}
		other, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Close(other); err != nil {
				t.Error(err)
			}
		})
		return
	}
	t.Fatalf("%s is not open", path)
}
