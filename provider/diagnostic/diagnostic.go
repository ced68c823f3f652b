// Package diagnostic turns problems into Terraform's diagnostics: one for each
// problem, at the attribute that is to blame, or the part of its path that
// Terraform can show. It knows no resource.
package diagnostic

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// AddError appends an error for each problem in err, or one when there is none in it. Doing says what was tried, for
// example: create workspace "a"; it is empty for what a plan refuses. A nil err appends nothing.
func AddError(diags *diag.Diagnostics, doing string, err error) {
	add(err, doing, func(p problem.Problem, summary, detail string) {
		if at, ok := Path(p.Field); ok {
			diags.AddAttributeError(shown(at), summary, detail)
			return
		}
		diags.AddError(summary, detail)
	})
}

// AddWarning appends a warning for each problem in err. A nil err appends nothing.
func AddWarning(diags *diag.Diagnostics, doing string, err error) {
	add(err, doing, func(p problem.Problem, summary, detail string) {
		if at, ok := Path(p.Field); ok {
			diags.AddAttributeWarning(shown(at), summary, detail)
			return
		}
		diags.AddWarning(summary, detail)
	})
}

func add(err error, doing string, to func(p problem.Problem, summary, detail string)) {
	if err == nil {
		return
	}
	prefix := ""
	if doing != "" {
		prefix = "Cannot " + doing + ": "
	}
	found := problem.From(err)
	for _, p := range found {
		to(p, prefix+string(p.Code), Detail(p))
	}
	if len(found) > 0 {
		return
	}
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		text = "interrupted before the daemon answered"
	}
	to(problem.Problem{}, strings.TrimSuffix(prefix, ": ")+orFailed(prefix), text)
}

func orFailed(prefix string) string {
	if prefix == "" {
		return "Failed"
	}
	return ""
}

// Detail is the body of a diagnostic: what happened, the field, value and limit, what to do, and the end of the log.
// Log lines are indented, so that Terraform does not wrap them.
func Detail(p problem.Problem) string {
	var blocks []string
	if p.Detail != "" {
		blocks = append(blocks, sentence(p.Detail))
	}
	var facts []string
	for _, fact := range []struct{ name, text string }{{"Field", p.Field}, {"Value", p.Value}, {"Limit", p.Limit}} {
		if fact.text != "" {
			facts = append(facts, fact.name+": "+fact.text)
		}
	}
	if len(facts) > 0 {
		blocks = append(blocks, strings.Join(facts, "\n"))
	}
	if p.Remedy != "" {
		blocks = append(blocks, p.Remedy)
	}
	if len(p.Log) > 0 {
		blocks = append(blocks, "The last lines of the log:\n    "+strings.Join(p.Log, "\n    "))
	}
	return strings.Join(blocks, "\n\n")
}

func sentence(text string) string {
	if text[0] >= 'a' && text[0] <= 'z' {
		text = string(text[0]-'a'+'A') + text[1:]
	}
	return strings.TrimSuffix(text, ".") + "."
}
