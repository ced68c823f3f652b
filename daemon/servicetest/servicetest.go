// Package servicetest puts the services together as kilnd does, for their tests: over a real database and the real runner,
// with a scripted engine and a make-believe registry. It must not know Buildah: its users run under the race detector.
package servicetest

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/binding"
	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/catalogue"
	"github.com/kilnhq/kiln/daemon/enginetest"
	"github.com/kilnhq/kiln/daemon/file"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/network"
	"github.com/kilnhq/kiln/daemon/place"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/resourcegroup"
	"github.com/kilnhq/kiln/daemon/sqlite"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/system"
	"github.com/kilnhq/kiln/daemon/workspace"
	networkdomain "github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/quota"
	groupdomain "github.com/kilnhq/kiln/internal/domain/resourcegroup"
	systemdomain "github.com/kilnhq/kiln/internal/domain/system"
	workspacedomain "github.com/kilnhq/kiln/internal/domain/workspace"
)

// Owner is the caller in most tests, Stranger somebody else.
const (
	Owner    = "uid:1000"
	Stranger = "uid:1001"
)

// patience is how long a test waits for something that must happen at once.
const patience = 3 * time.Minute

// Options is what a test may choose. The zero value is one region named local of the edition professional that enforces
// versions, four workers, and the catalogue that Kiln ships.
type Options struct {
	Dir     string // to go on with what an earlier Daemon has left; empty: a new one
	Regions []systemdomain.Region
	Workers int
	Entries []official.Image
	RPM     string // URL of the rpm repository of the catalogue
	Idle    bool   // nothing is claimed until Start is called
}

// Daemon is the services, wired, and what they stand on.
type Daemon struct {
	Dir      string
	Store    *sqlite.Store
	Engine   *enginetest.Engine
	Registry *enginetest.Registry
	Files    *file.Store

	Runner         *process.Runner
	Catalogue      *catalogue.Service
	Images         *image.Service
	Builds         *build.Service
	Bindings       *binding.Service
	System         *system.Service
	Workspaces     *resource.Service[workspacedomain.Workspace]
	Networks       *resource.Service[networkdomain.Network]
	ResourceGroups *resource.Service[groupdomain.ResourceGroup]

	tb      testing.TB
	ctx     context.Context //nolint:containedctx // a Daemon ends with the test whose context it carries
	once    sync.Once
	stop    func()
	stopped chan error // nil while nothing was started
}

// New wires the services and starts the runner. All ends with the test, or with Stop.
func New(tb testing.TB, o Options) *Daemon {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	if len(o.Regions) == 0 {
		o.Regions = []systemdomain.Region{{
			Name: systemdomain.DefaultRegion, Edition: quota.EditionProfessional, Pinning: systemdomain.PinningEnforce,
		}}
	}
	if o.Workers == 0 {
		o.Workers = 4
	}
	if o.Entries == nil {
		o.Entries = catalogue.Shipped("bookworm", []string{"main"})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), patience)
	db, err := sqlite.Open(ctx, filepath.Join(o.Dir, "kiln.db"), nil)
	if err != nil {
		tb.Fatal(err)
	}
	files, err := file.New(filepath.Join(o.Dir, "file"))
	if err != nil {
		tb.Fatal(err)
	}
	d := &Daemon{
		Dir: o.Dir, Store: db, Files: files, Engine: enginetest.New(), Registry: enginetest.NewRegistry(),
		tb: tb, ctx: ctx, stop: func() {},
	}
	d.wire(o)
	tb.Cleanup(func() {
		d.Stop()
		cancel()
	})
	if err := d.Runner.Recover(ctx); err != nil {
		tb.Fatal(err)
	}
	if !o.Idle {
		d.Start()
	}
	return d
}

