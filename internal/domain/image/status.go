package image

import "github.com/kilnhq/kiln/internal/domain/official"

// Status says whether a custom image may be used, whatever its stage.
type Status string

// The statuses of custom images.
const (
	StatusAvailable Status = "Available"
	StatusExpired   Status = "Expired" // the official image that it is based on has expired
)

// Statuses lists the statuses.
var Statuses = []Status{StatusAvailable, StatusExpired}

// Status gives the status of the image's current version.
func (i Image) Status() Status {
	if i.Base.Status == official.StatusExpired {
		return StatusExpired
	}
	return StatusAvailable
}
