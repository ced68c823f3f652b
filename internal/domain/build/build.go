// Package build holds the rules of persistent builds: a published version
// baked once into an image with a digest.
package build

import (
	"strconv"
	"time"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

// Stage says how far a persistent build is.
type Stage string

// The stages, named as the image's own.
const (
	StageBuilding     Stage = "Building"
	StageBuildSuccess Stage = "BuildSuccess"
	StageBuildFailed  Stage = "BuildFailed"
)

// Presence says what became of an artifact in the registry.
type Presence string

// The presences.
const (
	PresenceAvailable Presence = "Available"
	PresenceMissing   Presence = "Missing" // the manifest, or something that it names, is gone
	PresenceChanged   Presence = "Changed" // what is there has another content
)

// Presences lists the presences.
var Presences = []Presence{PresenceAvailable, PresenceMissing, PresenceChanged}

// Lost says whether an artifact must be baked again before it can serve.
func (p Presence) Lost() bool { return p == PresenceMissing || p == PresenceChanged }

// Build is the persistent build of an image: at most one each.
type Build struct {
	ID              string
	Owner           string
	Region          string
	ImageID         string
	ImageVersion    int // the version that is wanted
	ResourceGroupID string
	CU              float64
	Stage           Stage
	BakedVersion    int      // the version behind Digest; 0 while nothing was baked
	Digest          string   // sha256:HEX of the manifest; the old one serves until a rebuild succeeds
	ImageRef        string   // what a client pulls: HOST:PORT/REPOSITORY@DIGEST
	Presence        Presence // of what Digest names; empty while nothing was baked, and where nobody looked
	SizeBytes       int64
	CUSeconds       float64 // of the process that baked it; 0 when an earlier result was taken over
	DurationSeconds float64
	ProcessID       string // of the latest process; empty when an earlier result was taken over
	Generation      int64
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Artifact is the result of a baking. It is found again by owner and input hash.
type Artifact struct {
	Owner      string
	InputHash  string
	Digest     string
	Repository string // in the embedded registry
	ImageID    string // in the daemon's image store
	SizeBytes  int64
	CreatedAt  time.Time
}

// Validate checks what needs no store.
func (b Build) Validate() problem.List {
	found := resourcegroup.ValidateCU("cu", b.CU)
	if b.ImageID == "" {
		found = append(found, problem.Problem{
			Code: problem.MissingRequired, Field: "image_id", Limit: "the id or name of an image", Remedy: "Name the image to bake.",
		})
	}
	if b.ImageVersion < 1 {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "image_version", Value: strconv.Itoa(b.ImageVersion), Limit: "1 or more",
			Remedy: "Use the published version, kiln_custom_image.NAME.published_version.",
		})
	}
	return found
}

// AdmitAttach refuses to take a build that is there for the one that a creation asks for, unless it is of the same version and
// has not come to its end: then an earlier creation was interrupted. A finished one belongs to whoever made it, and would go
// when the newcomer goes.
func (b Build) AdmitAttach(version int) problem.List {
	if b.ImageVersion == version && b.Stage != StageBuildSuccess {
		return nil
	}
	return problem.List{{
		Code: problem.NameConflict, Field: "image_id", Value: b.ImageID, Limit: "one persistent build an image",
		Detail: "there is one of version " + strconv.Itoa(b.ImageVersion) + " already: " + b.ID,
		Remedy: "Take over the one that is there: terraform import ADDRESS " + b.ID,
	}}
}

// AdmitNetwork refuses to bake a recipe on a network that surely keeps it from what it needs: see recipe.Unreachable.
func AdmitNetwork(r recipe.Recipe, n network.Network, base official.Image, sources recipe.Sources) problem.List {
	found := r.Unreachable(n, base, sources)
	for i, p := range found {
		found[i].Detail = p.Detail + ", which " + p.Field + " of the image needs"
		found[i].Field, found[i].Value = "resource_group_id", "network "+n.Name
	}
	return found
}

// AdmitEdition checks that an edition may bake at all.
func AdmitEdition(e quota.Edition) problem.List {
	if quota.LimitsOf(e).PersistentBuild {
		return nil
	}
	return problem.List{{
		Code: problem.EditionNotSupported, Field: "image_id", Value: string(e), Limit: "professional, enterprise",
		Detail: "persistent builds are not part of this edition",
		Remedy: "Remove the persistent build, or change the region's edition in the daemon's configuration.",
	}}
}
