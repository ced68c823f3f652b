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
