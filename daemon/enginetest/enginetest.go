// Package enginetest is a scripted stand-in for daemon/engine in the tests of services and of the provider.
// By default every job succeeds at once with a plausible, deterministic result; a test may script failures,
// blocking and log lines for a kind of job. It must not know Buildah, namespaces or the store.
package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/kilnhq/kiln/daemon/worker"
)

// Func plays one job. It may call emit, must return when ctx ends, and returns what Engine.Execute returns.
type Func func(ctx context.Context, job worker.Job, emit func(worker.Event)) (worker.Result, error)

// Engine plays jobs instead of running them. It is safe for concurrent use; the zero value is not usable, see New.
type Engine struct {
	mu      sync.Mutex
	scripts map[worker.Kind]Func
	once    map[worker.Kind][]Func
	logs    map[worker.Kind][]worker.Log
	gates   map[worker.Kind]chan struct{}
	jobs    []worker.Job
	running map[worker.Kind]int
	most    map[worker.Kind]int
	images  map[string]string // name in the store to image id
	changed chan struct{}     // closed and replaced whenever jobs or running change
}

// New returns an engine whose jobs all succeed at once.
func New() *Engine {
	return &Engine{
		scripts: map[worker.Kind]Func{},
		once:    map[worker.Kind][]Func{},
		logs:    map[worker.Kind][]worker.Log{},
		gates:   map[worker.Kind]chan struct{}{},
		running: map[worker.Kind]int{},
		most:    map[worker.Kind]int{},
		images:  map[string]string{},
		changed: make(chan struct{}),
	}
}

// Execute plays job as engine.Engine.Execute would run it: steps and log lines go to emit in order, from one
// goroutine; a scripted failure is a *worker.Failure error; when ctx ends first, the error is its cause.
func (e *Engine) Execute(ctx context.Context, job worker.Job, emit func(worker.Event)) (worker.Result, error) {
	if emit == nil {
		emit = func(worker.Event) {}
	}
	play, logs, gate := e.begin(job)
	defer e.end(job.Kind)
	if err := context.Cause(ctx); err != nil {
		return worker.Result{}, err
	}
	for _, step := range steps(job) {
		emit(worker.Event{Step: &step})
	}
	for _, line := range logs {
		emit(worker.Event{Log: &line})
	}
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return worker.Result{}, context.Cause(ctx)
		}
	}
	result, err := play(ctx, job, emit)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return worker.Result{}, context.Cause(ctx)
	}
	if err != nil {
		return worker.Result{}, err
	}
	e.keep(job, result)
	return result, nil
}

// Script makes play the answer to every further job of kind; nil restores the default.
func (e *Engine) Script(kind worker.Kind, play Func) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if play == nil {
		delete(e.scripts, kind)
		return
	}
	e.scripts[kind] = play
}

// ScriptOnce makes play the answer to the next job of kind that has no earlier ScriptOnce waiting.
func (e *Engine) ScriptOnce(kind worker.Kind, play Func) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.once[kind] = append(e.once[kind], play)
}

// Fail makes every further job of kind fail with failure; nil restores the default.
func (e *Engine) Fail(kind worker.Kind, failure *worker.Failure) {
	if failure == nil {
		e.Script(kind, nil)
		return
	}
	e.Script(kind, failing(failure))
}

// FailOnce makes only the next job of kind fail with failure.
func (e *Engine) FailOnce(kind worker.Kind, failure *worker.Failure) {
	e.ScriptOnce(kind, failing(failure))
}

// FailCommand makes image jobs fail at the command called name with exit code code, as a failed test does.
func (e *Engine) FailCommand(name string, code int) {
	e.Script(worker.KindImage, func(_ context.Context, job worker.Job, _ func(worker.Event)) (worker.Result, error) {
		for _, command := range job.Image.Commands {
			if command.Name == name {
				message := fmt.Sprintf("exit code %d", code)
				return worker.Result{}, &worker.Failure{Kind: worker.FailureCommand, Step: name, ExitCode: code, Message: message}
			}
		}
		return Default(job), nil
	})
}

