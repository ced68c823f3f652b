package job

import (
	"cmp"
	"context"

	"github.com/kilnhq/kiln/daemon/worker"
)

// runCommand runs a command in an image; how it ends is the result, whatever the exit code.
func (r *runner) runCommand(ctx context.Context, run *worker.Run) (worker.Result, error) {
	if _, err := r.lookUp(run.Image); err != nil {
		return worker.Result{}, err
	}
	r.report.step(1, 1, run.Command.Name)
	stdout, stderr := r.report.lines(worker.StreamStdout), r.report.lines(worker.StreamStderr)
	err := r.inContainer(ctx, command{
		image: run.Image, argv: run.Command.Argv, env: run.Command.Env, timeZone: run.TimeZone,
		limit: cmp.Or(run.StepTimeout, defaultStepTimeout), name: run.Command.Name, stdout: stdout, stderr: stderr,
	})
	stdout.flush()
	stderr.flush()
	if _, struck := r.watch.err(); struck != nil {
		return worker.Result{}, struck
	}
	if err == nil {
		return worker.Result{}, nil
	}
	if code, ok := exitCode(err, stderr.latest()); ok {
		return worker.Result{ExitCode: code}, nil
	}
	return worker.Result{}, err
}
