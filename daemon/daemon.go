package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kilnhq/kiln/daemon/binding"
	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/catalogue"
	"github.com/kilnhq/kiln/daemon/distribution"
	"github.com/kilnhq/kiln/daemon/engine"
	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/file"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/network"
	"github.com/kilnhq/kiln/daemon/place"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/registry"
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/resourcegroup"
	"github.com/kilnhq/kiln/daemon/secret"
	"github.com/kilnhq/kiln/daemon/server"
	"github.com/kilnhq/kiln/daemon/sqlite"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/system"
	"github.com/kilnhq/kiln/daemon/upstream"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/daemon/workspace"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/quota"
	systemdomain "github.com/kilnhq/kiln/internal/domain/system"
)

// Options is what tests replace. The zero value is what kilnd uses.
type Options struct {
	Engine   job.Engine      // nil: the one that runs containers
	Registry build.Registry  // nil: the embedded registry
	Upstream upstream.Client // nil: the one that asks registries
	Version  string
	Ready    func() // called once the daemon answers
}

// Run opens everything, answers until ctx ends, and returns when everything has stopped.
func Run(ctx context.Context, cfg Config, o Options, log *slog.Logger) (err error) {
	cfg, err = cfg.complete()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	if err := os.Chmod(cfg.DataDir, 0o700); err != nil { // it may have been there, with other bits
		return fmt.Errorf("close data directory to others: %w", err)
	}
	unlock, err := lock(filepath.Join(cfg.DataDir, "lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	db, err := sqlite.Open(ctx, filepath.Join(cfg.DataDir, "kiln.db"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(ctx)
	if o.Registry == nil {
		r, err := registry.Open(ctx, registry.Config{
			Dir: filepath.Join(cfg.DataDir, "registry"), Listen: cfg.Registry.Listen, External: cfg.Registry.ExternalAddress, Logger: log,
		})
		if err != nil {
			return err
		}
		o.Registry = r
		group.Go(func() error { return r.Serve(running) })
	}
	p, err := prepare(running, cfg, o, db, log)
	if err != nil {
		stop()
		return errors.Join(err, group.Wait())
	}
	group.Go(func() error { return p.runner.Run(running) })
	group.Go(func() error {
		return serve(running, p.listener, server.HTTPServer(server.New(p.services, log), log), log)
	})
	log.InfoContext(ctx, "kilnd is ready", slog.String("socket", cfg.Socket), slog.String("data_dir", cfg.DataDir))
	if o.Ready != nil {
		o.Ready()
	}
	return group.Wait()
}

// parts is what is ready to run.
type parts struct {
	services server.Services
	runner   *process.Runner
	listener net.Listener
}

// prepare brings what an earlier daemon has left in order, and listens.
func prepare(ctx context.Context, cfg Config, o Options, db *sqlite.Store, log *slog.Logger) (p parts, err error) {
	if o.Engine == nil {
		if o.Engine, err = engine.New(engine.Config{StateDir: cfg.DataDir, Runtime: cfg.Runtime, Logger: log}); err != nil {
			return p, err
		}
	}
	if p.services, p.runner, err = wire(cfg, o, db, log); err != nil {
		return p, err
	}
	if err := os.RemoveAll(pulls(cfg)); err != nil {
		return p, fmt.Errorf("remove interrupted pulls: %w", err)
	}
	if _, err := o.Engine.Execute(ctx, worker.Job{ID: "sweep", Kind: worker.KindSweep}, nil); err != nil {
		return p, fmt.Errorf("sweep image store: %w", err)
	}
	if err := p.runner.Recover(ctx); err != nil {
		return p, err
	}
	p.listener, err = server.Listen(cfg.Socket)
	return p, err
}

func serve(ctx context.Context, l net.Listener, s *http.Server, log *slog.Logger) error {
	// Streams end with the daemon: their contexts come from the one that is about to end.
	s.BaseContext = func(net.Listener) context.Context { return ctx }
	stopped := make(chan error, 1)
	go func() { stopped <- s.Serve(l) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve API: %w", err)
	case <-ctx.Done():
		log.InfoContext(ctx, "kilnd stops")
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.Shutdown(closing)
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// within lets a service see transactions as the type that it declares.
func within[T any](db *sqlite.Store, view func(*sqlite.Tx) T) store.Of[T] {
	use := func(run func(context.Context, func(*sqlite.Tx) error) error) func(context.Context, func(T) error) error {
		return func(ctx context.Context, fn func(T) error) error {
			return run(ctx, func(tx *sqlite.Tx) error { return fn(view(tx)) })
		}
	}
	return store.Of[T]{Read: use(db.Read), Write: use(db.Write)}
}

// wire makes the services and the runner, and tells them of each other.
func wire(cfg Config, o Options, db *sqlite.Store, log *slog.Logger) (server.Services, *process.Runner, error) {
	regions := cfg.regions()
	region := func(name string) (systemdomain.Region, error) { return system.Find(regions, name) }
	regionName := func(name string) (string, error) {
		r, err := region(name)
		return r.Name, err
	}
	files, err := file.New(filepath.Join(cfg.DataDir, "file"))
	if err != nil {
		return server.Services{}, nil, err
	}
	registries, err := upstreams(cfg, o, db, regionName)
	if err != nil {
		return server.Services{}, nil, err
	}
	runner := process.New(process.Config{
		Store: within(db, func(tx *sqlite.Tx) process.Tx { return tx }), Dir: filepath.Join(cfg.DataDir, "log"), Clock: time.Now, Logger: log,
		Limits: process.Limits{Workers: cfg.Workers, Builds: builds(region)},
	})
	places := place.NewFinder(within(db, func(tx *sqlite.Tx) place.Tx { return tx }), net.DefaultResolver.LookupNetIP)
	official := catalogue.New(catalogue.Config{
		Store: within(db, func(tx *sqlite.Tx) catalogue.Tx { return tx }), Queue: runner, Reach: places.Hosts, Entries: cfg.entries(),
		Mirror: cfg.Catalogue.Mirror, RPM: cfg.Catalogue.RPMMirror, Cache: cfg.Catalogue.Cache, Region: regions[0].Name,
	})
	maker := &job.Maker{Engine: o.Engine, Catalogue: official, Upstream: registries, Pulls: pulls(cfg), Places: places, Files: files, Mounts: cfg.mounts()}
	official.Use(maker)
	bakery := build.New(build.Config{
		Store: within(db, func(tx *sqlite.Tx) build.Tx { return tx }), Queue: runner, Worker: maker, Registry: o.Registry, Region: region,
		Catalogue: official,
	})
	images := image.New(image.Config{
		Store: within(db, func(tx *sqlite.Tx) image.Tx { return tx }), Queue: runner, Worker: maker, Fetcher: bakery, Catalogue: official,
		Upstream: registries, Files: files, Region: region,
	})
	for kind, h := range map[processdomain.Kind]process.Handler{
		processdomain.KindCatalogue: official, processdomain.KindTest: image.Tester{Service: images},
		processdomain.KindRun: image.Runner{Service: images}, processdomain.KindBuild: build.Baker{Service: bakery},
		processdomain.KindCleanup: build.Cleaner{Service: bakery},
	} {
		runner.Handle(kind, h)
	}
	return server.Services{
		System: system.New(system.Config{
			Version: o.Version, Regions: regions, Store: within(db, func(tx *sqlite.Tx) system.Tx { return tx }), Catalogue: official,
			Registry: o.Registry,
		}),
		Catalogue:     official,
		Workspace:     resource.New(workspace.Kind, within(db, asTx((*sqlite.Tx).Workspaces)), regionName),
		Network:       resource.New(network.Kind, within(db, asTx((*sqlite.Tx).Networks)), regionName),
		ResourceGroup: resource.New(resourcegroup.Kind, within(db, asTx((*sqlite.Tx).ResourceGroups)), regionName),
		Registry:      registries,
		Image:         images,
		File:          files,
		Binding:       binding.New(within(db, func(tx *sqlite.Tx) binding.Tx { return tx }), regions[0].Name),
		Build:         bakery,
		Process:       runner,
		RefuseUID:     subordinate(),
		Region:        func(name string) error { _, err := region(name); return err },
	}, runner, nil
}

// pulls is where images of registries are while a process uses them.
func pulls(cfg Config) string { return filepath.Join(cfg.DataDir, "pull") }

// upstreams makes the service of the registries that images come from, with the key of their passwords.
func upstreams(cfg Config, o Options, db *sqlite.Store, region func(string) (string, error)) (*upstream.Service, error) {
	vault, err := secret.Open(secret.Config{Key: filepath.Join(cfg.DataDir, "secret.key"), Dir: cfg.SecretsDir, Lookup: os.LookupEnv})
	if err != nil {
		return nil, err
	}
	if o.Upstream == nil {
		o.Upstream = &distribution.Client{Lookup: net.DefaultResolver.LookupNetIP}
	}
	return upstream.New(upstream.Config{
		Rows: within(db, asTx((*sqlite.Tx).Registries)), Store: within(db, func(tx *sqlite.Tx) upstream.Tx { return tx }),
		Vault: vault, Client: o.Upstream, Region: region,
	}), nil
}

func asTx[T any](view func(*sqlite.Tx) sqlite.Declared[T]) func(*sqlite.Tx) resource.Tx[T] {
	return func(tx *sqlite.Tx) resource.Tx[T] { return view(tx) }
}

func builds(region func(string) (systemdomain.Region, error)) func(string) int {
	return func(name string) int {
		r, err := region(name)
		if err != nil {
			return 0
		}
		return quota.LimitsOf(r.Edition).Builds
	}
}

// subordinate tells the ids of containers: whoever has one of them has broken out.
func subordinate() func(uint32) bool {
	r, err := sandbox.CurrentRange()
	if errors.Is(err, sandbox.ErrNoRange) || errors.Is(err, fs.ErrNotExist) {
		return func(uint32) bool { return false } // there are no containers without a range
	}
	if err != nil {
		return func(uint32) bool { return true }
	}
	return func(uid uint32) bool { return int(uid) >= r.FirstUID && int(uid) < r.FirstUID+r.NumUID }
}
