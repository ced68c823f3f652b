// Package system holds what a client learns about a daemon: its regions, and
// the snapshot over which a plan is judged.
package system

import (
	"slices"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

// APIVersion is the version of the contract; client and daemon must agree on it.
const APIVersion = 1

// Pinning is what is done about packages whose version is not said.
type Pinning string

// The policies.
const (
	PinningEnforce Pinning = "enforce" // refuse; the default
	PinningWarn    Pinning = "warn"
	PinningOff     Pinning = "off"
)

// DefaultRegion is the region of a daemon whose configuration names none.
const DefaultRegion = "local"

// Region is a scope of names, quotas and builds.
type Region struct {
	Name    string
	Edition quota.Edition
	Pinning Pinning
	Sources recipe.Sources // what installers ask when an entry names no index
}

// Info is the handshake's answer.
type Info struct {
	APIVersion    int
	DaemonVersion string
	Regions       []Region
	DefaultRegion string
	Caller        string // the identity that the daemon sees, for example uid:1000
}

// Snapshot is all that a plan needs, read at one moment.
type Snapshot struct {
	Region      Region
	Official    []official.Image // without package lists
	Images      []ImageSummary   // the caller's own
	ImagesUsed  int              // in the region, of every owner
	ImagesLimit int
}

// ImageSummary is what a plan needs to know of an image.
type ImageSummary struct {
	ID               string
	Name             string
	CurrentVersion   int
	PublishedVersion int
	Stage            image.Stage // of the current version
	Versions         []VersionSummary
}

// VersionSummary is what a plan needs to know of a version.
type VersionSummary struct {
	Number    int
	InputHash string
	Stage     image.Stage
	Digest    string // of the artifact baked from this input hash; empty when there is none
}

// ByID finds one of the caller's images.
func (s Snapshot) ByID(id string) (ImageSummary, bool) {
	for _, i := range s.Images {
		if i.ID == id {
			return i, true
		}
	}
	return ImageSummary{}, false
}

// ByHash finds the newest version with an input hash that was published once, so that it needs neither build nor test.
func (i ImageSummary) ByHash(hash string) (VersionSummary, bool) {
	for _, v := range slices.Backward(i.Versions) {
		if v.InputHash == hash && v.Stage.Published() {
			return v, true
		}
	}
	return VersionSummary{}, false
}
