package process

import domain "github.com/kilnhq/kiln/internal/domain/process"

// View is a process with what only the moment of asking can tell.
type View struct {
	domain.Process
	QueuePosition int     // from 1; 0 when it is not queued
	CUSeconds     float64 // so far
}

// Filter chooses processes: see the domain's.
type Filter = domain.Filter

// Limits is how much runs at the same time: see the domain's.
type Limits = domain.Limits

// MaxList is the most processes that one answer lists; DefaultList is what no limit means.
const (
	MaxList     = 1000
	DefaultList = 100
)

// WatchRequest asks for the log of a process and its fate.
type WatchRequest struct {
	ID     string
	After  int64 // the number of the last line that is not wanted
	Follow bool  // go on until the process is final
}

// Update is one thing that a watcher learns; one field is set.
type Update struct {
	Line *domain.Line
	View *View
}
