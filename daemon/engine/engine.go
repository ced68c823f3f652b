// Package engine runs container work: it starts a worker in a sandbox for each job and passes on what the
// worker reports. It and its subpackages are the only importers of Buildah and its sister libraries. It must not
// know the API, the database or the rules: a worker.Job says everything.
package engine

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.podman.io/buildah"

	"github.com/kilnhq/kiln/daemon/engine/job"
	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// cancelGrace is how long a worker has to clean up after it was asked to end.
const cancelGrace = 15 * time.Second

// maxEvent is the longest event in bytes; a result with its list of packages is the largest one.
const maxEvent = 16 << 20

// Config says where the engine keeps its state and what it runs. The zero values of all but StateDir and Runtime
// are good.
type Config struct {
	StateDir   string       // an absolute path; the image store is StateDir/storage
	Runtime    string       // path of runc
	Executable string       // this program, to start workers with; default /proc/self/exe
	Logger     *slog.Logger // default: discards
	RPM        bool         // official images are made of rpm packages, too: Doctor then looks for what makes them
}

// Engine runs jobs. It is safe for concurrent use.
type Engine struct {
	config Config
	log    *slog.Logger

	mu       sync.Mutex
	workers  int
	sweeping bool
}

// Reexec must be the first thing that main, and TestMain of a package that links the engine, do. It is true when
// this process was a helper of a worker that has done its work: the caller then exits with status 0. A process
// that is a worker never returns from it.
func Reexec() bool {
	if buildah.InitReexec() {
		return true
	}
	sandbox.Reexec(job.Main)
	return false
}

// New checks the runtime's version, prepares the state directory and returns an engine.
func New(config Config) (*Engine, error) {
	if err := checkAccount(); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(config.StateDir) {
		return nil, fmt.Errorf("state directory %q is not an absolute path", config.StateDir)
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	if config.Runtime, err = realPath(config.Runtime); err != nil {
		return nil, *runtimeProblem(config.Runtime, "it cannot be found: "+err.Error())
	}
	if _, err := checkRuntime(context.Background(), config.Runtime); err != nil {
		return nil, err
	}
	state := config.StateDir
	for _, dir := range []string{state, storageDir(state), tempDir(state), blobDir(state)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make state directory: %w", err)
		}
	}
	return &Engine{config: config, log: config.Logger}, nil
}

// checkAccount refuses a user whose sandboxes could not work, or would not be any.
func checkAccount() error {
	if os.Geteuid() == 0 {
		return problem.Problem{
			Code: problem.RefuseRoot, Field: "user", Value: "root", Limit: "an ordinary user with a range in /etc/subuid",
			Remedy: "Run kilnd as an ordinary user.",
		}
	}
	if _, err := sandbox.CurrentRange(); err != nil {
		return problem.Problem{
			Code: problem.SubIDMissing, Field: "user", Value: userName(), Limit: fmt.Sprintf("%d subordinate ids in one piece", sandbox.MinIDs),
			Remedy: "Run `" + subIDFix() + "`.", Detail: err.Error(),
		}
	}
	return nil
}

// realPath follows symbolic links: the runtime's own directory is what workers get to see.
func realPath(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return path, err
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return path, err
	}
	return resolved, nil
}

func storageDir(state string) string { return filepath.Join(state, "storage") }
func tempDir(state string) string    { return filepath.Join(state, "tmp") }
func blobDir(state string) string    { return filepath.Join(state, "blobs") }

// Execute runs one job in a worker of its own and blocks until that is gone. It calls emit for each step and log
// event, in order, from one goroutine; emit may be nil. A failed job is a *worker.Failure error. When ctx ends,
// the worker is asked to clean up, and killed with everything it started when it does not; the error then is
// ctx's cause.
func (e *Engine) Execute(ctx context.Context, j worker.Job, emit func(worker.Event)) (worker.Result, error) {
	if err := context.Cause(ctx); err != nil {
		return worker.Result{}, err
	}
	if emit == nil {
		emit = func(worker.Event) {}
	}
	done, err := e.admit(j.Kind)
	if err != nil {
		return worker.Result{}, err
	}
	defer done()
	payload := job.Payload{Job: j, Token: newToken()}
	outcome, err := e.start(ctx, payload, emit)
	if err != nil {
		return worker.Result{}, err
	}
	if outcome.died {
		e.cleanUp(payload)
	}
	if err := context.Cause(ctx); err != nil && outcome.failure != nil {
		return worker.Result{}, err
	}
	if outcome.failure != nil {
		return worker.Result{}, outcome.failure
	}
	return outcome.result, nil
}

