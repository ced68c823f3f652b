package image

import domain "github.com/kilnhq/kiln/internal/domain/image"

// CreateRequest asks for a new custom image.
type CreateRequest struct {
	Owner        string
	Key          string // the caller's idempotency key
	Region       string
	Spec         domain.Spec
	ExpectedHash string // what the plan showed; empty: nothing was planned
}

// UpdateRequest asks for another specification.
type UpdateRequest struct {
	Owner        string
	ID           string
	Generation   int64 // what was read; 0: any
	Spec         domain.Spec
	ExpectedHash string
}

// RollbackRequest asks for an earlier version.
type RollbackRequest struct {
	Owner      string
	Region     string // of a name; empty: the default one
	ID         string // an id or a name
	Generation int64  // what was read; 0: any
	Version    int
}

// RunRequest asks for one run of a command.
type RunRequest struct {
	Owner         string
	Region        string
	Image         string // id or name of a custom image, or name of an official one
	ResourceGroup string // id or name; empty: the one of the image's test
	Argv          []string
	Env           map[string]string
}
