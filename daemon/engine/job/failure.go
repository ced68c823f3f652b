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

// exitCode finds the exit code of a container's command in an error of Buildah, as a shell would say it: 128 and the number of
// the signal for a command that a signal has ended. For such a one Buildah's helper exits with 1, and names the signal in the
// last line of standard error.
func exitCode(err error, last string) (int, bool) {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || !exit.Exited() {
		return 0, false
	}
	if exit.ExitCode() == 1 {
		if signal := endedBy(last); signal != 0 {
			return 128 + int(signal), true
		}
	}
	return exit.ExitCode(), true
}

// endedBy gives the signal that Buildah's helper names, or 0.
func endedBy(line string) unix.Signal {
	name, ok := strings.CutPrefix(line, "container exited on ")
	if !ok {
		return 0
	}
	for signal := unix.Signal(1); signal <= lastSignal; signal++ {
		if signal.String() == name {
			return signal
		}
	}
	return 0
}

// lastSignal is the last one of Linux.
const lastSignal = unix.Signal(64)

// stepFailure is the failure of an install step or command that wrote to stderr.
func stepFailure(kind worker.FailureKind, step string, err error, stderr *lines) *worker.Failure {
	if code, ok := exitCode(err, stderr.latest()); ok {
		return &worker.Failure{Kind: kind, Step: step, ExitCode: code, Message: fmt.Sprintf("exit code %d", code)}
	}
	return &worker.Failure{Kind: kind, Step: step, Message: err.Error()}
}
