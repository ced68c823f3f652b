// Package process is the one runner of long work: the queue, the log, cancel,
// and recovery after a restart. What the work is, handlers know.
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

// Handler does the work of one kind of process.
type Handler interface {
	// Run does the work of a claimed process and returns when nothing of it is left. It ends soon after ctx does.
	Run(ctx context.Context, p domain.Process, log *Journal) (result any, err error)
	// Finish stores, in one transaction, the process as it is given (final) and what follows from it. result is what Run
	// returned, nil when it failed or never ran. It is also called for what a dead daemon left running.
	Finish(ctx context.Context, p domain.Process, result any) error
}

// Tx is what the runner needs of a transaction.
type Tx interface {
	Now() time.Time
	Process(id string) (domain.Process, error)
	Processes(owner string, f domain.Filter) ([]domain.Process, error)
	ActiveProcesses(subject string) ([]domain.Process, error)
	Turns() ([]domain.Turn, error)
	ClaimProcess(id string) (domain.Process, error)
}

// Config is what a runner needs.
type Config struct {
	Store  store.Of[Tx]
	Dir    string // of the logs
	Limits Limits
	Clock  func() time.Time
	Logger *slog.Logger
}

// Runner claims queued processes and runs them.
type Runner struct {
	cfg      Config
	handlers map[domain.Kind]Handler
	kick     chan struct{}

	claim sync.Mutex // held from claiming a process until it is among the running ones

	mu      sync.Mutex
	running map[string]*run
	topics  map[string]chan struct{}
	wait    sync.WaitGroup
}

type run struct {
	process domain.Process
	begun   time.Time // with the monotonic clock, so that setting the machine's changes no bill
	journal *Journal
	cancel  context.CancelCauseFunc
	done    chan struct{}
}

// Why the context of a run ends.
var (
	errCancelled   = errors.New("cancelled")
	errInterrupted = errors.New("the daemon stopped")
)

// New makes a runner. Handle must be called for each kind before Recover and Run.
func New(cfg Config) *Runner {
	return &Runner{
		cfg: cfg, handlers: map[domain.Kind]Handler{}, kick: make(chan struct{}, 1),
		running: map[string]*run{}, topics: map[string]chan struct{}{},
	}
}

// Handle says who does the work of a kind.
func (r *Runner) Handle(kind domain.Kind, h Handler) { r.handlers[kind] = h }

