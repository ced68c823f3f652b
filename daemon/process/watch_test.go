package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

// collect watches a process and gives its lines and the states it went through.
func (b *bench) collect(req process.WatchRequest) (lines []domain.Line, views []process.View) {
	b.t.Helper()
	b.must(b.Watch(b.ctx, owner, req, func(u process.Update) error {
		switch {
		case u.Line != nil && u.View == nil:
			lines = append(lines, *u.Line)
		case u.View != nil && u.Line == nil:
			views = append(views, *u.View)
		default:
			b.t.Errorf("an update with %+v", u)
		}
		return nil
	}))
	return lines, views
}

func numbers(lines []domain.Line) []int64 {
	var list []int64
	for _, l := range lines {
		list = append(list, l.Number)
	}
	return list
}

func TestWatch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	wrote, release := make(chan struct{}), make(chan struct{})
	b.run = func(_ context.Context, _ domain.Process, log *process.Journal) (any, error) {
		log.Emit(worker.Event{Step: &worker.Step{Number: 1, Total: 2, Name: "RUN one"}})
		log.Emit(worker.Event{Log: &worker.Log{Stream: worker.StreamStdout, Line: "分\t\"quoted\" <&>\u2028"}})
		log.Emit(worker.Event{Result: &worker.Result{}}) // says nothing
		close(wrote)
		<-release
		log.Step("RUN two")
		log.Remark("%d%%", 100)
		return nil, nil
	}
	b.queue(named(1)...)
	lines, views := b.collect(process.WatchRequest{ID: "proc-0"}) // without following, while it is queued
	if len(lines) != 0 || len(views) != 1 || views[0].State != domain.StateQueued || views[0].QueuePosition != 1 {
		t.Errorf("got %v, %+v", lines, views)
	}
	b.start()
	until(b, wrote)
	lines, views = b.collect(process.WatchRequest{ID: "proc-0"}) // without following, while it runs
	want := []domain.Line{
		{Number: 1, Stream: "kiln", Text: "RUN one", Step: "RUN one"}, {Number: 2, Stream: "stdout", Text: "分\t\"quoted\" <&>\u2028"},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if len(views) != 1 || views[0].State != domain.StateRunning || views[0].Step != "RUN one" {
		t.Errorf("got %+v", views)
	}

	// Following from the second line on, to the end.
	var followed []string
	released := false
	b.must(b.Watch(b.ctx, owner, process.WatchRequest{ID: "proc-0", After: 1, Follow: true}, func(u process.Update) error {
		if u.Line != nil {
			followed = append(followed, fmt.Sprint(u.Line.Number, " ", u.Line.Text))
		} else {
			followed = append(followed, fmt.Sprint(u.View.State, " ", u.View.Step))
		}
		if !released {
			released = true
			close(release)
		}
		return nil
	}))
	if got := followed[len(followed)-1]; got != "completed RUN two" {
		t.Errorf("the last update is %q", got)
	}
	var text []string
	for _, f := range followed {
		if !strings.HasPrefix(f, "running") && !strings.HasPrefix(f, "completed") {
			text = append(text, f)
		}
	}
	if diff := cmp.Diff([]string{"2 分\t\"quoted\" <&>\u2028", "3 RUN two", "4 100%"}, text); diff != "" {
		t.Error(diff)
	}
	lines, views = b.collect(process.WatchRequest{ID: "proc-0", After: 3, Follow: true}) // after its end
	if diff := cmp.Diff([]int64{4}, numbers(lines)); diff != "" || len(views) != 1 {
		t.Errorf("%s, %+v", diff, views)
	}
	if lines, _ = b.collect(process.WatchRequest{ID: "proc-0", After: 99}); len(lines) != 0 {
		t.Errorf("got %v of what is not there", lines)
	}
}

