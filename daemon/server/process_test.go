package server_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	more := make(chan struct{})
	b.process.watch = func(_ context.Context, _ process.WatchRequest, send func(process.Update) error) error {
		err := errors.Join(send(state(domain.StateRunning)), send(line(1)))
		<-more // the client has seen what was sent, so nothing waits in a buffer
		return errors.Join(err, send(line(2)), send(state(domain.StateCompleted)))
	}
	var seen []string
	last, err := b.WatchProcess(t.Context(), client.Watch{ID: "p1", After: 5, Follow: true}, func(e client.Event) error {
		seen = append(seen, describe(e))
		if e.Line != nil && e.Line.Number == 1 {
			close(more)
		}
		return nil
	})
	if err != nil || last.State != domain.StateCompleted || last.CUSeconds != 2.5 {
		t.Errorf("last seen %+v, %v", last, err)
	}
	if diff := cmp.Diff([]string{"running", "line 1", "line 2", "completed"}, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	if want := []string{"watch " + me() + " p1 after 5 follow true"}; !slices.Equal(want, b.calls.all()) {
		t.Errorf("asked %v", b.calls.all())
	}
}

func TestWatchEndsWithTheWatcher(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ended := make(chan error, 1)
	b.process.watch = func(ctx context.Context, _ process.WatchRequest, send func(process.Update) error) error {
		err := send(line(1))
		<-ctx.Done()
		ended <- err
		return context.Cause(ctx)
	}
	enough := errors.New("enough")
	_, err := b.WatchProcess(t.Context(), client.Watch{ID: "p1", Follow: true}, func(client.Event) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the daemon still watches")
	}
}

func TestWaitTellsWhyAProcessFailed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failed := state(domain.StateFailed)
	failed.View.Problem = &problem.Problem{Code: problem.TestFailed, Detail: "exit code 1", Remedy: "Correct the test."}
	b.process.watch = func(_ context.Context, _ process.WatchRequest, send func(process.Update) error) error {
		return errors.Join(send(line(1)), send(line(2)), send(failed))
	}
	p, err := b.Wait(t.Context(), "p1", nil)
	want := problem.Problem{Code: problem.TestFailed, Detail: "exit code 1", Remedy: "Correct the test.", Log: []string{"text", "text"}}
	if diff := cmp.Diff(problem.List{want}, problem.From(err)); diff != "" || p.State != domain.StateFailed {
		t.Errorf("process %+v, problem (-want +got):\n%s", p, diff)
	}
}

// The connection is cut in the middle, then the daemon is away for a while and comes back.
func TestWaitReconnects(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	stopped := make(chan struct{})
	watches := 0
	b.process.watch = func(ctx context.Context, r process.WatchRequest, send func(process.Update) error) error {
		watches++
		switch watches {
		case 1:
			if err := errors.Join(send(state(domain.StateRunning)), send(line(1)), send(line(2))); err != nil {
				return err
			}
			panic(http.ErrAbortHandler)
		case 2:
			err := send(line(r.After + 1))
			close(stopped)
			<-ctx.Done()
			return err
		}
		return errors.Join(send(line(r.After+1)), send(state(domain.StateCompleted)))
	}
	stop := serve(t, b)
	c := dial(t, b.path)
	again := make(chan func(), 1)
	go func() {
		<-stopped
		stop()
		again <- serve(t, b)
	}()
	var seen []string
	p, err := c.Wait(t.Context(), "p1", func(e client.Event) { seen = append(seen, describe(e)) })
	if err != nil || p.State != domain.StateCompleted {
		t.Errorf("process %+v, %v", p, err)
	}
	(<-again)()
	if diff := cmp.Diff([]string{"running", "line 1", "line 2", "line 3", "line 4", "completed"}, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	asked := []string{
		"watch " + me() + " p1 after 0 follow true", "watch " + me() + " p1 after 2 follow true", "watch " + me() + " p1 after 3 follow true",
	}
	if diff := cmp.Diff(asked, b.calls.all()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestWaitWithoutALog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.process.watch = func(context.Context, process.WatchRequest, func(process.Update) error) error {
		return problem.Problem{Code: problem.LogGone, Remedy: "Nothing can be done."}
	}
	if p, err := b.Wait(t.Context(), "p1", nil); p.ID != "p1" || err == nil {
		t.Errorf("got %+v, %v", p, err)
	}
}

func line(number int64) process.Update {
	return process.Update{Line: &domain.Line{Number: number, Stream: "stdout", Text: "text"}}
}

func state(s domain.State) process.Update {
	v := process.View{CUSeconds: 2.5}
	v.ID, v.State = "p1", s
	return process.Update{View: &v}
}

func describe(e client.Event) string {
	if e.Line != nil {
		return "line " + string(rune('0'+e.Line.Number))
	}
	return string(e.Process.State)
}
