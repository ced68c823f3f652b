// Package diagnosis finds the cause of a failed step in what it printed. It
// names a cause only where the text proves it; for all else the log speaks.
package diagnosis

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// killed is the exit code of what SIGKILL has ended.
const killed = 137

// Failure is what is known of a step that failed.
type Failure struct {
	Step     string // the instruction or the command's name
	Message  string // what the build says of it, beside what it printed
	Test     bool   // it was a test command, not an install step
	ExitCode int    // 0: it did not end by itself, or runs nothing that could
	Egress   network.Egress
	Tail     []string // its last lines of output
}

// cmd finds the entry that a step runs: recipes name scripts by it.
var cmd = regexp.MustCompile(`/cmd-([0-9]+)\.sh\b`)

// field gives the attribute that a step comes from, as far as the step says it.
func field(step string) string {
	if m := cmd.FindStringSubmatch(step); m != nil {
		return "packages[" + m[1] + "].script"
	}
	if strings.HasPrefix(step, "COPY ") || strings.HasPrefix(step, "ADD ") {
		return "files"
	}
	return "packages"
}

// Explain turns a failed step into a problem: a known cause, or the plain fact and the last lines of the log.
func Explain(f Failure) problem.Problem {
	found := problem.Problem{
		Code: problem.Unclassified, Field: field(f.Step), Value: f.Step, Limit: "exit code 0",
		Detail: fmt.Sprintf("an install step ended with exit code %d", f.ExitCode),
		Remedy: "The last lines of the log say why; correct the entry and apply again.", Log: f.Tail,
	}
	if f.Test {
		found.Code, found.Field = problem.TestFailed, "test.commands"
		found.Detail = fmt.Sprintf("a test command ended with exit code %d", f.ExitCode)
		found.Remedy = "The last lines of the log say why; correct the image or the test and apply again."
	}
	if f.ExitCode == 0 {
		found.Limit, found.Detail = "a step that can be carried out", "a step failed: "+f.Message
	}
	if cause, ok := find(f); ok {
		found.Code, found.Detail, found.Remedy = cause.Code, cause.Detail, cause.Remedy
		return found
	}
	if f.ExitCode == killed {
		found.Code = problem.Killed
		found.Detail = "the step ended with exit code 137: something has killed it; the log does not say what"
		found.Remedy = "Most often the machine was short of memory: let the step use less, or give the machine more."
	}
	return found
}

// Timeout gives the cause for which a step took too long, as far as what it printed proves one.
func Timeout(f Failure) (problem.Problem, bool) {
	for _, p := range patterns {
		if p.code != problem.PublicAccessRequired && p.code != problem.NameResolutionFailed {
			continue
		}
		if cause, ok := p.find(f); ok {
			cause.Field, cause.Value, cause.Limit, cause.Log = field(f.Step), f.Step, "the time that a step may take", f.Tail
			return cause, true
		}
	}
	return problem.Problem{}, false
}

// Live judges one line while its step runs, so that a user who waits learns what the step waits for.
func Live(line string, egress network.Egress) (problem.Problem, bool) {
	return Timeout(Failure{Egress: egress, Tail: []string{line}})
}

// Transfer gives the cause for which a registry could not be used, as far as its answer proves one.
func Transfer(message string) (problem.Problem, bool) {
	for _, p := range transfers {
		if cause, ok := p.find(Failure{Tail: []string{message}}); ok {
			return cause, true
		}
	}
	return problem.Problem{}, false
}

func find(f Failure) (problem.Problem, bool) {
	for _, p := range patterns {
		if f.Test && !p.test {
			continue
		}
		if cause, ok := p.find(f); ok {
			return cause, true
		}
	}
	return problem.Problem{}, false
}

// pattern is one known failure.
type pattern struct {
	text   *regexp.Regexp
	except *regexp.Regexp     // nil, or what no line may have
	when   func(Failure) bool // nil: always
	test   bool               // it explains a failed test, too: what it names is in the way of any command
	code   problem.Code
	detail string // $1 is the first group of the text
	remedy string
}

// find looks for the pattern in the lines of a failure, from the first on.
func (p pattern) find(f Failure) (problem.Problem, bool) {
	if p.when != nil && !p.when(f) {
		return problem.Problem{}, false
	}
	for _, line := range f.Tail {
		if m := p.text.FindStringSubmatchIndex(line); m != nil && (p.except == nil || !p.except.MatchString(line)) {
			return problem.Problem{Code: p.code, Detail: string(p.text.ExpandString(nil, p.detail, line, m)), Remedy: p.remedy}, true
		}
	}
	return problem.Problem{}, false
}
