// Package job is the inside of a worker: it runs in a sandbox, as root of a user namespace, and does what one
// worker.Job asks for with the Buildah library. It knows nothing of the daemon: a job comes in on standard
// input, events go out on a pipe.
package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"go.podman.io/buildah/define"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/lockfile"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
)

// The places inside a sandbox that the starter binds for a job.
const (
	GraphRoot = sandbox.Root + "/storage" // the image store, shared by all workers
	CacheDir  = sandbox.Root + "/cache"   // Bootstrap.Cache
	FilesDir  = sandbox.Root + "/files"   // Image.Files, numbered
	BaseDir   = sandbox.Root + "/base"    // Image.Base
	BlobDir   = sandbox.Root + "/blobs"   // what is known of registries' blobs, so that a layer is compressed once; transfers only
	AllTemp   = sandbox.Root + "/alltemp" // the parent of every job's temporary directory; sweep only
	BinDir    = sandbox.Root + "/bin"     // the directory of the runtime
)

// Payload is what a job process reads on standard input.
type Payload struct {
	Job     worker.Job `json:"job"`
	Token   string     `json:"token"`             // of this run of the job: in names of working containers and temporary images
	Runtime string     `json:"runtime"`           // path of runc inside the sandbox
	Cleanup bool       `json:"cleanup,omitempty"` // only remove what a killed worker of this job left behind
}

// DefaultTimeout is how long a job may take that sets no limit of its own.
const DefaultTimeout = 60 * time.Minute

const defaultStepTimeout = 10 * time.Minute

// errCancelled is the cause of a job's end that the daemon asked for.
var errCancelled = errors.New("cancelled")

// runner does one job.
type runner struct {
	job     worker.Job
	runtime string // path of runc
	token   string
	report  *reporter
	watch   *watch
	store   storage.Store
	naming  *lockfile.LockFile // held while an image gets or loses a name
	context *types.SystemContext
	ids     *define.IDMappingOptions
}

// Main runs the job on standard input and returns the exit status of the process.
func Main() int {
	report := newReporter(os.NewFile(sandbox.EventsFD, "events"))
	var payload Payload
	if err := json.NewDecoder(os.Stdin).Decode(&payload); err != nil {
		report.failure(&worker.Failure{Kind: worker.FailureInternal, Message: "decode job: " + err.Error()})
		return 1
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go listen(os.NewFile(sandbox.ControlFD, "control"), cancel)
	ctx, stop := context.WithTimeoutCause(ctx, cmp.Or(payload.Job.Timeout, DefaultTimeout), errJobTimeout)
	defer stop()

	r := &runner{job: payload.Job, runtime: payload.Runtime, token: payload.Token, report: report}
	result, err := r.run(ctx, payload.Cleanup)
	if err != nil {
		report.failure(r.failureOf(err))
		return 1
	}
	report.result(result)
	return 0
}

// listen cancels the job when the daemon asks for it, and ends the process when the daemon is gone.
func listen(control *os.File, cancel context.CancelCauseFunc) {
	buffer := make([]byte, 1)
	for {
		n, err := control.Read(buffer)
		if err != nil {
			os.Exit(124)
		}
		if n == 1 && buffer[0] == sandbox.CancelByte {
			cancel(errCancelled)
		}
	}
}

func (r *runner) run(ctx context.Context, cleanup bool) (result worker.Result, err error) {
	r.watch, ctx = newWatch(ctx)
	defer r.watch.stop()
	defer func() {
		if tidyErr := r.tidy(); err == nil && tidyErr != nil {
			err = tidyErr
		}
	}()
	if err := r.open(); err != nil {
		return worker.Result{}, err
	}
	if cleanup {
		return worker.Result{}, nil
	}
	switch r.job.Kind {
	case worker.KindBootstrap:
		return r.bootstrap(ctx, r.job.Bootstrap)
	case worker.KindImage:
		return r.image(ctx, r.job.Image)
	case worker.KindRun:
		return r.runCommand(ctx, r.job.Run)
	case worker.KindPush:
		return r.push(ctx, r.job.Push)
	case worker.KindPull:
		return r.pull(ctx, r.job.Pull)
	case worker.KindRemove:
		return worker.Result{}, r.remove(r.job.Remove)
	case worker.KindSweep:
		return worker.Result{}, r.sweep()
	case worker.KindProbe:
		return r.probe(ctx)
	}
	return worker.Result{}, fmt.Errorf("unknown kind of job %q", r.job.Kind)
}

// tempImage is the name of a result that is not kept, or not yet.
//
// The token is the tag: Buildah begins the names of working containers with an image's name, which may be another job's, and leaves tags out.
func (r *runner) tempImage() string { return tempPrefix + "result:" + r.token }

// tempBase is the name of a base that is there for this job alone.
func (r *runner) tempBase() string { return tempPrefix + "base:" + r.token }

// tempPrefix begins the names of images that no job is meant to leave behind.
const tempPrefix = "localhost/kiln-tmp/"
