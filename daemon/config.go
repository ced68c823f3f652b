// Package daemon wires the parts of kilnd together, starts them in order and
// stops them. It holds no rule and does no work of its own.
package daemon

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsimple"

	"github.com/kilnhq/kiln/daemon/catalogue"
	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// Config is the daemon's configuration, as kilnd.hcl has it. The zero value is good: every field has a default.
type Config struct {
	DataDir        string     `hcl:"data_dir,optional"`        // default: $XDG_STATE_HOME/kiln
	Socket         string     `hcl:"socket,optional"`          // default: $XDG_RUNTIME_DIR/kiln/kilnd.sock, or kilnd.sock in the default data_dir
	Runtime        string     `hcl:"runtime,optional"`         // path of runc; default: beside kilnd, or in ../libexec/kiln
	SecretsDir     string     `hcl:"secrets_dir,optional"`     // files that password_from may name; default: secrets in data_dir
	Workers        int        `hcl:"workers,optional"`         // processes at the same time; default 4
	VersionPinning string     `hcl:"version_pinning,optional"` // enforce (default), warn or off
	Regions        []Region   `hcl:"region,block"`             // default: local, professional
	Registry       *Registry  `hcl:"registry,block"`
	Catalogue      *Catalogue `hcl:"catalogue,block"`
	Indexes        []Index    `hcl:"package_index,block"`
}

// Region is a scope of names, quotas and builds; the first one is the default.
type Region struct {
	Name    string `hcl:"name,label"`
	Edition string `hcl:"edition,optional"` // default professional
}

// Registry is the embedded registry.
type Registry struct {
	Listen          string `hcl:"listen,optional"`           // HOST:PORT on loopback; default 127.0.0.1:5380
	ExternalAddress string `hcl:"external_address,optional"` // what image_ref says; default: listen
}

// Catalogue says where official images come from.
type Catalogue struct {
	Mirror     string          `hcl:"mirror,optional"`     // default http://deb.debian.org/debian
	Suite      string          `hcl:"suite,optional"`      // default bookworm
	Components []string        `hcl:"components,optional"` // default main
	RPMMirror  string          `hcl:"rpm_mirror,optional"` // URL of an rpm repository; default: none, and no image of rpm packages
	Cache      string          `hcl:"cache,optional"`      // directory of finished root file systems; default: in the data directory
	Internal   bool            `hcl:"internal,optional"`   // the mirror is reachable without public access
	Expired    []string        `hcl:"expired,optional"`    // entries, as NAME:VERSION, that nothing new may be based on
	Images     []OfficialImage `hcl:"image,block"`
}

// OfficialImage is an entry that a site adds from a registry of its own.
type OfficialImage struct {
	Name        string   `hcl:"name,label"`
	Version     string   `hcl:"version,label"` // a date, YYYYMMDD
	Reference   string   `hcl:"reference"`     // HOST[:PORT]/REPOSITORY@DIGEST
	Description string   `hcl:"description,optional"`
	TaskTypes   []string `hcl:"task_types"`
	Provides    []string `hcl:"provides,optional"` // apt, yum, python2, python3
	OpenSSL     string   `hcl:"openssl,optional"`  // the version that Python has, such as 1.0.2k-fips
}

// Index is a package index that install steps use when an entry names none.
type Index struct {
	Name     string `hcl:"name,label"`
	Type     string `hcl:"type"` // pip or yum, one of each
	URL      string `hcl:"url"`
	Internal bool   `hcl:"internal,optional"` // reachable without public access
}

// The defaults.
const (
	DefaultListen  = "127.0.0.1:5380"
	DefaultMirror  = "http://deb.debian.org/debian"
	DefaultSuite   = "bookworm"
	DefaultWorkers = 4
)

// LoadConfig reads a configuration file.
func LoadConfig(path string) (Config, error) {
	var c Config
	if err := hclsimple.DecodeFile(path, nil, &c); err != nil {
		return c, fmt.Errorf("read configuration %q: %w", path, err)
	}
	return c, nil
}

