package job

import (
	"strings"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// conflict says which Python packages do not fit together, in pip's words; the log shows all of them.
func conflict(f *worker.Failure, tail []string) problem.Problem {
	lines := strings.Split(f.Message, "\n")
	return problem.Problem{
		Code: problem.DependencyConflict, Field: "packages", Value: lines[0], Limit: "packages that `pip check` accepts",
		Detail: "installed Python packages do not fit together, which they do in the official image",
		Remedy: "Pin versions that fit together, the ones that pip names included.", Log: tail,
	}
}
