package process_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(1))
	b.queue(named(5)...)
	b.start()
	b.wait("proc-4")
	if diff := cmp.Diff([]string{"proc-0", "proc-1", "proc-2", "proc-3", "proc-4"}, b.order()); diff != "" {
		t.Error(diff)
	}
	if b.atOnce(domain.KindTest) != 1 {
		t.Errorf("%d ran at once, want 1", b.atOnce(domain.KindTest))
	}
	if v := b.wait("proc-0"); v.State != domain.StateCompleted || v.Attempt != 1 || v.StartedAt.IsZero() || v.EndedAt.Before(v.StartedAt) {
		t.Errorf("got %+v", v)
	}
	if b.results()["proc-0"] != "done" {
		t.Errorf("Finish got the result %v", b.results()["proc-0"])
	}
}

// TestLimits queues more of everything than may run, and checks who is let in before anything has ended.
func TestLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(5))
	begun, release := make(chan string, 20), make(chan struct{})
	b.run = func(_ context.Context, p domain.Process, _ *process.Journal) (any, error) {
		begun <- p.ID
		<-release
		return nil, nil
	}
	build := func(id, region string) domain.Process {
		return domain.Process{ID: id, Kind: domain.KindBuild, Region: region}
	}
	b.queue(
		build("build-1", "local"), build("build-2", "local"), build("build-3", "local"), build("build-4", "east"),
		domain.Process{ID: "test-1"}, domain.Process{ID: "test-2"}, domain.Process{ID: "test-3"},
		domain.Process{ID: "official-1", Kind: domain.KindCatalogue}, domain.Process{ID: "official-2", Kind: domain.KindCatalogue},
	)
	b.start()
	var in []string
	for range 7 {
		in = append(in, until(b, begun))
	}
	slices.Sort(in)
	want := []string{"build-1", "build-2", "build-4", "official-1", "official-2", "test-1", "test-2"}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Error(diff)
	}
	for id, want := range map[string]int{"build-3": 1, "test-3": 1, "build-1": 0, "official-1": 0} {
		if v, err := b.Get(b.ctx, owner, id); err != nil || v.QueuePosition != want {
			t.Errorf("%s: queue position %d, %v, want %d", id, v.QueuePosition, err, want)
		}
	}
	close(release)
	for _, id := range []string{"build-3", "test-3", "official-2"} {
		if v := b.wait(id); v.State != domain.StateCompleted || v.QueuePosition != 0 {
			t.Errorf("%s: %+v", id, v)
		}
	}
	if b.atOnce(domain.KindBuild) != 3 {
		t.Errorf("%d builds at once, want two of one region and one of the other", b.atOnce(domain.KindBuild))
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	own := problem.Problem{Code: problem.Unclassified, Field: "packages", Log: []string{"its own"}}
	for _, test := range []struct {
		name string
		err  error
		want problem.Problem
	}{
		{"a problem with a log", fmt.Errorf("run: %w", own), own},
		{
			"a problem without",
			problem.Problem{Code: problem.StepTimeout, Detail: "too slow"},
			problem.Problem{Code: problem.StepTimeout, Detail: "too slow", Log: []string{"one", "two"}},
		},
		{"several", problem.List{{Code: problem.NotFound, Log: []string{"x"}}, own}, problem.Problem{Code: problem.NotFound, Log: []string{"x"}}},
		{
			"a defect", errors.New("secret path /etc/x"), problem.Problem{
				Code: problem.Internal, Value: "proc-0", Detail: "internal error",
				Remedy: "The daemon's log has the cause under this process id.", Log: []string{"one", "two"},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.run = func(_ context.Context, _ domain.Process, log *process.Journal) (any, error) {
				log.Remark("a remark of Kiln's own")
				log.Step("RUN x")
				log.Line("stdout", "one")
				log.Line("stderr", "two")
				return "a result that is not one", test.err
			}
			b.queue(named(1)...)
			b.start()
			v := b.wait("proc-0")
			if v.State != domain.StateFailed || v.Step != "RUN x" || v.Problem == nil || b.results()["proc-0"] != nil {
				t.Fatalf("got %+v, result %v", v, b.results()["proc-0"])
			}
			if diff := cmp.Diff(test.want, *v.Problem); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCancelQueued(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(1))
	b.queue(named(2)...)
	v, err := b.Cancel(b.ctx, owner, "proc-0")
	b.must(err)
	if v.State != domain.StateCancelled || v.Problem == nil || v.Problem.Code != problem.Cancelled || !v.StartedAt.IsZero() || v.EndedAt.IsZero() {
		t.Errorf("got %+v", v)
	}
	b.start()
	b.wait("proc-1")
	if diff := cmp.Diff([]string{"proc-1"}, b.order()); diff != "" {
		t.Error(diff)
	}
}

func TestCancelRunning(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(1))
	begun := make(chan struct{})
	b.run = func(ctx context.Context, p domain.Process, log *process.Journal) (any, error) {
		if p.ID == "proc-1" {
			return nil, nil
		}
		log.Line("stdout", "working")
		close(begun)
		<-ctx.Done()
		return nil, fmt.Errorf("wait: %w", ctx.Err())
	}
	b.queue(named(2)...)
	b.start()
	until(b, begun)
	v, err := b.Cancel(b.ctx, owner, "proc-0")
	b.must(err)
	if v.State != domain.StateCancelled || v.Problem.Code != problem.Cancelled || v.StartedAt.IsZero() || v.EndedAt.IsZero() {
		t.Errorf("got %+v", v)
	}
	again, err := b.Cancel(b.ctx, owner, "proc-0")
	b.must(err)
	if diff := cmp.Diff(v, again); diff != "" {
		t.Errorf("cancelling twice: %s", diff)
	}
	if v := b.wait("proc-1"); v.State != domain.StateCompleted { // its place is free
		t.Errorf("got %+v", v)
	}
}

// TestCancelAdvises checks that what was cancelled says how to get it again: nobody applies a command.
func TestCancelAdvises(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(1))
	queued := named(2)
	queued[0].Kind, queued[1].Kind = domain.KindBuild, domain.KindRun
	b.queue(queued...)
	for id, want := range map[string]string{"proc-0": "Apply again to start anew.", "proc-1": "Run it again with kiln run."} {
		v, err := b.Cancel(b.ctx, owner, id)
		b.must(err)
		if v.Problem == nil || v.Problem.Remedy != want {
			t.Errorf("%s: %+v, want %q", id, v.Problem, want)
		}
	}
}

// TestCancelTooLate checks that work that is done when it is cancelled counts as done.
func TestCancelTooLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun := make(chan struct{})
	b.run = func(ctx context.Context, _ domain.Process, _ *process.Journal) (any, error) {
		close(begun)
		<-ctx.Done()
		return "done", nil
	}
	b.queue(named(1)...)
	b.start()
	until(b, begun)
	v, err := b.Cancel(b.ctx, owner, "proc-0")
	b.must(err)
	if v.State != domain.StateCompleted || v.Problem != nil || b.results()["proc-0"] != "done" {
		t.Errorf("got %+v", v)
	}
}