// wire does what package daemon does.
func (d *Daemon) wire(o Options) {
	region := func(name string) (systemdomain.Region, error) { return system.Find(o.Regions, name) }
	regionName := func(name string) (string, error) {
		r, err := region(name)
		return r.Name, err
	}
	d.Runner = process.New(process.Config{
		Store: within(d, func(tx *sqlite.Tx) process.Tx { return tx }), Dir: filepath.Join(d.Dir, "log"), Clock: time.Now,
		Logger: slog.New(slog.DiscardHandler),
		Limits: process.Limits{Workers: o.Workers, Builds: func(name string) int {
			r, err := region(name)
			if err != nil {
				return 0
			}
			return quota.LimitsOf(r.Edition).Builds
		}},
	})
	places := place.NewFinder(within(d, func(tx *sqlite.Tx) place.Tx { return tx }), lookup)
	d.Catalogue = catalogue.New(catalogue.Config{
		Store: within(d, func(tx *sqlite.Tx) catalogue.Tx { return tx }), Queue: d.Runner, Reach: places.Hosts, Entries: o.Entries,
		Mirror: "http://mirror.test/debian", RPM: o.RPM, Region: o.Regions[0].Name,
	})
	maker := &job.Maker{Engine: d.Engine, Catalogue: d.Catalogue, Places: places, Files: d.Files}
	d.Catalogue.Use(maker)
	d.Builds = build.New(build.Config{
		Store: within(d, func(tx *sqlite.Tx) build.Tx { return tx }), Queue: d.Runner, Worker: maker, Registry: d.Registry, Region: region,
		Catalogue: d.Catalogue,
	})
	d.Images = image.New(image.Config{
		Store: within(d, func(tx *sqlite.Tx) image.Tx { return tx }), Queue: d.Runner, Worker: maker, Fetcher: d.Builds,
		Catalogue: d.Catalogue, Files: d.Files, Region: region,
	})
	for kind, h := range map[processdomain.Kind]process.Handler{
		processdomain.KindCatalogue: d.Catalogue, processdomain.KindTest: image.Tester{Service: d.Images},
		processdomain.KindRun: image.Runner{Service: d.Images}, processdomain.KindBuild: build.Baker{Service: d.Builds},
		processdomain.KindCleanup: build.Cleaner{Service: d.Builds},
	} {
		d.Runner.Handle(kind, h)
	}
	d.System = system.New(system.Config{
		Version: "test", Regions: o.Regions, Store: within(d, func(tx *sqlite.Tx) system.Tx { return tx }), Catalogue: d.Catalogue,
		Registry: d.Registry,
	})
	d.Bindings = binding.New(within(d, func(tx *sqlite.Tx) binding.Tx { return tx }), o.Regions[0].Name)
	d.Workspaces = resource.New(workspace.Kind, within(d, declared((*sqlite.Tx).Workspaces)), regionName)
	d.Networks = resource.New(network.Kind, within(d, declared((*sqlite.Tx).Networks)), regionName)
	d.ResourceGroups = resource.New(resourcegroup.Kind, within(d, declared((*sqlite.Tx).ResourceGroups)), regionName)
}

// Context ends with the test, at the latest after three minutes.
func (d *Daemon) Context() context.Context { return d.ctx }

// Start starts the runner of a Daemon that was made Idle.
func (d *Daemon) Start() {
	d.tb.Helper()
	ctx, cancel := context.WithCancel(d.ctx)
	d.stop, d.stopped = cancel, make(chan error, 1)
	go func() { d.stopped <- d.Runner.Run(ctx) }()
}

// Stop ends the runner as a daemon that is told to stop does, and closes the store. Doing it twice is harmless.
func (d *Daemon) Stop() {
	d.tb.Helper()
	d.once.Do(func() {
		d.stop()
		if d.stopped != nil {
			if err := <-d.stopped; err != nil {
				d.tb.Errorf("the runner has ended: %v", err)
			}
		}
		if err := d.Store.Close(); err != nil {
			d.tb.Error(err)
		}
	})
}

// Killed gives a directory with what would be left if the daemon were killed now: nothing is told that it ends.
func (d *Daemon) Killed() string {
	d.tb.Helper()
	dir := d.tb.TempDir()
	err := errors.Join(
		d.Store.Backup(d.ctx, filepath.Join(dir, "kiln.db")),
		os.CopyFS(filepath.Join(dir, "log"), os.DirFS(filepath.Join(d.Dir, "log"))),
		os.CopyFS(filepath.Join(dir, "file"), os.DirFS(filepath.Join(d.Dir, "file"))),
	)
	if err != nil {
		d.tb.Fatal(err)
	}
	return dir
}

// lookup knows one address for every name.
func lookup(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
}

func within[T any](d *Daemon, view func(*sqlite.Tx) T) store.Of[T] {
	use := func(run func(context.Context, func(*sqlite.Tx) error) error) func(context.Context, func(T) error) error {
		return func(ctx context.Context, fn func(T) error) error {
			return run(ctx, func(tx *sqlite.Tx) error { return fn(view(tx)) })
		}
	}
	return store.Of[T]{Read: use(d.Store.Read), Write: use(d.Store.Write)}
}

func declared[T any](view func(*sqlite.Tx) sqlite.Declared[T]) func(*sqlite.Tx) resource.Tx[T] {
	return func(tx *sqlite.Tx) resource.Tx[T] { return view(tx) }
}
