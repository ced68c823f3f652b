package client

import (
	"context"
	"errors"
	"io"
	"time"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// Watch says what to see of a process.
type Watch struct {
	ID     string
	After  int64 // number of the last log line that is known already
	Follow bool  // go on until the process is final; else end at what is there now
}

// Event is one thing that was seen: exactly one field is set.
type Event struct {
	Line    *process.Line
	Process *Process // its state, step or place in the queue has changed
}

// tail is how many log lines a failed process's problem quotes when the daemon has quoted none.
const tail = 20

// retry says how long and how often a lost connection is tried again.
type retry struct {
	within time.Duration // since the connection was lost
	first  time.Duration // pause before the first try; doubles
	most   time.Duration
}

var defaultRetry = retry{within: 30 * time.Second, first: 100 * time.Millisecond, most: 2 * time.Second}

// WatchProcess streams the log and the changes of a process to a function, in order, on the calling goroutine; an error of the
// function ends the watch and is returned. The process is returned as it was seen last. When the stream ends early while
// following, that is DaemonUnavailable.
func (c *Client) WatchProcess(ctx context.Context, watch Watch, on func(Event) error) (Process, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var last Process
	stream, err := c.process.WatchProcess(ctx, connect.NewRequest(&kilnv1.WatchProcessRequest{
		Id: watch.ID, AfterLine: watch.After, Follow: watch.Follow,
	}))
	if err != nil {
		return last, c.broken(ctx, err)
	}
	for stream.Receive() {
		var event Event
		switch message := stream.Msg(); {
		case message.GetLine() != nil:
			line := api.LineFromProto(message.GetLine())
			event.Line = &line
		case message.GetProcess() != nil:
			last = api.ProcessFromProto(message.GetProcess())
			shown := last
			event.Process = &shown
		default:
			continue // an event of a later daemon
		}
		if err := on(event); err != nil {
			return last, errors.Join(err, closed(stream, cancel))
		}
	}
	if err := stream.Err(); err != nil {
		return last, c.broken(ctx, err)
	}
	if err := stream.Close(); err != nil {
		return last, c.broken(ctx, err)
	}
	if watch.Follow && !last.State.Final() {
		return last, c.unavailable(io.ErrUnexpectedEOF)
	}
	return last, nil
}

// closed gives up a stream that still has messages; the error of doing so is of no interest once it was cancelled.
func closed(stream *connect.ServerStreamForClient[kilnv1.WatchProcessResponse], cancel context.CancelFunc) error {
	cancel()
	if err := stream.Close(); err != nil && connect.CodeOf(err) != connect.CodeCanceled {
		return err
	}
	return nil
}

// Wait follows a process until it is final. A lost connection is made again, without losing or repeating a line, for up to 30
// seconds. A process that is final and not completed is returned together with its problem, whose Log is filled. The function
// may be nil.
func (c *Client) Wait(ctx context.Context, id string, on func(Event)) (Process, error) {
	var seen lines
	watch := Watch{ID: id, Follow: true}
	var lost time.Time
	pause := c.retry.first
	for {
		alive := false
		p, err := c.WatchProcess(ctx, watch, func(e Event) error {
			alive = true
			if e.Line != nil {
				watch.After = e.Line.Number
				seen.add(*e.Line)
			}
			if on != nil {
				on(e)
			}
			return nil
		})
		switch {
		case err == nil:
			return p, outcome(p, seen)
		case problem.Has(err, problem.LogGone):
			return c.withoutLog(ctx, id)
		case !problem.Has(err, problem.DaemonUnavailable):
			return p, err
		case alive || lost.IsZero():
			lost, pause = time.Now(), c.retry.first // counted from now: a quiet process may have said its last word long ago
		case time.Since(lost) > c.retry.within:
			return p, err
		}
		if err := pauseFor(ctx, pause); err != nil {
			return p, err
		}
		pause = min(2*pause, c.retry.most)
	}
}

// withoutLog ends a Wait for a process so old that its log is gone, which is final for that reason.
func (c *Client) withoutLog(ctx context.Context, id string) (Process, error) {
	p, err := c.Process(ctx, id)
	if err != nil {
		return p, err
	}
	return p, outcome(p, lines{})
}

// outcome is the problem of a process that did not complete.
func outcome(p Process, seen lines) error {
	if p.State == process.StateCompleted {
		return nil
	}
	var found problem.Problem
	switch {
	case p.Problem != nil:
		found = *p.Problem
	case p.State == process.StateCancelled:
		found = problem.Problem{
			Code: problem.Cancelled, Value: p.ID, Detail: "the process was cancelled", Remedy: "Start it again when it is wanted.",
		}
	default:
		found = problem.Problem{
			Code: problem.Internal, Value: p.ID, Detail: "the process is " + string(p.State) + " and does not say why",
			Remedy: "Read its log with `kiln logs`.",
		}
	}
	if len(found.Log) == 0 {
		found.Log = seen.last
	}
	return found
}

// lines keeps the last lines of a log.
type lines struct{ last []string }

func (l *lines) add(line process.Line) {
	if len(l.last) == tail {
		l.last = l.last[1:]
	}
	l.last = append(l.last, line.Text)
}

func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
