package process_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/sqlite"
	"github.com/kilnhq/kiln/daemon/store"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	owner    = "uid:1000"
	stranger = "uid:1001"
)

// bench is a runner over a real database. Every kind is handled by the bench itself, as run says.
type bench struct {
	*process.Runner
	t    *testing.T
	ctx  context.Context //nolint:containedctx // a bench ends with its test
	dir  string
	db   *sqlite.Store
	stop func()

	// run is the work of every process; nil: nothing. It gets the process and the log.
	run func(ctx context.Context, p domain.Process, log *process.Journal) (any, error)

	ahead atomic.Int64 // how far the clock of everything is set forward

	mu       sync.Mutex
	unfit    error    // what storing the end of a process answers, once
	begun    []string // ids, in order
	finished map[string]any
	running  map[domain.Kind]int
	most     map[domain.Kind]int
}

type option func(*process.Limits)

func workers(n int) option { return func(l *process.Limits) { l.Workers = n } }

// newBench makes a runner that claims nothing yet.
func newBench(t *testing.T, options ...option) *bench {
	t.Helper()
	return openBench(t, t.TempDir(), options...)
}

func openBench(t *testing.T, dir string, options ...option) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	b := &bench{
		t: t, ctx: ctx, dir: dir, stop: func() {},
		finished: map[string]any{}, running: map[domain.Kind]int{}, most: map[domain.Kind]int{},
	}
	clock := func() time.Time { return time.Now().Round(0).Add(time.Duration(b.ahead.Load())) } // what a wall shows
	db, err := sqlite.Open(ctx, filepath.Join(dir, "kiln.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	b.db = db
	limits := process.Limits{Workers: 4, Builds: func(string) int { return 2 }}
	for _, o := range options {
		o(&limits)
	}
	b.Runner = process.New(process.Config{
		Store: store.Of[process.Tx]{
			Read: func(ctx context.Context, fn func(process.Tx) error) error {
				return db.Read(ctx, func(tx *sqlite.Tx) error { return fn(tx) })
			},
			Write: func(ctx context.Context, fn func(process.Tx) error) error {
				return db.Write(ctx, func(tx *sqlite.Tx) error { return fn(tx) })
			},
		},
		Dir: filepath.Join(dir, "log"), Limits: limits, Clock: clock, Logger: slog.New(slog.DiscardHandler),
	})
	for _, kind := range []domain.Kind{domain.KindTest, domain.KindBuild, domain.KindRun, domain.KindCatalogue, domain.KindCleanup} {
		b.Handle(kind, handler{b})
	}
	t.Cleanup(func() {
		b.close()
		cancel()
	})
	return b
}

// start lets the runner claim; close, or the end of the test, ends it.
func (b *bench) start() {
	ctx, cancel := context.WithCancel(b.ctx)
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("the runner has ended: %v", err)
		}
		b.stop = func() {}
	}
}

func (b *bench) close() {
	b.stop()
	if err := b.db.Close(); err != nil {
		b.t.Error(err)
	}
}

type handler struct{ b *bench }

func (h handler) Run(ctx context.Context, p domain.Process, log *process.Journal) (any, error) {
	b := h.b
	b.mu.Lock()
	b.begun = append(b.begun, p.ID)
	b.running[p.Kind]++
	b.most[p.Kind] = max(b.most[p.Kind], b.running[p.Kind])
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.running[p.Kind]--
	}()
	if b.run == nil {
		return "done", nil
	}
	return b.run(ctx, p, log)
}

func (h handler) Finish(ctx context.Context, p domain.Process, result any) error {
	h.b.mu.Lock()
	unfit := h.b.unfit
	h.b.finished[p.ID], h.b.unfit = result, nil
	h.b.mu.Unlock()
	if unfit != nil {
		return unfit
	}
	return h.b.db.Write(ctx, func(tx *sqlite.Tx) error { return tx.FinishProcess(p) })
}

// order gives the ids of what was begun.
func (b *bench) order() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.begun)
}

// results gives what Finish got of each process for which it was called.
func (b *bench) results() map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.finished)
}

// atOnce gives how many of a kind ran at the same time at most.
func (b *bench) atOnce(kind domain.Kind) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most[kind]
}

// queue stores processes of the owner; what is said of each is its id, its kind and its region.
func (b *bench) queue(list ...domain.Process) {
	b.t.Helper()
	err := b.db.Write(b.ctx, func(tx *sqlite.Tx) error {
		for _, p := range list {
			p.State, p.CreatedAt = domain.StateQueued, tx.Now()
			if p.Owner == "" {
				p.Owner = owner
			}
			if p.Region == "" {
				p.Region = "local"
			}
			if p.Kind == "" {
				p.Kind = domain.KindTest
			}
			if err := tx.InsertProcess(p); err != nil {
				return err
			}
		}
		return nil
	})
	b.must(err)
	b.Kick()
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// wait waits until a process is final.
func (b *bench) wait(id string) process.View {
	b.t.Helper()
	v, err := b.Wait(b.ctx, owner, id)
	b.must(err)
	return v
}

// until waits for a channel that a handler closes or sends on.
func until[T any](b *bench, ch <-chan T) (v T) {
	b.t.Helper()
	select {
	case v = <-ch:
	case <-b.ctx.Done():
		b.t.Fatal("waited in vain")
	}
	return v
}

func named(n int) []domain.Process {
	list := make([]domain.Process, n)
	for i := range list {
		list[i].ID = fmt.Sprintf("proc-%d", i)
	}
	return list
}