// complete fills in the defaults and refuses what makes no sense.
func (c Config) complete() (Config, error) {
	var err error
	if c.DataDir == "" {
		if c.DataDir, err = home("XDG_STATE_HOME", ".local/state"); err != nil {
			return c, err
		}
	}
	if c.DataDir, err = filepath.Abs(c.DataDir); err != nil {
		return c, fmt.Errorf("find data directory: %w", err)
	}
	if c.SecretsDir, err = filepath.Abs(cmp.Or(c.SecretsDir, filepath.Join(c.DataDir, "secrets"))); err != nil {
		return c, fmt.Errorf("find directory of secrets: %w", err)
	}
	if c.Socket == "" {
		if c.Socket, err = defaultSocket(); err != nil {
			return c, err
		}
	}
	if c.Socket, err = filepath.Abs(c.Socket); err != nil {
		return c, fmt.Errorf("find socket: %w", err)
	}
	if c.Runtime == "" {
		c.Runtime = findRuntime()
	}
	c.Workers = cmp.Or(c.Workers, DefaultWorkers)
	c.VersionPinning = cmp.Or(c.VersionPinning, string(system.PinningEnforce))
	if len(c.Regions) == 0 {
		c.Regions = []Region{{Name: system.DefaultRegion}}
	}
	c.Regions = slices.Clone(c.Regions)
	for i := range c.Regions {
		c.Regions[i].Edition = cmp.Or(c.Regions[i].Edition, string(quota.EditionProfessional))
	}
	c.Registry = &Registry{Listen: cmp.Or(deref(c.Registry).Listen, DefaultListen), ExternalAddress: deref(c.Registry).ExternalAddress}
	given := deref(c.Catalogue)
	given.Mirror, given.Suite = cmp.Or(given.Mirror, DefaultMirror), cmp.Or(given.Suite, DefaultSuite)
	given.Cache = cmp.Or(given.Cache, filepath.Join(c.DataDir, "catalogue"))
	if len(given.Components) == 0 {
		given.Components = []string{"main"}
	}
	c.Catalogue = &given
	return c, c.validate().Err()
}

func (c Config) regions() []system.Region {
	list := make([]system.Region, len(c.Regions))
	for i, r := range c.Regions {
		list[i] = system.Region{
			Name: r.Name, Edition: quota.Edition(r.Edition), Pinning: system.Pinning(c.VersionPinning), Sources: c.sources(),
		}
	}
	return list
}

// sources are the hosts that installers in the official images ask by themselves.
func (c Config) sources() recipe.Sources {
	s := recipe.Sources{Pip: recipe.Source{Host: "pypi.org:443"}}
	for _, index := range c.Indexes {
		if index.Type != "pip" {
			continue
		}
		s.Pip.Host, _ = recipe.HostPort(index.URL)
		s.Pip.Internal = index.Internal
	}
	s.Apt.Host, _ = recipe.HostPort(c.Catalogue.Mirror)
	s.Apt.Internal = c.Catalogue.Internal
	return s
}

func (c Config) entries() []official.Image {
	entries := catalogue.Shipped(c.Catalogue.Suite, c.Catalogue.Components)
	for _, given := range c.Catalogue.Images {
		entry := official.Image{
			Name: given.Name, Version: given.Version, Description: given.Description, Provides: given.Provides, OpenSSL: given.OpenSSL,
			Status: official.StatusReadOnly, Reference: given.Reference,
		}
		for _, t := range given.TaskTypes {
			entry.TaskTypes = append(entry.TaskTypes, tasktype.Type(t))
		}
		entries = append(entries, entry)
	}
	for i, entry := range entries {
		if slices.Contains(c.Catalogue.Expired, entry.Name+":"+entry.Version) {
			entries[i].Status = official.StatusExpired
		}
	}
	return entries
}

// mounts gives the configuration files that install steps see: the default package indexes.
func (c Config) mounts() []job.Mount {
	var mounts []job.Mount
	for _, index := range c.Indexes {
		if index.Type == "yum" {
			mounts = append(mounts, job.Mount{
				Path: pkgmanager.YumFile, Content: pkgmanager.YumRepository(index.URL), Needs: string(pkgmanager.Yum),
			})
			continue
		}
		text := "[global]\nindex-url = " + index.URL + "\n"
		if host := pkgmanager.TrustedHost(index.URL); host != "" {
			text += "trusted-host = " + host + "\n"
		}
		mounts = append(mounts, job.Mount{Path: "/etc/pip.conf", Content: text})
	}
	return mounts
}

func deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

func home(variable, fallback string) (string, error) {
	if dir := os.Getenv(variable); dir != "" {
		return filepath.Join(dir, "kiln"), nil
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find home directory: %w", err)
	}
	return filepath.Join(dir, fallback, "kiln"), nil
}

// defaultSocket is where clients look for it: in the session's directory or, where there is none, with the state.
func defaultSocket() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "kiln", "kilnd.sock"), nil
	}
	dir, err := home("XDG_STATE_HOME", ".local/state")
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "kilnd.sock"), nil
}

// findRuntime looks where `make build` and `make install` put the runtime.
func findRuntime() string {
	self, err := os.Executable()
	if err != nil {
		return "runc"
	}
	dir := filepath.Dir(self)
	for _, path := range []string{filepath.Join(dir, "runc"), filepath.Join(dir, "..", "libexec", "kiln", "runc")} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return filepath.Join(dir, "runc")
}
