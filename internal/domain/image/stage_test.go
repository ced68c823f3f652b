package image_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// events lists all events; a new one that is missing here is found by TestEvents.
var events = []image.Event{
	image.EventTest, image.EventTestOK, image.EventTestFailed, image.EventTestCancelled, image.EventPublish, image.EventPublishOK,
	image.EventPublishFailed, image.EventBuild, image.EventBuildOK, image.EventBuildFailed, image.EventBuildCancelled, image.EventUnbuild,
	image.EventRollback,
}

func TestEvents(t *testing.T) {
	t.Parallel()
	used := map[image.Event]bool{}
	for _, row := range image.Transitions {
		used[row.Event] = true
		if !slices.Contains(events, row.Event) || !slices.Contains(image.Stages, row.From) || !slices.Contains(image.Stages, row.To) {
			t.Errorf("the transition %v has a stage or an event that is in no list", row)
		}
	}
	if len(used) != len(events) {
		t.Errorf("%d of %d events move something", len(used), len(events))
	}
}

// TestNext tries every event in every stage: what the table does not have is refused, and the refusal names what it has.
func TestNext(t *testing.T) {
	t.Parallel()
	for _, from := range image.Stages {
		var allowed []string
		to := map[image.Event]image.Stage{}
		for _, row := range image.Transitions {
			if row.From != from {
				continue
			}
			if other, there := to[row.Event]; there {
				t.Errorf("%s in %s leads to both %s and %s", row.Event, from, other, row.To)
			}
			to[row.Event] = row.To
			allowed = append(allowed, string(row.Event))
		}
		slices.Sort(allowed)
		limit := "allowed events: none"
		if len(allowed) > 0 {
			limit = "allowed events: " + strings.Join(allowed, ", ")
		}
		for _, event := range events {
			got, err := image.Next(from, event)
			if want, ok := to[event]; ok {
				if err != nil || got != want {
					t.Errorf("%s in %s = %s, %v, want %s", event, from, got, err, want)
				}
				continue
			}
			found := problem.From(err)
			if len(found) != 1 || found[0].Code != problem.InvalidImageState {
				t.Errorf("%s in %s = %s, %v, want InvalidImageState", event, from, got, err)
				continue
			}
			if p := found[0]; got != "" || p.Field != "stage" || p.Value != string(from) || p.Limit != limit {
				t.Errorf("%s in %s: %v, want the limit %q", event, from, p, limit)
			}
		}
	}
	if _, err := image.Next("", image.EventTest); !problem.Has(err, problem.InvalidImageState) {
		t.Errorf("a version without a stage: %v", err)
	}
}

// TestStageSets checks what the stages mean against each other.
func TestStageSets(t *testing.T) {
	t.Parallel()
	for _, s := range image.Stages {
		if s.Published() != (s.Public() == image.StagePublished) {
			t.Errorf("%s: Published = %v, Public = %s", s, s.Published(), s.Public())
		}
		if !s.Published() && s.Public() != s {
			t.Errorf("%s shows as %s", s, s.Public())
		}
	}
	for _, row := range image.Transitions {
		if row.From.Published() && !row.To.Published() {
			t.Errorf("%s takes %s, which tasks may use, to %s, which they may not", row.Event, row.From, row.To)
		}
		if row.From.Running() == row.To.Running() && row.Event != image.EventUnbuild && row.Event != image.EventRollback {
			t.Errorf("%s in %s neither starts nor ends anything", row.Event, row.From)
		}
	}
	for _, s := range image.Stages { // whatever tasks may use can be gone back to, but for what is reserved
		stage, err := image.Next(s, image.EventRollback)
		if back := err == nil && stage == s; back != (s.Published() && !strings.HasPrefix(string(s), "Accelerat")) {
			t.Errorf("going back to a version in stage %s: %s, %v", s, stage, err)
		}
	}
	if image.Stage("").Published() || image.Stage("").Running() {
		t.Error("no stage at all is published or running")
	}
}

// TestReachable checks that a version can get into every stage but those that are reserved.
func TestReachable(t *testing.T) {
	t.Parallel()
	reached := map[image.Stage]bool{image.StageUntest: true}
	for range image.Stages {
		for _, row := range image.Transitions {
			if reached[row.From] {
				reached[row.To] = true
			}
		}
	}
	for _, s := range image.Stages {
		if want := !strings.HasPrefix(string(s), "Accelerat"); reached[s] != want {
			t.Errorf("%s can be reached: %v, want %v", s, reached[s], want)
		}
	}
}
