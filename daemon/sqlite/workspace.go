package sqlite

import (
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

var workspaces = table[workspace.Workspace]{
	name: "workspace", key: []string{"id"},
	columns: []string{"id", "owner", "region", "name", "description", "generation", "created_at", "updated_at"},
	fields: func(w *workspace.Workspace) []any {
		return []any{
			&w.ID, &w.Owner, &w.Region, &w.Name, &w.Description, &w.Generation, instant{&w.CreatedAt}, instant{&w.UpdatedAt},
		}
	},
}

// Workspaces is the transaction as the workspace service sees it.
func (t *Tx) Workspaces() Declared[workspace.Workspace] {
	return Declared[workspace.Workspace]{t, rows[workspace.Workspace]{t, workspaces, workspaceUsers}}
}

// Workspace finds an owner's workspace by its id, or by its name in a region.
func (t *Tx) Workspace(owner, region, id string) (workspace.Workspace, error) {
	return workspaces.one(t, "owner = ?1 AND (id = ?3 OR region = ?2 AND name = ?3) ORDER BY id = ?3 DESC LIMIT 1", owner, region, id)
}
