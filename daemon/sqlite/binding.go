package sqlite

import "github.com/kilnhq/kiln/internal/domain/binding"

var bindings = table[binding.Binding]{
	name: "binding", key: []string{"image_id", "workspace_id"},
	columns: []string{"image_id", "workspace_id", "owner", "created_at"},
	fields: func(b *binding.Binding) []any {
		return []any{&b.ImageID, &b.WorkspaceID, &b.Owner, instant{&b.CreatedAt}}
	},
}

// InsertBinding stores a binding; store.ErrConflict when it is there.
func (t *Tx) InsertBinding(b binding.Binding) error { return bindings.insert(t, b) }

// Binding finds a binding.
func (t *Tx) Binding(imageID, workspaceID string) (binding.Binding, error) {
	return bindings.one(t, "image_id = ? AND workspace_id = ?", imageID, workspaceID)
}

// Bindings lists an owner's bindings; an empty id is every image or workspace.
func (t *Tx) Bindings(owner, imageID, workspaceID string) ([]binding.Binding, error) {
	return bindings.all(t, "owner = ?1 AND (image_id = ?2 OR ?2 = '') AND (workspace_id = ?3 OR ?3 = '') ORDER BY image_id, workspace_id",
		owner, imageID, workspaceID)
}

// DeleteBinding removes a binding.
func (t *Tx) DeleteBinding(imageID, workspaceID string) error {
	return bindings.delete(t, "image_id = ? AND workspace_id = ?", imageID, workspaceID)
}
