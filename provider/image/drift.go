package image

import (
	"fmt"
	"strings"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// drift tells what somebody else has made of an image since it was applied: another version, a stage that is not what the
// state has, another published version. What an apply had left under way has only gone on.
func (m model) drift(img domain.Image) problem.List {
	if m.Stage.IsNull() || m.Publish.IsNull() || !m.settled(m.Publish.ValueBool()) {
		return nil
	}
	var changes []string
	tell := func(what string, before, now any) {
		if before != now {
			changes = append(changes, fmt.Sprintf("%s %v -> %v", what, before, now))
		}
	}
	tell("version", m.Version.ValueInt64(), int64(img.CurrentVersion))
	tell("stage", m.Stage.ValueString(), string(img.Stage.Public()))
	tell("published_version", m.PublishedVersion.ValueInt64(), int64(img.PublishedVersion))
	if len(changes) == 0 {
		return nil
	}
	detail := "since the last apply somebody else has changed the image"
	switch older := int64(img.CurrentVersion) < m.Version.ValueInt64(); {
	case older: // its process is the one that tested it once
		detail += fmt.Sprintf(": it has gone back to version %d, as kiln versions --history tells", img.CurrentVersion)
	case img.ProcessID != "" && img.ProcessID != m.ProcessID.ValueString():
		detail += ", with process " + img.ProcessID
	}
	return problem.List{{
		Code: problem.ChangedElsewhere, Value: img.Spec.Name, Limit: strings.Join(changes, ", "), Detail: detail,
		Remedy: "Where the configuration says something else, the plan goes back to that. To keep the change, say the same in the configuration.",
	}}
}