// TestCancelAtOnce cancels while the runner claims: whoever is first, the process is final when Cancel returns.
func TestCancelAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.run = func(ctx context.Context, _ domain.Process, _ *process.Journal) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.start()
	for n := range 40 {
		id := fmt.Sprintf("proc-%d", n)
		b.queue(domain.Process{ID: id})
		v, err := b.Cancel(b.ctx, owner, id)
		b.must(err)
		if v.State != domain.StateCancelled {
			t.Fatalf("%s is %s after Cancel", id, v.State)
		}
	}
}

func TestCancelSubject(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(1))
	begun := make(chan string, 3)
	b.run = func(ctx context.Context, p domain.Process, _ *process.Journal) (any, error) {
		begun <- p.ID
		if p.Subject == "img-2" {
			return nil, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.queue(
		domain.Process{ID: "a", Subject: "img-1"}, domain.Process{ID: "b", Subject: "img-1"}, domain.Process{ID: "c", Subject: "img-2"},
	)
	b.start()
	until(b, begun)
	b.must(b.CancelSubject(b.ctx, owner, "img-1"))
	for id, want := range map[string]domain.State{"a": domain.StateCancelled, "b": domain.StateCancelled, "c": domain.StateCompleted} {
		if v := b.wait(id); v.State != want {
			t.Errorf("%s is %s, want %s", id, v.State, want)
		}
	}
	b.must(b.CancelSubject(b.ctx, owner, "nothing"))
}

// TestShutdown checks that what runs when the daemon stops is recorded as interrupted, and what is queued stays queued.
func TestShutdown(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(1))
	begun := make(chan struct{}, 2)
	b.run = func(ctx context.Context, _ domain.Process, log *process.Journal) (any, error) {
		log.Line("stdout", "halfway")
		begun <- struct{}{}
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	b.queue(named(2)...)
	b.start()
	until(b, begun)
	b.stop()
	v, err := b.Get(b.ctx, owner, "proc-0")
	b.must(err)
	if v.State != domain.StateFailed || v.Problem == nil || v.Problem.Code != problem.Interrupted {
		t.Fatalf("got %+v", v)
	}
	if diff := cmp.Diff([]string{"halfway"}, v.Problem.Log); diff != "" {
		t.Error(diff)
	}
	if v, err := b.Get(b.ctx, owner, "proc-1"); err != nil || v.State != domain.StateQueued {
		t.Errorf("the other one: %+v, %v", v, err)
	}
}

// TestRecover checks what the next daemon makes of what one that was killed has left.
func TestRecover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	killed := openBench(t, dir, workers(1))
	begun, hang := make(chan struct{}), make(chan struct{})
	killed.run = func(_ context.Context, _ domain.Process, log *process.Journal) (any, error) {
		log.Line("stdout", "halfway")
		close(begun)
		<-hang
		return nil, errors.New("too late")
	}
	killed.queue(named(2)...)
	killed.start()
	until(killed, begun)

	b := openBench(t, dir, workers(1))
	b.must(b.Recover(b.ctx))
	v, err := b.Get(b.ctx, owner, "proc-0")
	b.must(err)
	if v.State != domain.StateFailed || v.Problem.Code != problem.Interrupted || v.EndedAt.IsZero() || len(b.order()) > 0 {
		t.Errorf("got %+v", v)
	}
	if _, there := b.results()["proc-0"]; !there {
		t.Error("its handler was not told")
	}
	close(hang) // what the dead one still does changes nothing
	killed.stop()
	if again, err := b.Get(b.ctx, owner, "proc-0"); err != nil || cmp.Diff(v, again) != "" {
		t.Errorf("got %+v, %v, want what it was", again, err)
	}
	b.start()
	if v := b.wait("proc-1"); v.State == domain.StateQueued {
		t.Errorf("got %+v", v)
	}
	b.must(b.Recover(b.ctx)) // with nothing to do
}

