package image

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Action is what an entry of a history tells.
type Action string

// The actions.
const (
	ActionCreate   Action = "Create"   // the version was made
	ActionPublish  Action = "Publish"  // it became the one that tasks use, for the first time
	ActionRevert   Action = "Revert"   // it became that again: its recipe was asked for again
	ActionRollback Action = "Rollback" // it became that again: it was named by its number
)

// Entry is one entry of the history of an image. Entries are never changed.
type Entry struct {
	ImageID string
	Version int
	Action  Action
	Actor   string // the identity of who asked for it
	At      time.Time
}

// WithHistory tells each version who has made and first published it, and when.
func WithHistory(versions []Version, history []Entry) []Version {
	told := slices.Clone(versions)
	for n := range told {
		v := &told[n]
		for _, e := range history {
			switch {
			case e.Version != v.Number:
			case e.Action == ActionCreate:
				v.CreatedBy = e.Actor
			case e.Action == ActionPublish:
				v.PublishedBy, v.PublishedAt = e.Actor, e.At
			}
		}
	}
	return told
}

// AdmitRollback checks that an image can go back to one of its versions: it was published.
func AdmitRollback(versions []Version, number int) error {
	var published []string
	at := slices.IndexFunc(versions, func(v Version) bool { return v.Number == number })
	for _, v := range versions {
		if _, err := Next(v.Stage, EventRollback); err == nil {
			published = append(published, strconv.Itoa(v.Number))
		}
	}
	refused := problem.Problem{
		Code: problem.VersionNotFound, Field: "version", Value: strconv.Itoa(number), Limit: "versions " + strings.Join(published, ", "),
		Detail: "the image has no such version", Remedy: "Choose a version that was published; kiln versions lists them.",
	}
	if len(published) == 0 {
		refused.Limit = "none was published"
	}
	if at < 0 {
		return refused
	}
	if _, err := Next(versions[at].Stage, EventRollback); err != nil {
		refused.Code, refused.Detail = problem.VersionNotPublishable, "the version is in stage "+string(versions[at].Stage)+", and was never published"
		return refused
	}
	return nil
}