// Kick tells the runner that something was queued.
func (r *Runner) Kick() {
	select {
	case r.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// Recover ends what a daemon that is gone left running, as failed: Interrupted. What is queued stays queued.
func (r *Runner) Recover(ctx context.Context) error {
	active, err := r.active(ctx, "")
	if err != nil {
		return err
	}
	for _, p := range active {
		if p.State != domain.StateRunning {
			continue
		}
		p.EndedAt = r.lastBeat(p)
		if err := r.finish(ctx, p, nil, errInterrupted); err != nil {
			return fmt.Errorf("recover process %s: %w", p.ID, err)
		}
	}
	return nil
}

// Run claims and runs until ctx ends; then it interrupts what runs and returns when that has ended.
func (r *Runner) Run(ctx context.Context) error {
	defer r.wait.Wait()
	for {
		started, err := r.step(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if started {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.kick:
		}
	}
}

// step starts the queued process whose turn it is, if the limits let any in.
func (r *Runner) step(ctx context.Context) (started bool, err error) {
	queue, err := r.queue(ctx)
	if err != nil {
		return false, err
	}
	if r.reclaim(ctx, queue.Active) {
		return true, nil
	}
	next, ok := queue.Next(r.cfg.Limits)
	if !ok {
		return false, nil
	}
	err = r.begin(ctx, next.ID)
	if errors.Is(err, store.ErrStale) {
		return true, nil // it was cancelled in between: look again
	}
	if err != nil {
		return false, fmt.Errorf("claim process %s: %w", next.ID, err)
	}
	for _, other := range queue.Active {
		r.announce(other.ID) // queue positions have changed
	}
	return true, nil
}

// reclaim ends what holds a place and does not run: its end could not be recorded. It says whether a place was freed.
func (r *Runner) reclaim(ctx context.Context, active []domain.Process) (freed bool) {
	for _, p := range active {
		r.mu.Lock()
		_, runs := r.running[p.ID]
		r.mu.Unlock()
		if p.State != domain.StateRunning || runs {
			continue
		}
		p.EndedAt = r.lastBeat(p)
		err := r.finish(ctx, p, nil, errInterrupted)
		if errors.Is(err, store.ErrStale) {
			continue // it has ended since it was read
		}
		if err != nil {
			r.cfg.Logger.ErrorContext(ctx, "process still not recorded", slog.String("process", p.ID), slog.Any("error", err))
			continue
		}
		freed = true
		r.announce(p.ID)
	}
	return freed
}

// begin claims a process and starts its work.
func (r *Runner) begin(ctx context.Context, id string) error {
	r.claim.Lock()
	defer r.claim.Unlock()
	var p domain.Process
	err := r.cfg.Store.Write(ctx, func(tx Tx) (err error) {
		p, err = tx.ClaimProcess(id)
		return err
	})
	if err == nil {
		r.start(ctx, p)
	}
	return err
}

func (r *Runner) start(ctx context.Context, p domain.Process) {
	// The work outlives neither the daemon nor its cancelling, but it ends with a cause that says which.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(errInterrupted) })
	one := &run{process: p, begun: time.Now(), cancel: cancel, done: make(chan struct{})}
	one.journal = newJournal(r.logPath(p.ID), func() { r.announce(p.ID) })
	r.mu.Lock()
	r.running[p.ID] = one
	r.mu.Unlock()
	r.wait.Go(func() {
		defer stop()
		defer cancel(nil)
		r.work(work, one)
	})
}

func (r *Runner) work(ctx context.Context, one *run) {
	p := one.process
	logger := r.cfg.Logger.With(slog.String("process", p.ID), slog.String("kind", string(p.Kind)))
	logger.InfoContext(ctx, "process started")
	if waited := p.StartedAt.Sub(p.CreatedAt); waited >= time.Second {
		one.journal.Remark("waited %s in the queue", waited.Round(time.Second))
	}
	still := one.journal.beat(pulse)
	var result any
	err := error(problem.Problem{
		Code: problem.Internal, Detail: "no handler for " + string(p.Kind), Remedy: "Use a client and a daemon of the same release.",
	})
	if h, ok := r.handlers[p.Kind]; ok {
		result, err = h.Run(ctx, p, one.journal)
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	still()
	p.EndedAt = p.StartedAt.Add(time.Since(one.begun))
	p.Step = one.journal.step()
	if closing := one.journal.close(); closing != nil {
		logger.ErrorContext(ctx, "log incomplete", slog.Any("error", closing))
	}
	finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if failure := r.finishWith(finishing, p, result, err, one.journal.tail()); failure != nil {
		// The row still says running: reclaim ends it.
		logger.ErrorContext(ctx, "process not recorded", slog.Any("error", failure))
	}
	logger.InfoContext(ctx, "process ended", slog.Any("error", err))
	r.mu.Lock()
	delete(r.running, p.ID)
	r.mu.Unlock()
	close(one.done)
	r.announce(p.ID)
	r.Kick()
}

func (r *Runner) finish(ctx context.Context, p domain.Process, result any, cause error) error {
	return r.finishWith(ctx, p, result, cause, nil)
}

// finishWith makes a process final, as of now when nobody has said when it ended, and hands it to its handler to be stored.
func (r *Runner) finishWith(ctx context.Context, p domain.Process, result any, cause error, tail []string) error {
	if p.EndedAt.IsZero() {
		p.EndedAt = r.cfg.Clock().UTC()
	}
	switch {
	case cause == nil:
		p.State = domain.StateCompleted
	case errors.Is(cause, errCancelled):
		p.State, result = domain.StateCancelled, nil
		p.Problem = &problem.Problem{Code: problem.Cancelled, Detail: "the process was cancelled", Remedy: p.Kind.Again()}
	default:
		p.State, result = domain.StateFailed, nil
		found := explain(cause, p, tail)
		p.Problem = &found
	}
	h, ok := r.handlers[p.Kind]
	if !ok {
		return fmt.Errorf("finish process %s: no handler for %q", p.ID, p.Kind)
	}
	return h.Finish(ctx, p, result)
}

func explain(cause error, p domain.Process, tail []string) problem.Problem {
	if errors.Is(cause, errInterrupted) {
		return problem.Problem{
			Code: problem.Interrupted, Value: p.ID, Detail: "the daemon stopped while the process was running",
			Remedy: p.Kind.Again(), Log: tail,
		}
	}
	found := problem.Problem{
		Code: problem.Internal, Value: p.ID, Detail: "internal error", Remedy: "The daemon's log has the cause under this process id.",
	}
	if list := problem.From(cause); len(list) > 0 {
		found = list[0]
	}
	if len(found.Log) == 0 {
		found.Log = tail
	}
	return found
}

func (r *Runner) queue(ctx context.Context) (q domain.Queue, err error) {
	err = r.cfg.Store.Read(ctx, func(tx Tx) error {
		q, err = readQueue(tx)
		return err
	})
	return q, err
}

func readQueue(tx Tx) (q domain.Queue, err error) {
	if q.Active, err = tx.ActiveProcesses(""); err == nil {
		q.Turns, err = tx.Turns()
	}
	return q, err
}

func (r *Runner) active(ctx context.Context, subject string) (list []domain.Process, err error) {
	err = r.cfg.Store.Read(ctx, func(tx Tx) error {
		list, err = tx.ActiveProcesses(subject)
		return err
	})
	return list, err
}
