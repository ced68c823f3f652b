package process

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

// Get finds one of the owner's processes.
func (r *Runner) Get(ctx context.Context, owner, id string) (View, error) {
	var p domain.Process
	var queue domain.Queue
	err := r.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		if p, err = tx.Process(id); err == nil && p.State == domain.StateQueued {
			queue, err = readQueue(tx)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Owner != owner && p.Owner != domain.Everyone {
		return View{}, notFound(id)
	}
	return r.view(p, queue), err
}

// List gives the owner's processes, newest first.
func (r *Runner) List(ctx context.Context, owner string, f Filter) ([]View, error) {
	if err := domain.ValidateFilter(f.Kind, f.State).Err(); err != nil {
		return nil, err
	}
	if f.Limit <= 0 {
		f.Limit = DefaultList
	}
	f.Limit = min(f.Limit, MaxList)
	var found []domain.Process
	var queue domain.Queue
	err := r.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		if found, err = tx.Processes(owner, f); err != nil {
			return err
		}
		queue, err = readQueue(tx)
		return err
	})
	views := make([]View, len(found))
	for i, p := range found {
		views[i] = r.view(p, queue)
	}
	return views, err
}

// Cancel ends a process and returns when it is final; one that is final already stays as it is.
func (r *Runner) Cancel(ctx context.Context, owner, id string) (View, error) {
	v, err := r.Get(ctx, owner, id)
	if err != nil || v.State.Final() {
		return v, err
	}
	if v.State == domain.StateQueued {
		err := r.finish(ctx, v.Process, nil, errCancelled)
		if err != nil && !errors.Is(err, store.ErrStale) {
			return v, err
		}
		r.announce(id)
		r.Kick()
	}
	if err := r.stop(ctx, id); err != nil {
		return v, err
	}
	return r.Get(ctx, owner, id)
}

// CancelSubject ends every process that works on something.
func (r *Runner) CancelSubject(ctx context.Context, owner, subject string) error {
	active, err := r.active(ctx, subject)
	if err != nil {
		return err
	}
	for _, p := range active {
		if _, err := r.Cancel(ctx, owner, p.ID); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) stop(ctx context.Context, id string) error {
	r.claim.Lock() // what is claimed already is among the running ones then
	r.mu.Lock()
	one, ok := r.running[id]
	r.mu.Unlock()
	r.claim.Unlock()
	if !ok {
		return nil
	}
	one.cancel(errCancelled)
	select {
	case <-one.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Wait returns the process once it is final, whether its log is there or not.
func (r *Runner) Wait(ctx context.Context, owner, id string) (View, error) {
	var last View
	err := r.Watch(ctx, owner, WatchRequest{ID: id, Follow: true}, func(u Update) error {
		if u.View != nil {
			last = *u.View
		}
		return nil
	})
	if problem.Has(err, problem.LogGone) {
		return r.Get(ctx, owner, id)
	}
	return last, err
}

// Watch hands over the log from a line on, and the process whenever it has changed; the process as it is at the end comes last. It is
// LogGone when the process has run, and nothing of its log is left.
func (r *Runner) Watch(ctx context.Context, owner string, req WatchRequest, send func(Update) error) error {
	var log follower
	defer func() { _ = log.close() }() // it was only read
	var last View
	for {
		changed := r.topic(req.ID) // before looking, so that no change is missed
		v, err := r.look(ctx, owner, req.ID, last)
		if err != nil {
			r.announce(req.ID) // there may be nothing of that name that would ever do it
			return err
		}
		if err := r.sendLines(&log, req, send); err != nil {
			return err
		}
		if log.file == nil && v.State.Final() && !v.StartedAt.IsZero() {
			return logGone(req.ID)
		}
		ended := v.State.Final() || !req.Follow
		if ended || differs(v, last) {
			last = v
			if err := send(Update{View: &v}); err != nil {
				return err
			}
		}
		if ended {
			r.forget(req.ID, v.State.Final())
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look reads a process anew, but while it runs here: then all that changes about it is known without asking the store, which
// followers of a long log would otherwise do for every line.
func (r *Runner) look(ctx context.Context, owner, id string, last View) (View, error) {
	if last.State == domain.StateRunning {
		r.mu.Lock()
		one, ok := r.running[id]
		r.mu.Unlock()
		if ok {
			last.Step, last.CUSeconds = one.journal.step(), one.cuSeconds()
			return last, nil
		}
	}
	return r.Get(ctx, owner, id)
}

func differs(a, b View) bool {
	return a.State != b.State || a.Step != b.Step || a.QueuePosition != b.QueuePosition
}

func (r *Runner) sendLines(log *follower, req WatchRequest, send func(Update) error) error {
	err := log.open(r.logPath(req.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was written yet
	}
	for err == nil {
		var l domain.Line
		if l, err = log.next(); err != nil {
			break
		}
		if l.Number > req.After {
			err = send(Update{Line: &l})
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (r *Runner) view(p domain.Process, queue domain.Queue) View {
	v := View{Process: p, CUSeconds: p.CUSeconds(r.cfg.Clock())}
	if p.State == domain.StateRunning {
		r.mu.Lock()
		if one, ok := r.running[p.ID]; ok {
			v.Step, v.CUSeconds = one.journal.step(), one.cuSeconds()
		}
		r.mu.Unlock()
	}
	if p.State == domain.StateQueued {
		v.QueuePosition = queue.Position(p)
	}
	return v
}

// topic gives a channel that is closed at the next change of a process.
func (r *Runner) topic(id string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	ch, ok := r.topics[id]
	if !ok {
		ch = make(chan struct{})
		r.topics[id] = ch
	}
	return ch
}

func (r *Runner) announce(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ch, ok := r.topics[id]; ok {
		close(ch)
		delete(r.topics, id)
	}
}

// forget drops the channel that a last look has made for nothing.
func (r *Runner) forget(id string, final bool) {
	if final {
		r.announce(id)
	}
}

func (r *Runner) logPath(id string) string {
	return filepath.Join(r.cfg.Dir, strings.ReplaceAll(id, string(filepath.Separator), "_")+".jsonl")
}

func notFound(id string) problem.Problem {
	return problem.Problem{
		Code: problem.NotFound, Field: "id", Value: id, Limit: "the id of a process of yours", Detail: "no such process",
		Remedy: "kiln jobs lists them.",
	}
}

func logGone(id string) problem.Problem {
	return problem.Problem{
		Code: problem.LogGone, Field: "id", Value: id, Limit: "a process whose log is in the daemon's data directory",
		Detail: "the log is not there any more", Remedy: "kiln jobs shows how the process ended; run it again for another log.",
	}
}
