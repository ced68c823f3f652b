package image

import (
	"fmt"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// perText is what a text costs in a request besides its own bytes, at most.
const perText = 16

// validateSize checks that the whole specification fits into one request, and blames what takes most of the space.
func (s Spec) validateSize() problem.List {
	sizes := []struct {
		field string
		size  int
	}{{"packages", 0}, {"files", 0}, {"env", 0}, {"test.commands", 0}}
	add := func(part int, texts ...string) {
		for _, text := range texts {
			sizes[part].size += len(text) + perText
		}
	}
	for _, e := range s.Recipe.Packages {
		add(0, string(e.Type), e.Index, e.Script)
		add(0, e.Names...)
	}
	for _, f := range s.Recipe.Files {
		add(1, f.Target, f.Mode, f.SHA256)
	}
	for key, value := range s.Recipe.Env {
		add(2, key, value)
	}
	add(3, s.Test.Commands...)
	sum, most := 0, sizes[0]
	for _, part := range sizes {
		sum += part.size
		if part.size > most.size {
			most = part
		}
	}
	if sum <= MaxSize {
		return nil
	}
	return problem.List{{
		Code: problem.RequestTooLarge, Field: most.field, Value: fmt.Sprintf("%d bytes, %d of them here", sum, most.size),
		Limit: fmt.Sprintf("%d bytes in all", MaxSize), Detail: "the specification is too large for one request",
		Remedy: "Move scripts and long values into files: those travel by themselves.",
	}}
}
