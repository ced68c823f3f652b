// Package process holds the rules of processes: one run of something long,
// such as a test or a build.
package process

import (
	"slices"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Kind says what a process does.
type Kind string

// The kinds.
const (
	KindCatalogue Kind = "catalogue" // makes an official image available
	KindTest      Kind = "test"
	KindBuild     Kind = "build"   // a persistent build
	KindRun       Kind = "run"     // kiln run
	KindCleanup   Kind = "cleanup" // removes the artifacts of a deleted image
)

// Kinds lists the kinds.
var Kinds = []Kind{KindCatalogue, KindTest, KindBuild, KindRun, KindCleanup}

// Again says how somebody gets a new process of the kind in the place of one that has ended before its work was done.
func (k Kind) Again() string {
	switch k {
	case KindRun:
		return "Run it again with kiln run."
	case KindCatalogue:
		return "Prepare it again with kiln prepare, or apply what needs it."
	case KindTest, KindBuild, KindCleanup:
		return "Apply again to start anew."
	}
	return "Apply again to start anew."
}

// RunStep is the name of the step in which a process of KindRun runs its command; what was printed before comes from the
// installation of packages.
const RunStep = "run"

// Everyone is the owner of processes that work for all, such as making an official image: everybody may see them.
const Everyone = "kiln"

// State says how far a process is.
type State string

// The states. The last three are final.
const (
	StateQueued    State = "queued"
	StateRunning   State = "running"
	StateCompleted State = "completed"
	StateFailed    State = "failed"
	StateCancelled State = "cancelled"
)

// States lists the states.
var States = []State{StateQueued, StateRunning, StateCompleted, StateFailed, StateCancelled}

// ValidateFilter refuses a kind and a state that no process has; an empty one is any.
func ValidateFilter(kind Kind, state State) problem.List {
	var found problem.List
	if kind != "" && !slices.Contains(Kinds, kind) {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "kind", Value: string(kind), Limit: joined(Kinds), Remedy: "Choose one of these, or none for all.",
		})
	}
	if state != "" && !slices.Contains(States, state) {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "state", Value: string(state), Limit: joined(States), Remedy: "Choose one of these, or none for all.",
		})
	}
	return found
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = string(text)
	}
	return strings.Join(texts, ", ")
}

// Final says whether a process will not change any more.
func (s State) Final() bool {
	return s == StateCompleted || s == StateFailed || s == StateCancelled
}

// Process is one run of something long.
type Process struct {
	ID              string // the caller's idempotency key, or made by the daemon
	Owner           string
	Region          string
	Kind            Kind
	State           State
	Subject         string // id of the image, build or catalogue entry that it works on
	ImageID         string
	ImageVersion    int
	ResourceGroupID string
	CU              float64
	Payload         []byte // JSON, what the kind's handler needs
	Attempt         int
	Step            string           // the step that is or was the last to run
	Problem         *problem.Problem // why it failed
	ExitCode        int              // of a run's command
	CreatedAt       time.Time
	StartedAt       time.Time // zero while queued
	EndedAt         time.Time // zero until final
}

// Duration is how long a process ran, or has been running at a time.
func (p Process) Duration(now time.Time) time.Duration {
	switch {
	case p.StartedAt.IsZero():
		return 0
	case p.EndedAt.IsZero():
		return now.Sub(p.StartedAt)
	}
	return p.EndedAt.Sub(p.StartedAt)
}

// CUSeconds is what a process has used: its CU times its seconds.
func (p Process) CUSeconds(now time.Time) float64 {
	return p.CU * p.Duration(now).Seconds()
}

// Line is one line of a process's log.
type Line struct {
	Number int64 // from 1, without gaps
	Stream string
	Text   string
	Step   string // set on the line that announces a step; Text is then its name
}

// Filter chooses processes; empty fields choose all.
type Filter struct {
	Region  string
	Kind    Kind
	State   State
	ImageID string
	Limit   int
}
