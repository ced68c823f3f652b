package process_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

// TestTurns checks that owners take turns, also over a restart: what one of them has queued keeps nobody waiting.
func TestTurns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openBench(t, dir, workers(1))
	var many []domain.Process
	for n := range 20 {
		many = append(many, domain.Process{ID: fmt.Sprintf("build-%d", n), Kind: domain.KindBuild})
	}
	b.queue(many...)
	begun, release := make(chan string), make(chan struct{})
	b.run = func(ctx context.Context, p domain.Process, _ *process.Journal) (any, error) {
		select {
		case begun <- p.ID:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		select {
		case <-release:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	b.start()
	first := until(b, begun)
	b.queue(domain.Process{ID: "theirs-0", Kind: domain.KindBuild, Owner: stranger}, domain.Process{ID: "theirs-1", Kind: domain.KindBuild, Owner: stranger})
	for id, want := range map[string]int{"theirs-0": 1, "build-1": 2, "theirs-1": 3, "build-19": 21} {
		who := owner
		if id[0] == 't' {
			who = stranger
		}
		if v, err := b.Get(b.ctx, who, id); err != nil || v.QueuePosition != want {
			t.Errorf("%s: position %d, %v, want %d", id, v.QueuePosition, err, want)
		}
	}
	b.close()

	again := openBench(t, dir, workers(1))
	again.must(again.Recover(again.ctx))
	again.start()
	again.wait("build-19")
	want := []string{"theirs-0", "build-1", "theirs-1", "build-2", "build-3"}
	if diff := cmp.Diff(want, again.order()[:len(want)]); diff != "" || first != "build-0" || len(again.order()) != 21 {
		t.Errorf("after %s: %s", first, diff)
	}
}

// TestReclaim checks that a process whose end could not be recorded does not keep its place: what is queued goes on without a
// restart, and the process says that it was interrupted.
func TestReclaim(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(1))
	b.unfit = errors.New("disk full")
	b.queue(named(2)...)
	b.start()
	if v := b.wait("proc-1"); v.State != domain.StateCompleted {
		t.Errorf("got %+v", v)
	}
	if v := b.wait("proc-0"); v.State != domain.StateFailed || v.Problem.Code != problem.Interrupted || v.EndedAt.Before(v.StartedAt) {
		t.Errorf("got %+v", v)
	}
}
