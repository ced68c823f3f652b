// Package image holds the rules of custom images: stages and transitions,
// specifications and versions. It knows neither the store nor the engine.
package image

import (
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Stage is where a version stands. The names are the platform's public ones.
type Stage string

// The stages. Unpublished means tested and not yet published.
const (
	StageUntest            Stage = "Untest"
	StageTesting           Stage = "Testing"
	StageTestFailed        Stage = "TestFailed"
	StageUnpublished       Stage = "Unpublished"
	StagePublishing        Stage = "Publishing"
	StagePublished         Stage = "Published"
	StagePublishFailed     Stage = "PublishFailed"
	StageBuilding          Stage = "Building"
	StageBuildSuccess      Stage = "BuildSuccess"
	StageBuildFailed       Stage = "BuildFailed"
	StageAccelerating      Stage = "Accelerating" // reserved
	StageAccelerateSuccess Stage = "AccelerateSuccess"
	StageAccelerateFailed  Stage = "AccelerateFailed"
)

// Stages lists all stages in the order of a version's life.
var Stages = []Stage{
	StageUntest, StageTesting, StageTestFailed, StageUnpublished, StagePublishing, StagePublished, StagePublishFailed,
	StageBuilding, StageBuildSuccess, StageBuildFailed, StageAccelerating, StageAccelerateSuccess, StageAccelerateFailed,
}

// Event is what moves a version from one stage to another.
type Event string

// The events.
const (
	EventTest           Event = "RunTest"
	EventTestOK         Event = "TestOK"
	EventTestFailed     Event = "TestFailed"
	EventTestCancelled  Event = "TestCancelled"
	EventPublish        Event = "Publish"
	EventPublishOK      Event = "PublishOK"
	EventPublishFailed  Event = "PublishFailed"
	EventBuild          Event = "Build"
	EventBuildOK        Event = "BuildOK"
	EventBuildFailed    Event = "BuildFailed"
	EventBuildCancelled Event = "BuildCancelled" // the stage before Building is restored
	EventUnbuild        Event = "Unbuild"        // the persistent build was deleted
	EventRollback       Event = "Rollback"       // the image goes back to this version, by its number or its recipe
)

// Transition is one row of the stage machine.
type Transition struct {
	From  Stage
	Event Event
	To    Stage
}

// Transitions is the stage machine of a version. What is not here is refused.
// A cancelled build goes back to Published; a version that was baked before keeps its old artifact all the same.
var Transitions = []Transition{
	{StageUntest, EventTest, StageTesting},
	{StageTestFailed, EventTest, StageTesting},
	{StageUnpublished, EventTest, StageTesting},
	{StagePublishFailed, EventTest, StageTesting},
	{StageTesting, EventTestOK, StageUnpublished},
	{StageTesting, EventTestFailed, StageTestFailed},
	{StageTesting, EventTestCancelled, StageUntest},
	{StageUnpublished, EventPublish, StagePublishing},
	{StagePublishFailed, EventPublish, StagePublishing},
	{StagePublishing, EventPublishOK, StagePublished},
	{StagePublishing, EventPublishFailed, StagePublishFailed},
	{StagePublished, EventBuild, StageBuilding},
	{StageBuildFailed, EventBuild, StageBuilding},
	{StageBuildSuccess, EventBuild, StageBuilding},
	{StageBuilding, EventBuildOK, StageBuildSuccess},
	{StageBuilding, EventBuildFailed, StageBuildFailed},
	{StageBuilding, EventBuildCancelled, StagePublished},
	{StageBuildSuccess, EventUnbuild, StagePublished},
	{StageBuildFailed, EventUnbuild, StagePublished},
	{StagePublished, EventRollback, StagePublished},
	{StageBuilding, EventRollback, StageBuilding},
	{StageBuildSuccess, EventRollback, StageBuildSuccess},
	{StageBuildFailed, EventRollback, StageBuildFailed},
}

// Next gives the stage after an event, or the refusal that names the allowed events.
func Next(from Stage, event Event) (Stage, error) {
	for _, t := range Transitions {
		if t.From == from && t.Event == event {
			return t.To, nil
		}
	}
	limit := "none"
	if allowed := Allowed(from); len(allowed) > 0 {
		limit = strings.Join(allowed, ", ")
	}
	return "", problem.Problem{
		Code: problem.InvalidImageState, Field: "stage", Value: string(from), Limit: "allowed events: " + limit,
		Detail: string(event) + " is not possible in stage " + string(from),
		Remedy: "Wait until the version is in a stage that allows it, or change the configuration.",
	}
}

// Allowed gives the names of the events that a stage allows, sorted.
func Allowed(from Stage) []string {
	var names []string
	for _, t := range Transitions {
		if t.From == from {
			names = append(names, string(t.Event))
		}
	}
	slices.Sort(names)
	return names
}

// Running says whether work on the version is under way; nothing else may be done to it then.
func (s Stage) Running() bool {
	return s == StageTesting || s == StagePublishing || s == StageBuilding || s == StageAccelerating
}

// Published says whether tasks may use a version in this stage.
func (s Stage) Published() bool {
	switch s {
	case StagePublished, StageBuilding, StageBuildSuccess, StageBuildFailed, StageAccelerating, StageAccelerateSuccess,
		StageAccelerateFailed:
		return true
	case StageUntest, StageTesting, StageTestFailed, StageUnpublished, StagePublishing, StagePublishFailed:
		return false
	}
	return false
}

// Public gives the stage as a custom image shows it: baking shows on the persistent build alone.
func (s Stage) Public() Stage {
	if s.Published() {
		return StagePublished
	}
	return s
}
