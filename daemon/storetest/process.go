package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// sampleProcess is queued, with something in every field that a queued one may have.
func sampleProcess(id string) process.Process {
	return process.Process{
		ID: id, Owner: "uid:1", Region: "local", Kind: process.KindTest, State: process.StateQueued, Subject: "img-1", ImageID: "img-1",
		ImageVersion: 2, ResourceGroupID: "rg-1", CU: 0.5, Payload: []byte(`{"a":1}`), CreatedAt: start,
	}
}

func (b *bench) queue(t *testing.T, list ...process.Process) {
	t.Helper()
	b.write(t, func(tx Tx) error {
		for _, p := range list {
			must(t, tx.InsertProcess(p))
		}
		return nil
	})
}

func (b *bench) process(t *testing.T, id string) (p process.Process) {
	t.Helper()
	b.read(t, func(tx Tx) (err error) {
		p, err = tx.Process(id)
		return err
	})
	return p
}

func testProcess(b *bench) {
	t := b.t
	full, bare := sampleProcess("proc-1"), process.Process{ID: "proc-2", State: process.StateQueued}
	b.queue(t, full, bare)
	same(t, full, b.process(t, "proc-1"))
	same(t, bare, b.process(t, "proc-2"))
	got := b.process(t, "proc-1")
	inUTC(t, got.CreatedAt, got.StartedAt, got.EndedAt)
	if got.Problem != nil || !got.StartedAt.IsZero() || !got.EndedAt.IsZero() {
		t.Errorf("a queued process has ended: %+v", got)
	}
	b.refused(t, store.ErrConflict, func(tx Tx) error { return tx.InsertProcess(full) })
	b.refused(t, store.ErrNotFound, func(tx Tx) error {
		_, err := tx.Process("gone")
		return err
	})
}

func testProcesses(b *bench) {
	t := b.t
	ids := func(list []process.Process) []string {
		return each(list, func(p process.Process) string { return p.ID })
	}
	for n := range 6 {
		p := sampleProcess(fmt.Sprintf("proc-%d", 9-n)) // ids and times say nothing about the order
		p.CreatedAt = start.Add(-time.Duration(n) * time.Hour)
		switch n {
		case 1:
			p.Owner = "uid:2"
		case 2:
			p.Owner, p.Kind, p.Subject, p.ImageID = process.Everyone, process.KindCatalogue, "localhost/kiln/a:1", ""
		case 3:
			p.Kind, p.Region, p.Subject = process.KindBuild, "east", "build-1"
		case 4:
			p.Subject, p.ImageID = "img-2", "img-2"
		}
		b.queue(t, p)
	}
	b.write(t, func(tx Tx) error {
		_, err := tx.ClaimProcess("proc-9")
		return err
	})
	b.read(t, func(tx Tx) error {
		for _, test := range []struct {
			owner  string
			filter process.Filter
			want   []string
		}{
			{"uid:1", process.Filter{Limit: 10}, []string{"proc-4", "proc-5", "proc-6", "proc-7", "proc-9"}},
			{"uid:1", process.Filter{Limit: 2}, []string{"proc-4", "proc-5"}},
			{"uid:2", process.Filter{Limit: 10}, []string{"proc-7", "proc-8"}},
			{"uid:3", process.Filter{Limit: 10}, []string{"proc-7"}},
			{"uid:1", process.Filter{Limit: 10, Region: "east"}, []string{"proc-6"}},
			{"uid:1", process.Filter{Limit: 10, Kind: process.KindCatalogue}, []string{"proc-7"}},
			{"uid:1", process.Filter{Limit: 10, State: process.StateRunning}, []string{"proc-9"}},
			{"uid:1", process.Filter{Limit: 10, ImageID: "img-2"}, []string{"proc-5"}},
			{"uid:1", process.Filter{Limit: 10, ImageID: "img-2", Kind: process.KindBuild}, nil},
			{"uid:1", process.Filter{Limit: 10, Kind: "' OR 1=1 --"}, nil},
		} {
			list, err := tx.Processes(test.owner, test.filter)
			must(t, err)
			same(t, test.want, ids(list))
		}
		for subject, want := range map[string][]string{
			"": {"proc-9", "proc-8", "proc-7", "proc-6", "proc-5", "proc-4"}, "img-1": {"proc-9", "proc-8", "proc-4"},
			"build-1": {"proc-6"}, "gone": nil,
		} {
			list, err := tx.ActiveProcesses(subject)
			must(t, err)
			same(t, want, ids(list))
		}
		return nil
	})
}

func testClaim(b *bench) {
	t := b.t
	b.queue(t, sampleProcess("proc-1"))
	b.now = start.Add(time.Hour)
	b.write(t, func(tx Tx) error {
		got, err := tx.ClaimProcess("proc-1")
		want := sampleProcess("proc-1")
		want.State, want.Attempt, want.StartedAt = process.StateRunning, 1, b.now
		same(t, want, got)
		inUTC(t, got.StartedAt)
		return err
	})
	b.refused(t, store.ErrStale, func(tx Tx) error {
		_, err := tx.ClaimProcess("proc-1")
		return err
	})
	b.refused(t, store.ErrStale, func(tx Tx) error {
		_, err := tx.ClaimProcess("gone")
		return err
	})
}

