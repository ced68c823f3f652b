// Package explanation says of every problem code what it means and where it is
// judged, with an example that the rules themselves have made wherever one
// does. The guide about refusals is written from it.
package explanation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Phase is when something is judged.
type Phase string

// The phases. What is judged in the plan is judged once more by the daemon, which has the last word.
const (
	PhasePlan  Phase = "in the plan"
	PhaseApply Phase = "by the daemon, when it is asked; nothing has been changed then"
	PhaseRun   Phase = "while the work runs; the process ends `failed`"
	PhaseStart Phase = "when the daemon starts"
)

// Phases lists the phases in the order in which they come.
var Phases = []Phase{PhasePlan, PhaseApply, PhaseRun, PhaseStart}

// Entry explains one code.
type Entry struct {
	Code    problem.Code
	Meaning string // one sentence or two
	Phases  []Phase
	Example problem.Problem
}

// Entries gives the explanations of all codes, in the order of the kinds of problems.
func Entries() []Entry {
	return slices.Concat(values(), scripts(), present(), limits(), work(), upstream(), pulled(), machine())
}

// chapters is how the guide groups the kinds.
var chapters = []struct {
	title, text string
	kinds       []problem.Kind
}{
	{"The configuration cannot be right", "The same configuration is refused every time, by any daemon.", []problem.Kind{problem.KindInvalid}},
	{"What is named is not there", "", []problem.Kind{problem.KindNotFound}},
	{"It is there already", "", []problem.Kind{problem.KindConflict}},
	{"Not in the present state", "The same configuration may pass when something else has changed.", []problem.Kind{problem.KindPrecondition}},
	{"Limits", "", []problem.Kind{problem.KindExhausted, problem.KindDenied}},
	{
		"Work that failed", "No plan can foresee these: a test or a baking has run, and failed. What was published before goes on serving.",
		[]problem.Kind{problem.KindFailed},
	},
	{"The daemon and its machine", "", []problem.Kind{problem.KindUnavailable, problem.KindInternal}},
}

// Guide writes the guide.
func Guide() string {
	var b strings.Builder
	b.WriteString(head)
	for _, c := range chapters {
		fmt.Fprintf(&b, "\n## %s\n", c.title)
		if c.text != "" {
			fmt.Fprintf(&b, "\n%s\n", c.text)
		}
		for _, e := range Entries() {
			if slices.Contains(c.kinds, e.Code.Kind()) {
				e.write(&b)
			}
		}
	}
	return b.String()
}

const head = `---
page_title: "What the plan refuses, and why"
description: |-
  Every problem code: what it means, where it is judged, an example, and what to do.
---

# What the plan refuses, and why

Whatever can be known before anything is touched is judged in the plan, by the same rules by which the daemon decides. A refusal has a
code, which stays what it is once released, the attribute, the value, the limit, and one sentence that says what to do. In the plan
Terraform shows it at the attribute, or at the element of a list, and the field says the rest; the API answers the same.

What the plan does not know yet, such as the id of something that the same apply makes, is judged in the apply. Some findings are warnings
alone: those say so here. The region's ` + "`version_pinning`" + ` decides whether what is unpinned is refused, a warning, or nothing.

This page is written from the rules themselves: the examples are what they say.
`

func (e Entry) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s\n\nJudged %s.\n\n```text\n", e.Code, e.Meaning, and(e.Phases))
	p := e.Example
	b.WriteString(string(p.Code))
	if p.Detail != "" {
		b.WriteString(": " + oneLine(p.Detail))
	}
	for _, part := range []struct{ name, text string }{{"Field", p.Field}, {"Value", p.Value}, {"Limit", p.Limit}} {
		if part.text != "" {
			fmt.Fprintf(b, "\n%s: %s", part.name, oneLine(part.text))
		}
	}
	fmt.Fprintf(b, "\n\n%s\n```\n", p.Remedy)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func and(phases []Phase) string {
	texts := make([]string, len(phases))
	for i, p := range phases {
		texts[i] = string(p)
	}
	return strings.Join(texts, "; and ")
}

// made takes the problem of a code out of what a rule has found; a rule that does not find it any more gives none, which the
// test tells.
func made(code problem.Code, found error) problem.Problem {
	for _, p := range problem.From(found) {
		if p.Code == code {
			return p
		}
	}
	return problem.Problem{}
}