// TestWatchQueue checks that one who waits learns how far the queue has moved.
func TestWatchQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t, workers(1))
	turn := make(chan struct{})
	b.run = func(context.Context, domain.Process, *process.Journal) (any, error) {
		<-turn
		return nil, nil
	}
	b.queue(named(3)...)
	var seen []string
	b.must(b.Watch(b.ctx, owner, process.WatchRequest{ID: "proc-2", Follow: true}, func(u process.Update) error {
		if u.View == nil {
			return nil
		}
		state := fmt.Sprint(u.View.State, " ", u.View.QueuePosition)
		seen = append(seen, state)
		switch state {
		case "queued 3":
			b.start()
		case "queued 2", "queued 1", "running 0":
			turn <- struct{}{}
		}
		return nil
	}))
	if diff := cmp.Diff([]string{"queued 3", "queued 2", "queued 1", "running 0", "completed 0"}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.queue(named(1)...)
	stop := errors.New("the client has gone")
	err := b.Watch(b.ctx, owner, process.WatchRequest{ID: "proc-0", Follow: true}, func(process.Update) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the sender's error", err)
	}
	ctx, cancel := context.WithCancelCause(b.ctx)
	err = b.Watch(ctx, owner, process.WatchRequest{ID: "proc-0", Follow: true}, func(process.Update) error {
		cancel(stop)
		return nil
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the context's cause", err)
	}
}

// TestLogGone: a process that has run, and whose log is not there any more, says so to who wants the log, and not to who waits for its
// end; one that never ran has no log to miss.
func TestLogGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.queue(named(2)...)
	if _, err := b.Cancel(b.ctx, owner, "proc-1"); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.wait("proc-0")
	if err := os.RemoveAll(filepath.Join(b.dir, "log")); err != nil {
		t.Fatal(err)
	}
	err := b.Watch(b.ctx, owner, process.WatchRequest{ID: "proc-0", Follow: true}, func(process.Update) error { return nil })
	if p := problem.From(err); len(p) != 1 || p[0].Code != problem.LogGone || p[0].Field != "id" || p[0].Value != "proc-0" || p[0].Limit == "" || p[0].Remedy == "" {
		t.Errorf("Watch() = %v, want LogGone", err)
	}
	if v, err := b.Wait(b.ctx, owner, "proc-0"); err != nil || v.State != domain.StateCompleted {
		t.Errorf("Wait() = %s, %v; want completed", v.State, err)
	}
	if lines, views := b.collect(process.WatchRequest{ID: "proc-1"}); len(lines) != 0 || len(views) != 1 || views[0].State != domain.StateCancelled {
		t.Errorf("of what never ran: %v, %+v", lines, views)
	}
}

// TestLongLog checks that the beginning and the end of a log are kept, and that it says how much is missing.
func TestLongLog(t *testing.T) {
	t.Parallel()
	const total = 10_000
	b := newBench(t)
	b.run = func(_ context.Context, _ domain.Process, log *process.Journal) (any, error) {
		for n := range total {
			log.Line("stdout", fmt.Sprintf("line %d %s", n+1, strings.Repeat("x", 600)))
		}
		return nil, errors.New("failed")
	}
	b.queue(named(1)...)
	b.start()
	v := b.wait("proc-0")
	if n := len(v.Problem.Log); n != process.ProblemLines || !strings.HasPrefix(v.Problem.Log[n-1], fmt.Sprintf("line %d ", total)) {
		t.Errorf("the problem has %d lines", n)
	}
	lines, _ := b.collect(process.WatchRequest{ID: "proc-0"})
	size, marker := 0, -1
	for n, l := range lines {
		size += len(l.Text)
		switch {
		case strings.HasPrefix(l.Text, "(log truncated"):
			marker = n
		case !strings.HasPrefix(l.Text, fmt.Sprintf("line %d ", l.Number)):
			t.Fatalf("line %d says %q", l.Number, l.Text)
		}
		if n > 0 && l.Number <= lines[n-1].Number {
			t.Fatalf("line %d comes after %d", l.Number, lines[n-1].Number)
		}
	}
	if marker < 0 || len(lines)-1-marker != process.TailLines || lines[len(lines)-1].Number != total || size > process.MaxLog {
		t.Fatalf("%d lines, %d bytes, the marker at %d", len(lines), size, marker)
	}
	left := int64(total) - int64(marker) - process.TailLines
	if want := fmt.Sprintf("(log truncated: %d lines left out)", left); lines[marker].Text != want {
		t.Errorf("the marker says %q, want %q", lines[marker].Text, want)
	}
	tail, _ := b.collect(process.WatchRequest{ID: "proc-0", After: total - process.TailLines})
	if len(tail) != process.TailLines {
		t.Errorf("%d lines of the tail", len(tail))
	}
	if rest, _ := b.collect(process.WatchRequest{ID: "proc-0", After: lines[marker].Number - 1}); len(rest) != process.TailLines+1 {
		t.Errorf("%d lines from the marker on", len(rest))
	}
}

// TestBarelyTooLongLog checks the other side of the limit: fewer lines are left out than are kept as the tail, so none is.
func TestBarelyTooLongLog(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	total := 0
	b.run = func(_ context.Context, _ domain.Process, log *process.Journal) (any, error) {
		for size := 0; size < process.MaxLog+1<<17; size += 16 << 10 {
			log.Line("stdout", strings.Repeat("x", 16<<10))
			total++
		}
		return nil, nil
	}
	b.queue(named(1)...)
	b.start()
	b.wait("proc-0")
	lines, _ := b.collect(process.WatchRequest{ID: "proc-0"})
	if len(lines) != total || lines[total-1].Number != int64(total) {
		t.Errorf("%d of %d lines", len(lines), total)
	}
}
