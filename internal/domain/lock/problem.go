package lock

import (
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// maxNamed is how many versions or differences a problem names at most.
const maxNamed = 50

// Drift refuses what was built otherwise than it was tested.
func Drift(found []Difference) problem.List {
	if len(found) == 0 {
		return nil
	}
	names := make([]string, len(found))
	for i, d := range found {
		names[i] = d.String()
	}
	return problem.List{{
		Code: problem.BuildDrift, Field: "packages", Value: shorten(names, "; "), Limit: "the packages that were tested",
		Detail: "what was built is not what was tested: the package source has changed since",
		Remedy: "Test a new version: change what the recipe pins, or pin what it does not; the version that serves goes on serving.",
	}}
}

// Gone says that a version is there no more, and which ones are.
func (w Wanted) Gone(step string, log []string) problem.Problem {
	limit := "nothing is there under this name"
	if len(w.There) > 0 {
		limit = "there are " + shorten(w.There, ", ")
	}
	p := problem.Problem{
		Code: problem.PackageVersionGone, Field: "packages", Value: w.Name + " " + w.Version, Limit: limit, Log: log,
		Detail: "the package source has no version " + w.Version + " of " + w.Name + " (step " + step + ")",
		Remedy: "Pin a version that is there.",
	}
	if w.Locked {
		p.Detail += ", which is what was tested"
		p.Remedy = "Bring the version back to the package source, or test a new version of the image; what is baked goes on serving."
	}
	return p
}

func shorten(list []string, separator string) string {
	if len(list) > maxNamed {
		list = append(list[:maxNamed:maxNamed], "…")
	}
	return strings.Join(list, separator)
}