func TestList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.queue(named(process.DefaultList + 5)...)
	b.queue(
		domain.Process{ID: "theirs", Owner: stranger}, domain.Process{ID: "all", Owner: domain.Everyone, Kind: domain.KindCatalogue},
	)
	for _, test := range []struct {
		name, owner string
		filter      process.Filter
		want        int
		first       string
	}{
		{"no limit", owner, process.Filter{}, process.DefaultList, "all"},
		{"a limit", owner, process.Filter{Limit: 3}, 3, "all"},
		{"too large a limit", owner, process.Filter{Limit: 1e9}, process.DefaultList + 6, "all"},
		{"of a kind", owner, process.Filter{Kind: domain.KindTest, Limit: 1}, 1, fmt.Sprintf("proc-%d", process.DefaultList+4)},
		{"of a stranger", stranger, process.Filter{}, 2, "all"},
		{"of nobody", "uid:9", process.Filter{Kind: domain.KindTest}, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			list, err := b.List(b.ctx, test.owner, test.filter)
			if err != nil || len(list) != test.want || len(list) > 0 && list[0].ID != test.first {
				t.Errorf("got %d, %v, want %d from %s on", len(list), err, test.want, test.first)
			}
			if len(list) > 0 && list[0].QueuePosition == 0 {
				t.Errorf("got %+v, want a place in the queue", list[0])
			}
		})
	}
}

// TestListRefused: what no process can be is refused; an empty list would say that there is none.
func TestListRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for field, filter := range map[string]process.Filter{"kind": {Kind: "bake"}, "state": {State: "done"}} {
		_, err := b.List(b.ctx, owner, filter)
		if found := problem.From(err); len(found) != 1 || found[0].Code != problem.InvalidParameter || found[0].Field != field || found[0].Limit == "" {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

// TestStranger checks that somebody else's process answers exactly as one that does not exist.
func TestStranger(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.queue(domain.Process{ID: "mine"}, domain.Process{ID: "everyone's", Owner: domain.Everyone})
	for name, try := range map[string]func(id string) error{
		"Get":    func(id string) error { _, err := b.Get(b.ctx, stranger, id); return err },
		"Cancel": func(id string) error { _, err := b.Cancel(b.ctx, stranger, id); return err },
		"Wait":   func(id string) error { _, err := b.Wait(b.ctx, stranger, id); return err },
		"Watch": func(id string) error {
			return b.Watch(b.ctx, stranger, process.WatchRequest{ID: id}, func(process.Update) error {
				t.Error("a stranger is told something")
				return nil
			})
		},
	} {
		there, gone := try("mine"), try("gone")
		if !problem.Has(there, problem.NotFound) {
			t.Errorf("%s: %v, want NotFound", name, there)
			continue
		}
		want := problem.From(gone)[0]
		want.Value = "mine"
		if diff := cmp.Diff(want, problem.From(there)[0]); diff != "" {
			t.Errorf("%s tells the two apart: %s", name, diff)
		}
	}
	if v, err := b.Get(b.ctx, stranger, "everyone's"); err != nil || v.ID != "everyone's" {
		t.Errorf("got %+v, %v", v, err)
	}
}

// TestManyWatchers lets many wait for one process: all learn of its end.
func TestManyWatchers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	release := make(chan struct{})
	b.run = func(context.Context, domain.Process, *process.Journal) (any, error) {
		<-release
		return nil, nil
	}
	b.queue(named(1)...)
	b.start()
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if v, err := b.Wait(b.ctx, owner, "proc-0"); err != nil || v.State != domain.StateCompleted {
				t.Errorf("got %+v, %v", v, err)
			}
		})
	}
	close(release)
	wait.Wait()
}