// admit counts the workers, and lets a sweep in only when there is none.
func (e *Engine) admit(kind worker.Kind) (done func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sweep := kind == worker.KindSweep
	if e.sweeping || (sweep && e.workers > 0) {
		return nil, &worker.Failure{Kind: worker.FailureInternal, Message: "a sweep of the image store and other jobs exclude each other"}
	}
	e.workers++
	e.sweeping = sweep
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.workers--
		if sweep {
			e.sweeping = false
		}
	}, nil
}

// newToken names one run of a job: ids come from callers, and may come twice.
func newToken() string { return "k" + strings.ToLower(rand.Text()[:16]) }

// cleanUp lets a second worker remove what a killed one left in the image store.
func (e *Engine) cleanUp(payload job.Payload) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cleanup := job.Payload{Job: worker.Job{ID: payload.Job.ID, Kind: payload.Job.Kind}, Token: payload.Token, Cleanup: true}
	outcome, err := e.start(ctx, cleanup, func(worker.Event) {})
	if err == nil && outcome.failure != nil {
		err = outcome.failure
	}
	if err != nil {
		e.log.Warn("clean up after killed worker", "job", payload.Job.ID, "error", err)
	}
}

// outcome is how a worker ended: with its last word, or without.
type outcome struct {
	result  worker.Result
	failure *worker.Failure
	died    bool
}

// start runs a worker to its end.
func (e *Engine) start(ctx context.Context, payload job.Payload, emit func(worker.Event)) (outcome, error) {
	spec, err := e.spec(payload)
	if err != nil {
		return outcome{}, err
	}
	defer e.removeTemp(payload.Token)
	process, err := sandbox.Start(ctx, sandbox.Config{Executable: e.config.Executable, Logger: e.log}, spec)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return outcome{}, cause
		}
		return outcome{}, &worker.Failure{Kind: worker.FailureInternal, Message: err.Error()}
	}
	defer process.Events().Close()
	stop := context.AfterFunc(ctx, func() { end(process) })
	defer stop()
	overtime := time.AfterFunc(limit(payload.Job)+2*cancelGrace, process.Kill)
	defer overtime.Stop()

	out, err := receive(process.Events(), emit)
	if err != nil {
		process.Kill()
	}
	waitErr := process.Wait()
	switch {
	case err != nil:
		out = outcome{died: true, failure: &worker.Failure{Kind: worker.FailureInternal, Message: "read events: " + err.Error()}}
	case exitStatus(waitErr) == sandbox.SetupFailed:
		out = outcome{failure: &worker.Failure{Kind: worker.FailureInternal, Message: "set up worker" + strings.TrimSpace(process.Output())}}
	case out.died:
		e.log.ErrorContext(ctx, "worker died", "job", payload.Job.ID, "error", waitErr, "output", process.Output())
		out.failure = &worker.Failure{
			Kind: worker.FailureKilled, Message: fmt.Sprintf("worker ended without a result: %v%s", waitErr, firstWords(process.Output())),
		}
	}
	return out, nil
}

// firstWords is the line that says why a worker has died, or else its first: a stack is of no use to users.
func firstWords(output string) string {
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return ": " + strings.TrimSpace(line)
		}
	}
	first, _, _ := strings.Cut(output, "\n")
	return first
}

// exitStatus is the exit status in an error of a command, or -1.
func exitStatus(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return -1
}

// end asks a worker to end and makes sure that it does.
func end(process *sandbox.Process) {
	process.Cancel()
	time.AfterFunc(cancelGrace, process.Kill)
}

func limit(j worker.Job) time.Duration {
	if j.Timeout > 0 {
		return j.Timeout
	}
	return job.DefaultTimeout
}