// Log makes every further job of kind emit lines on stdout before it ends; no lines restores silence.
func (e *Engine) Log(kind worker.Kind, lines ...string) {
	logs := make([]worker.Log, 0, len(lines))
	for _, line := range lines {
		logs = append(logs, worker.Log{Stream: worker.StreamStdout, Line: line})
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.logs[kind] = logs
}

// Block makes every further job of kind wait, after its steps and log lines, until release is called or its
// context ends. Calling release twice is harmless.
func (e *Engine) Block(kind worker.Kind) (release func()) {
	gate := make(chan struct{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gates[kind] = gate
	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.gates[kind] == gate {
			delete(e.gates, kind)
		}
		close(gate)
	})
}

// Calls returns how many jobs of kind have begun so far.
func (e *Engine) Calls(kind worker.Kind) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls(kind)
}

// Running returns how many jobs of kind are being played now.
func (e *Engine) Running(kind worker.Kind) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running[kind]
}

// MostRunning returns the largest number of jobs of kind that were ever played at once.
func (e *Engine) MostRunning(kind worker.Kind) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.most[kind]
}

// Jobs returns every job that has begun, oldest first; with kinds, only those.
func (e *Engine) Jobs(kinds ...worker.Kind) []worker.Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	var jobs []worker.Job
	for _, job := range e.jobs {
		if len(kinds) == 0 || slices.Contains(kinds, job.Kind) {
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// Images returns the names in the make-believe image store, sorted: what bootstrap, image and pull jobs kept
// and remove jobs have not removed.
func (e *Engine) Images() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.images))
}

// WaitCalls returns when at least n jobs of kind have begun, or with ctx's cause when it ends first.
func (e *Engine) WaitCalls(ctx context.Context, kind worker.Kind, n int) error {
	return e.wait(ctx, func() bool { return e.calls(kind) >= n })
}

// WaitIdle returns when no job of any kind is being played, or with ctx's cause when it ends first.
func (e *Engine) WaitIdle(ctx context.Context) error {
	return e.wait(ctx, func() bool {
		for _, n := range e.running {
			if n > 0 {
				return false
			}
		}
		return true
	})
}

func (e *Engine) wait(ctx context.Context, done func() bool) error {
	for {
		e.mu.Lock()
		ok, changed := done(), e.changed
		e.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (e *Engine) begin(job worker.Job) (Func, []worker.Log, chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs = append(e.jobs, job)
	e.running[job.Kind]++
	e.most[job.Kind] = max(e.most[job.Kind], e.running[job.Kind])
	e.signal()
	play := e.scripts[job.Kind]
	if queue := e.once[job.Kind]; len(queue) > 0 {
		play, e.once[job.Kind] = queue[0], queue[1:]
	}
	if play == nil {
		play = succeed
	}
	return play, e.logs[job.Kind], e.gates[job.Kind]
}

func (e *Engine) end(kind worker.Kind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running[kind]--
	e.signal()
}

func (e *Engine) keep(job worker.Job, result worker.Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if name := kept(job); name != "" {
		e.images[name] = cmp.Or(result.ImageID, Default(job).ImageID)
	}
	if job.Remove == nil {
		return
	}
	for _, image := range job.Remove.Images {
		maps.DeleteFunc(e.images, func(name, id string) bool { return name == image || id == image })
	}
}

// signal and calls want e.mu held.
func (e *Engine) signal() {
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *Engine) calls(kind worker.Kind) int {
	n := 0
	for _, job := range e.jobs {
		if job.Kind == kind {
			n++
		}
	}
	return n
}

func failing(failure *worker.Failure) Func {
	return func(context.Context, worker.Job, func(worker.Event)) (worker.Result, error) {
		return worker.Result{}, failure
	}
}

func succeed(_ context.Context, job worker.Job, _ func(worker.Event)) (worker.Result, error) {
	return Default(job), nil
}
