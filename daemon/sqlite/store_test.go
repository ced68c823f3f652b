package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/sqlite"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(tb testing.TB, dir string, clock func() time.Time) storetest.Store {
		tb.Helper()
		// A name that means something in a URL, so that escaping is tried too.
		db, err := sqlite.Open(tb.Context(), filepath.Join(dir, "kiln ?#%25.db"), clock)
		if err != nil {
			tb.Fatal(err)
		}
		return storetest.Store{
			All:            within(db, func(tx *sqlite.Tx) storetest.Tx { return tx }),
			Workspaces:     within(db, declared((*sqlite.Tx).Workspaces)),
			Networks:       within(db, declared((*sqlite.Tx).Networks)),
			ResourceGroups: within(db, declared((*sqlite.Tx).ResourceGroups)),
			Registries:     within(db, declared((*sqlite.Tx).Registries)),
			Close:          db.Close,
		}
	})
}

func within[T any](db *sqlite.Store, view func(*sqlite.Tx) T) store.Of[T] {
	use := func(run func(context.Context, func(*sqlite.Tx) error) error) func(context.Context, func(T) error) error {
		return func(ctx context.Context, fn func(T) error) error {
			return run(ctx, func(tx *sqlite.Tx) error { return fn(view(tx)) })
		}
	}
	return store.Of[T]{Read: use(db.Read), Write: use(db.Write)}
}

func declared[T any](view func(*sqlite.Tx) sqlite.Declared[T]) func(*sqlite.Tx) resource.Tx[T] {
	return func(tx *sqlite.Tx) resource.Tx[T] { return view(tx) }
}
