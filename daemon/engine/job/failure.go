package job

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/worker"
)

// failed makes a failure of kind from err.
func failed(kind worker.FailureKind, err error) *worker.Failure {
	return &worker.Failure{Kind: kind, Message: err.Error()}
}

// failureOf finds the best words for why the job failed: what the watch did comes first, because a killed
// container looks like one that failed by itself.
func (r *runner) failureOf(err error) *worker.Failure {
	step, cause := r.watch.err()
	switch {
	case errors.Is(cause, errStepTimeout):
		return &worker.Failure{Kind: worker.FailureTimeout, Step: step, Message: cause.Error()}
	case errors.Is(cause, errJobTimeout):
		return &worker.Failure{Kind: worker.FailureTimeout, Step: step, Message: cause.Error()}
	case errors.Is(cause, errCancelled):
		return &worker.Failure{Kind: worker.FailureKilled, Step: step, Message: cause.Error()}
	case errors.Is(cause, errDisk):
		return &worker.Failure{Kind: worker.FailureDisk, Step: step, Message: cause.Error()}
	}
	var failure *worker.Failure
	known := errors.As(err, &failure)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || strings.Contains(err.Error(), unix.ENOSPC.Error()) {
		disk := failed(worker.FailureDisk, err)
		if known {
			disk.Step = failure.Step
		}
		return disk
	}
	if known {
		return failure
	}
	return failed(worker.FailureInternal, err)
}

// exitCode finds the exit code of a container's command in an error of Buildah.
func exitCode(err error) (int, bool) {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), true
	}
	return 0, false
}

// stepFailure is the failure of an install step or command.
func stepFailure(kind worker.FailureKind, step string, err error) *worker.Failure {
	if code, ok := exitCode(err); ok {
		return &worker.Failure{Kind: kind, Step: step, ExitCode: code, Message: fmt.Sprintf("exit code %d", code)}
	}
	return &worker.Failure{Kind: kind, Step: step, Message: err.Error()}
}