// receive passes events on until the stream ends.
func receive(events io.Reader, emit func(worker.Event)) (outcome, error) {
	out := outcome{died: true}
	scanner := bufio.NewScanner(events)
	scanner.Buffer(make([]byte, 0, 64<<10), maxEvent)
	for scanner.Scan() {
		var event worker.Event
		if err := json.Unmarshal(scanner.Bytes(), &event); err != nil {
			return out, fmt.Errorf("decode event: %w", err)
		}
		switch {
		case event.Result != nil:
			out = outcome{result: *event.Result}
		case event.Failure != nil:
			out = outcome{failure: event.Failure}
		default:
			emit(event)
		}
	}
	return out, scanner.Err()
}

// spec says what the sandbox of a job gets to see.
func (e *Engine) spec(payload job.Payload) (sandbox.Spec, error) {
	network, err := sandbox.NewNetwork(payload.Job.Network)
	if err != nil {
		return sandbox.Spec{}, &worker.Failure{Kind: worker.FailureInternal, Message: err.Error()}
	}
	temp := filepath.Join(tempDir(e.config.StateDir), payload.Token)
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return sandbox.Spec{}, fmt.Errorf("make temporary directory: %w", err)
	}
	binds := []sandbox.Bind{
		{Source: storageDir(e.config.StateDir), Target: job.GraphRoot},
		{Source: temp, Target: sandbox.TempDir},
		// The whole directory: runc protects itself with an overlay of it, which a bind of the file would escape.
		{Source: filepath.Dir(e.config.Runtime), Target: job.BinDir, ReadOnly: true},
	}
	if payload.Job.Push != nil || payload.Job.Pull != nil {
		binds = append(binds, sandbox.Bind{Source: blobDir(e.config.StateDir), Target: job.BlobDir})
	}
	if payload.Job.Kind == worker.KindSweep {
		binds = append(binds, sandbox.Bind{Source: tempDir(e.config.StateDir), Target: job.AllTemp})
	}
	if b := payload.Job.Bootstrap; b != nil && b.Cache != "" {
		if err := os.MkdirAll(b.Cache, 0o755); err != nil {
			return sandbox.Spec{}, fmt.Errorf("make cache directory: %w", err)
		}
		binds = append(binds, sandbox.Bind{Source: b.Cache, Target: job.CacheDir})
	}
	if payload.Job.Image != nil {
		image, files := numbered(*payload.Job.Image)
		if image.Base != nil {
			base := *image.Base
			files = append(files, sandbox.Bind{Source: base.Dir, Target: job.BaseDir, ReadOnly: true})
			base.Dir = job.BaseDir
			image.Base = &base
		}
		payload.Job.Image = &image
		binds = append(binds, files...)
	}
	payload.Runtime = filepath.Join(job.BinDir, filepath.Base(e.config.Runtime))
	text, err := json.Marshal(payload)
	if err != nil {
		return sandbox.Spec{}, fmt.Errorf("encode job: %w", err)
	}
	return sandbox.Spec{Name: payload.Job.ID, Payload: text, Network: network, Binds: binds}, nil
}

// numbered gives every content that goes into the build context a place in the sandbox, each one once.
func numbered(image worker.Image) (worker.Image, []sandbox.Bind) {
	var binds []sandbox.Bind
	places := map[string]string{}
	place := func(source string) string {
		if _, there := places[source]; !there {
			places[source] = job.FilesDir + "/" + strconv.Itoa(len(places))
			binds = append(binds, sandbox.Bind{Source: source, Target: places[source], ReadOnly: true})
		}
		return places[source]
	}
	files := make(map[string]string, len(image.Files))
	for name, source := range image.Files {
		files[name] = place(source)
	}
	trees := make(map[string][]worker.Node, len(image.Trees))
	for name, nodes := range image.Trees {
		nodes = slices.Clone(nodes)
		for i, n := range nodes {
			if n.File != "" {
				nodes[i].File = place(n.File)
			}
		}
		trees[name] = nodes
	}
	image.Files, image.Trees = files, trees
	return image, binds
}

// removeTemp removes a job's temporary directory, which the worker has emptied; what a killed one left in it
// belongs to ids that are not ours, and a later worker removes it.
func (e *Engine) removeTemp(token string) {
	err := os.Remove(filepath.Join(tempDir(e.config.StateDir), token))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		e.log.Debug("temporary directory stays", "token", token, "error", err)
	}
}
