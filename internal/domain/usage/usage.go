// Package usage holds the rule about what is in use: it is not deleted.
package usage

import (
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Users tells by the id of a thing who uses it, in words: workspace a, persistent build build-1, process proc-1. What nobody
// uses is not in it.
type Users map[string][]string

// InUse is the refusal to delete a thing that somebody uses. Code is that of the noun, such as ImageInUse.
func InUse(code problem.Code, noun, name string, users []string) problem.Problem {
	return problem.Problem{
		Code: code, Field: "id", Value: name, Limit: "used by " + strings.Join(users, ", "),
		Detail: "the " + noun + " is in use", Remedy: "Remove what uses it first.",
	}
}

// Warning tells of a planned deletion that will be refused unless its users go first.
func Warning(code problem.Code, noun, name string, users []string) problem.Problem {
	p := InUse(code, noun, name, users)
	p.Field, p.Detail = "", p.Detail+", and is deleted only when nothing uses it any more"
	p.Remedy = "If the same plan deletes what uses it, too, there is nothing to do. Else remove that first, or keep the " + noun + "."
	return p
}
