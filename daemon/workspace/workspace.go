// Package workspace says what is special about workspaces as declared resources.
package workspace

import (
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/workspace"
)

// Kind is the kind of workspaces.
var Kind = resource.Kind[domain.Workspace]{
	Noun: "workspace", Prefix: "ws", InUse: problem.WorkspaceInUse,
	Meta: func(w *domain.Workspace) resource.Meta {
		return resource.Meta{
			ID: &w.ID, Owner: &w.Owner, Region: &w.Region, Name: &w.Name, Generation: &w.Generation,
			CreatedAt: &w.CreatedAt, UpdatedAt: &w.UpdatedAt,
		}
	},
	Validate: domain.Workspace.Validate,
}
