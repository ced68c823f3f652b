// Package storetest is what any store must pass before services may stand on it: transactions, keys, references, order,
// and that everything comes back as it went in. It knows the services' own interfaces and no technology.
package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kilnhq/kiln/daemon/binding"
	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/catalogue"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/place"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/system"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// Tx is all that the services ask of a transaction, those of the declared resources apart.
type Tx interface {
	binding.Tx
	build.Tx
	catalogue.Tx
	image.Tx
	place.Tx
	process.Tx
	system.Tx
}

// Store is an open store as each service sees it.
type Store struct {
	All            store.Of[Tx]
	Workspaces     store.Of[resource.Tx[workspace.Workspace]]
	Networks       store.Of[resource.Tx[network.Network]]
	ResourceGroups store.Of[resource.Tx[resourcegroup.ResourceGroup]]
	Registries     store.Of[resource.Tx[registry.Registry]]
	Close          func() error
}

// Open opens the store that is kept in a directory, and makes it when there is none. The clock is the store's only one.
type Open func(tb testing.TB, dir string, clock func() time.Time) Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	t.Helper()
	for name, test := range map[string]func(*bench){
		"Transactions": testTransactions, "ReadSeesOneMoment": testReadSeesOneMoment, "WritesExcludeEachOther": testWritesExcludeEachOther,
		"Declared": testDeclared, "Users": testUsers, "References": testReferences, "Requests": testRequests,
		"Image": testImage, "Images": testImages, "Versions": testVersions, "History": testHistory, "Bindings": testBindings,
		"Build": testBuild, "Artifacts": testArtifacts, "ArtifactShared": testArtifactShared, "OfficialImages": testOfficialImages,
		"Process": testProcess, "Processes": testProcesses, "Claim": testClaim, "Turns": testTurns, "Finish": testFinish,
		"Reopen": testReopen,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newBench(t, open))
		})
	}
}

// start is what the clock says at first.
var start = time.Date(2026, 11, 22, 6, 30, 15, 123456789, time.UTC)

// bench is one store with the things that most tests need in it.
type bench struct {
	Store
	t    *testing.T
	open Open
	dir  string
	now  time.Time
}

func newBench(t *testing.T, open Open) *bench {
	t.Helper()
	b := &bench{t: t, open: open, dir: t.TempDir(), now: start}
	b.reopen(t)
	return b
}

// reopen opens the store, or closes it and opens it again.
func (b *bench) reopen(t *testing.T) {
	t.Helper()
	if b.Close != nil {
		must(t, b.Close())
	}
	// The clock is not in UTC: what comes back has to be.
	b.Store = b.open(t, b.dir, func() time.Time { return b.now.In(time.FixedZone("UTC+8", 8*3600)) })
	closing := b.Close
	closed := false
	b.Close = func() error {
		if closed {
			return nil
		}
		closed = true
		return closing()
	}
	t.Cleanup(func() { must(t, b.Close()) })
}

func (b *bench) read(t *testing.T, fn func(Tx) error) {
	t.Helper()
	must(t, b.All.Read(ctx(t), fn))
}

func (b *bench) write(t *testing.T, fn func(Tx) error) {
	t.Helper()
	must(t, b.All.Write(ctx(t), fn))
}

// refused runs a writing function that must end with an error.
func (b *bench) refused(t *testing.T, want error, fn func(Tx) error) {
	t.Helper()
	if err := b.All.Write(ctx(t), fn); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// ctx outlives the test's own, for what is done when that has ended.
func ctx(tb testing.TB) context.Context {
	tb.Helper()
	return context.WithoutCancel(tb.Context())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// same compares what went in with what came out; no elements are as good as no list.
func same[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// inUTC checks that times come back in UTC, and the zero time as itself.
func inUTC(t *testing.T, times ...time.Time) {
	t.Helper()
	for _, at := range times {
		if at.Location() != time.UTC && !at.IsZero() {
			t.Errorf("%s is not in UTC", at)
		}
	}
}

// all runs functions one after the other up to the first error.
func all(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// each maps a list, so that tests can compare what matters in it.
func each[T any](list []T, what func(T) string) []string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = what(one)
	}
	return slices.Clip(texts)
}
