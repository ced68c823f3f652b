// Package binding holds the rule of bindings: which workspaces may use an image.
package binding

import (
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Binding lets a workspace use a published image. It binds the image, not a version.
type Binding struct {
	ImageID     string
	WorkspaceID string
	Owner       string
	CreatedAt   time.Time
}

// ID is how a binding is named: IMAGE/WORKSPACE.
func (b Binding) ID() string { return b.ImageID + "/" + b.WorkspaceID }

// Taken refuses to take a binding that is there for a new one: it belongs to whoever made it, and would go when the newcomer
// goes.
func (b Binding) Taken() problem.Problem {
	return problem.Problem{
		Code: problem.NameConflict, Field: "workspace_id", Value: b.WorkspaceID, Limit: "one binding of an image and a workspace",
		Detail: "the image is bound to this workspace already: " + b.ID(),
		Remedy: "Take over the binding that is there: terraform import ADDRESS " + b.ID(),
	}
}

// ParseID splits an id; each side may be an id or a name.
func ParseID(id string) (imageID, workspaceID string, err error) {
	imageID, workspaceID, ok := strings.Cut(id, "/")
	if !ok || imageID == "" || workspaceID == "" || strings.Contains(workspaceID, "/") {
		return "", "", problem.Problem{
			Code: problem.InvalidImportID, Field: "id", Value: id, Limit: "IMAGE/WORKSPACE, each an id or a name",
			Remedy: "Name the image and the workspace, for example segmenter/analytics.",
		}
	}
	return imageID, workspaceID, nil
}