// testTurns checks that the latest start of each kind and region is told of those who have something queued.
func testTurns(b *bench) {
	t := b.t
	for n, p := range []process.Process{
		{Owner: "uid:1", Kind: process.KindTest, Region: "local"},
		{Owner: "uid:1", Kind: process.KindTest, Region: "local"},
		{Owner: "uid:1", Kind: process.KindBuild, Region: "east"},
		{Owner: "uid:2", Kind: process.KindTest, Region: "local"},
		{Owner: "uid:1", Kind: process.KindTest, Region: "local"},
		{Owner: "uid:3", Kind: process.KindTest, Region: "local"},
	} {
		p.ID, p.State = fmt.Sprintf("proc-%d", n), process.StateQueued
		b.queue(t, p)
		if n >= 4 {
			continue
		}
		b.now = start.Add(time.Duration(n+1) * time.Minute)
		b.write(t, func(tx Tx) error {
			claimed, err := tx.ClaimProcess(p.ID)
			must(t, err)
			claimed.State, claimed.EndedAt = process.StateCompleted, b.now
			return tx.FinishProcess(claimed)
		})
	}
	b.read(t, func(tx Tx) error {
		got, err := tx.Turns()
		same(t, []process.Turn{
			{Owner: "uid:1", Kind: process.KindBuild, Region: "east", StartedAt: start.Add(3 * time.Minute)},
			{Owner: "uid:1", Kind: process.KindTest, Region: "local", StartedAt: start.Add(2 * time.Minute)},
		}, got)
		return err
	})
}

// testFinish checks that only who runs a process in its present attempt ends it, and only once.
func testFinish(b *bench) {
	t := b.t
	b.queue(t, sampleProcess("proc-1"), sampleProcess("proc-2"))
	queued := b.process(t, "proc-1")
	var claimed process.Process
	b.write(t, func(tx Tx) (err error) {
		claimed, err = tx.ClaimProcess("proc-1")
		return err
	})
	finish := func(p process.Process, state process.State) func(Tx) error {
		p.State, p.EndedAt, p.Step, p.ExitCode = state, start.Add(time.Hour), "RUN true", 3
		p.Problem = &problem.Problem{Code: problem.Unclassified, Field: "packages", Log: []string{"a", "分"}}
		return func(tx Tx) error { return tx.FinishProcess(p) }
	}
	b.refused(t, store.ErrStale, finish(queued, process.StateCancelled)) // it was claimed since
	b.write(t, finish(claimed, process.StateFailed))
	got := b.process(t, "proc-1")
	want := claimed
	want.State, want.EndedAt, want.Step, want.ExitCode = process.StateFailed, start.Add(time.Hour), "RUN true", 3
	want.Problem = &problem.Problem{Code: problem.Unclassified, Field: "packages", Log: []string{"a", "分"}}
	same(t, want, got)
	for _, state := range []process.State{process.StateCompleted, process.StateCancelled, process.StateFailed} {
		b.refused(t, store.ErrStale, finish(claimed, state))
	}
	b.refused(t, store.ErrStale, func(tx Tx) error { // what has ended does not run again
		_, err := tx.ClaimProcess("proc-1")
		return err
	})
	b.refused(t, store.ErrNotFound, finish(sampleProcess("gone"), process.StateFailed))
	b.write(t, finish(b.process(t, "proc-2"), process.StateCancelled)) // one that never ran
	b.read(t, func(tx Tx) error {
		active, err := tx.ActiveProcesses("")
		same(t, nil, active)
		return err
	})
}

// testReopen checks that what was written is there when the store is opened again, and that it goes on from there.
func testReopen(b *bench) {
	t := b.t
	b.group(t)
	b.workspace(t, "ws-1")
	b.image(t, "img-1")
	b.queue(t, sampleProcess("proc-1"), sampleProcess("proc-2"))
	b.write(t, func(tx Tx) error {
		_, err := tx.ClaimProcess("proc-2")
		return err
	})
	var before, after []process.Process
	active := func(list *[]process.Process) {
		t.Helper()
		b.read(t, func(tx Tx) (err error) {
			*list, err = tx.ActiveProcesses("")
			return err
		})
	}
	active(&before)
	for range 2 {
		b.reopen(t)
	}
	active(&after)
	same(t, before, after)
	b.read(t, func(tx Tx) error {
		_, err := tx.Image("img-1")
		return err
	})
	must(t, b.Workspaces.Read(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
		_, err := tx.Get("ws-1")
		return err
	}))
	b.queue(t, sampleProcess("proc-3"))
	active(&after)
	if len(after) != 3 || after[2].ID != "proc-3" || !errors.Is(b.All.Write(ctx(t), func(tx Tx) error {
		return tx.InsertProcess(sampleProcess("proc-1"))
	}), store.ErrConflict) {
		t.Errorf("the store does not go on from where it was: %v", after)
	}
}
