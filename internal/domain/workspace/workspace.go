// Package workspace holds the rules of workspaces: who may use an image.
package workspace

import (
	"time"

	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Workspace is a team's place; images are bound to it.
type Workspace struct {
	ID          string
	Owner       string
	Region      string
	Name        string
	Description string
	Generation  int64 // grows by one with every update
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Validate checks what needs no store.
func (w Workspace) Validate() problem.List {
	return append(name.General("name", w.Name), name.Description("description", w.Description)...)
}
