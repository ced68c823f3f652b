// Package problem is the one form of every refusal: the same value at plan
// time in the provider and in an answer of the daemon. It knows no rule.
package problem

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind groups codes by what a caller can do about them.
type Kind string

// The kinds of problems; the API maps each to one status.
const (
	KindInvalid      Kind = "invalid"      // the request can never succeed as it is
	KindNotFound     Kind = "not_found"    // what it names is not there, or not visible
	KindConflict     Kind = "conflict"     // something with that name or key is there already
	KindPrecondition Kind = "precondition" // refused in the present state of things
	KindExhausted    Kind = "exhausted"    // a quota or a size limit
	KindDenied       Kind = "denied"       // the caller may not
	KindUnavailable  Kind = "unavailable"  // try again later
	KindFailed       Kind = "failed"       // work was done and failed
	KindInternal     Kind = "internal"     // a defect of Kiln, or of the machine
)

// Problem is one refusal or failure that a user can act on.
type Problem struct {
	Code   Code     // stable, CamelCase
	Field  string   // the attribute, e.g. packages[1].names[0]; empty when none is to blame
	Value  string   // the offending value
	Limit  string   // the limit, or the allowed values
	Remedy string   // one sentence that says what to do
	Detail string   // what happened, in one sentence
	Log    []string // the last lines of the log, when there is one
}

// The longest texts of a problem that is shown, in bytes. What is longer is cut, and says how long it was: a value may be a script.
const (
	maxValue = 256
	maxText  = 4096
)

// Short gives the problem with texts that a terminal can show. Error and From give nothing longer.
func (p Problem) Short() Problem {
	p.Value, p.Field = cut(p.Value, maxValue), cut(p.Field, maxValue)
	p.Limit, p.Remedy, p.Detail = cut(p.Limit, maxText), cut(p.Remedy, maxText), cut(p.Detail, maxText)
	return p
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:end], len(text))
}

// Error gives the problem as text: code, field, value, limit, remedy.
func (p Problem) Error() string {
	p = p.Short()
	var b strings.Builder
	b.WriteString(string(p.Code))
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	for _, part := range []struct{ name, text string }{{"field", p.Field}, {"value", p.Value}, {"limit", p.Limit}} {
		if part.text != "" {
			fmt.Fprintf(&b, "; %s: %s", part.name, part.text)
		}
	}
	if p.Remedy != "" {
		b.WriteString(". " + p.Remedy)
	}
	return b.String()
}

// Kind gives the kind of the problem's code.
func (p Problem) Kind() Kind { return p.Code.Kind() }

// List is several problems found at once, in the order of the fields.
type List []Problem

// Error joins the problems, one a line.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, p := range l {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is nil when the list is empty, else the list as an error.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// From finds the problems inside an error, with short texts; it is empty when there is none.
func From(err error) List {
	if l, ok := errors.AsType[List](err); ok {
		short := make(List, len(l))
		for i, p := range l {
			short[i] = p.Short()
		}
		return short
	}
	if p, ok := errors.AsType[Problem](err); ok {
		return List{p.Short()}
	}
	return nil
}

// Has says whether an error carries a problem of that code.
func Has(err error, code Code) bool {
	for _, p := range From(err) {
		if p.Code == code {
			return true
		}
	}
	return false
}
