package build

// CreateRequest asks for the persistent build of a published version.
type CreateRequest struct {
	Owner           string
	Key             string // the caller's idempotency key
	ImageID         string
	ImageVersion    int
	ResourceGroupID string
	CU              float64
}

// UpdateRequest asks for another version, resource group or size.
type UpdateRequest struct {
	Owner           string
	ID              string
	Generation      int64 // what was read; 0: any
	ImageVersion    int
	ResourceGroupID string
	CU              float64
}
