package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

func testTransactions(b *bench) {
	t := b.t
	stop := errors.New("stop")
	remember := func(tx Tx, key string) error {
		return tx.Remember("uid:1", key, store.Request{Hash: "h", Subject: "s"})
	}
	b.refused(t, stop, func(tx Tx) error {
		must(t, remember(tx, "error"))
		return stop
	})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		b.refused(t, nil, func(tx Tx) error {
			must(t, remember(tx, "panic"))
			panic("on purpose")
		})
	}()
	cancelled, cancel := context.WithCancel(ctx(t))
	if err := b.All.Write(cancelled, func(tx Tx) error {
		must(t, remember(tx, "cancelled"))
		cancel()
		return nil
	}); err == nil {
		t.Error("a transaction whose context has ended is committed")
	}
	if err := b.All.Write(cancelled, func(Tx) error {
		t.Error("a transaction begins whose context has ended")
		return nil
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if err := b.All.Read(ctx(t), func(tx Tx) error { return remember(tx, "read") }); err == nil {
		t.Error("reading writes")
	}
	for _, key := range []string{"error", "panic", "cancelled", "read"} {
		b.read(t, func(tx Tx) error {
			if _, err := tx.Recall("uid:1", key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s is there: %v", key, err)
			}
			return nil
		})
	}
	b.write(t, func(tx Tx) error { // the write lock is free
		if now := tx.Now(); !now.Equal(b.now) {
			t.Errorf("Now() = %s, want %s", now, b.now)
		}
		inUTC(t, tx.Now())
		return remember(tx, "last")
	})
}

func testReadSeesOneMoment(b *bench) {
	t := b.t
	list := func(tx resource.Tx[workspace.Workspace]) int {
		t.Helper()
		found, err := tx.List("uid:1", "")
		must(t, err)
		return len(found)
	}
	insert := func(name string) {
		t.Helper()
		must(t, b.Workspaces.Write(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
			return tx.Insert(workspace.Workspace{ID: name, Owner: "uid:1", Region: "local", Name: name})
		}))
	}
	insert("a")
	must(t, b.Workspaces.Read(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
		before := list(tx)
		insert("b") // readers do not hold writers up
		if after := list(tx); before != 1 || after != 1 {
			t.Errorf("a reader sees %d, then %d workspaces, want the same one", before, after)
		}
		return nil
	}))
	must(t, b.Workspaces.Read(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
		if n := list(tx); n != 2 {
			t.Errorf("the next reader sees %d workspaces, want 2", n)
		}
		return nil
	}))
	must(t, b.Workspaces.Write(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
		must(t, tx.Delete("a"))
		if n := list(tx); n != 1 {
			t.Errorf("a writer sees %d workspaces, want what it has made itself of them", n)
		}
		must(t, b.Workspaces.Read(ctx(t), func(other resource.Tx[workspace.Workspace]) error {
			if n := list(other); n != 2 {
				t.Errorf("a reader sees %d workspaces, want none of what is not committed", n)
			}
			return nil
		}))
		return nil
	}))
}

// testWritesExcludeEachOther checks that of many who read and write back, none undoes what another has done.
func testWritesExcludeEachOther(b *bench) {
	t := b.t
	const writers, rounds = 8, 10
	must(t, b.Workspaces.Write(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
		return tx.Insert(workspace.Workspace{ID: "ws-1", Owner: "uid:1", Region: "local", Name: "a"})
	}))
	var wait sync.WaitGroup
	for range writers {
		wait.Go(func() {
			for range rounds {
				if err := b.Workspaces.Write(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
					w, err := tx.Get("ws-1")
					if err != nil {
						return err
					}
					w.Generation++
					return tx.Update(w)
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	must(t, b.Workspaces.Read(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
		w, err := tx.Get("ws-1")
		if w.Generation != writers*rounds {
			t.Errorf("%d of %d updates are there", w.Generation, writers*rounds)
		}
		return err
	}))
}
