// Package diagnosis finds the cause of a failed step in what it printed. It
// names a cause only where the text proves it; for all else the log speaks.
package diagnosis

import (
	"fmt"
	"regexp"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Failure is what is known of a step that failed.
type Failure struct {
	Step     string // the instruction or the command's name
	Test     bool   // it was a test command, not an install step
	ExitCode int
	Egress   network.Egress
	Tail     []string // its last lines of output
}

// pattern is one known failure.
type pattern struct {
	text   *regexp.Regexp
	when   func(Failure) bool // nil: always
	code   problem.Code
	detail string // $1 is the first group of the text
	remedy string
}

func blocked(f Failure) bool { return f.Egress != network.EgressPublic }

// patterns are tried in this order over all lines, so the surer ones stand first.
var patterns = []pattern{
	{
		text: regexp.MustCompile(`E: Version '([^']+)' for '[^']+' was not found`), code: problem.PackageNotFound,
		detail: "the mirror has no version $1", remedy: "Pin a version that the mirror has.",
	},
	{
		text: regexp.MustCompile(`Could not find a version that satisfies the requirement (\S+)( \(from versions: [^)n])`), code: problem.PackageNotFound,
		detail: "the package index has no $1", remedy: "Pin a version that the index has; the log lists them.",
	},
	{
		text: regexp.MustCompile(`(Temporary failure (?:in name resolution|resolving)|Could not resolve|Network is unreachable|Name or service not known|Connection refused|Could not connect to|Failed to establish a new connection|No route to host|Connection timed out|connect timeout=|Failed to connect to)`),
		when: blocked, code: problem.PublicAccessRequired, detail: "the step could not reach a host: $1",
		remedy: "Allow the host on the resource group's network, or use a resource group whose network reaches it.",
	},
	{
		text: regexp.MustCompile(`E: Unable to locate package (\S+)`), code: problem.PackageNotFound,
		detail: "the mirror has no package $1", remedy: "Check the name.",
	},
	{
		text: regexp.MustCompile(`No matching distribution found for (\S+)`), code: problem.PackageNotFound,
		detail: "the package index has no $1", remedy: "Check name and version, and that the index is the right one.",
	},
	{
		text: regexp.MustCompile(`(?i)No space left on device`), code: problem.InsufficientStorage,
		detail: "the disk is full", remedy: "Free space on the daemon's disk.",
	},
}

// Explain turns a failed step into a problem: a known cause, or the plain fact.
func Explain(f Failure) problem.Problem {
	found := problem.Problem{
		Code: problem.StepFailed, Field: "packages", Value: f.Step, Limit: "exit code 0",
		Detail: fmt.Sprintf("an install step ended with exit code %d", f.ExitCode),
		Remedy: "The last lines of the log say why; correct the entry and apply again.", Log: f.Tail,
	}
	if f.Test {
		found.Code, found.Field = problem.TestFailed, "test.commands"
		found.Detail = fmt.Sprintf("a test command ended with exit code %d", f.ExitCode)
		found.Remedy = "The last lines of the log say why; correct the image or the test and apply again."
		return found
	}
	for _, p := range patterns {
		if p.when != nil && !p.when(f) {
			continue
		}
		for _, line := range f.Tail {
			m := p.text.FindStringSubmatchIndex(line)
			if m == nil {
				continue
			}
			found.Code, found.Remedy = p.code, p.remedy
			found.Detail = string(p.text.ExpandString(nil, p.detail, line, m))
			return found
		}
	}
	return found
}
