// Package quota holds the limits of the editions.
package quota

import (
	"fmt"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Edition is what a region is licensed as.
type Edition string

// The editions.
const (
	EditionBasic        Edition = "basic"
	EditionStandard     Edition = "standard"
	EditionProfessional Edition = "professional"
	EditionEnterprise   Edition = "enterprise"
)

// Editions lists the editions, smallest first.
var Editions = []Edition{EditionBasic, EditionStandard, EditionProfessional, EditionEnterprise}

// Limits is what an edition allows in one region.
type Limits struct {
	Images          int  // custom images; all versions of one count once
	Builds          int  // persistent builds at the same time
	PersistentBuild bool // whether baking is part of the edition
}

// LimitsOf gives the limits of an edition; an unknown one may do nothing.
func LimitsOf(e Edition) Limits {
	switch e {
	case EditionBasic, EditionStandard:
		return Limits{Images: 10, Builds: 2}
	case EditionProfessional:
		return Limits{Images: 50, Builds: 2, PersistentBuild: true}
	case EditionEnterprise:
		return Limits{Images: 100, Builds: 2, PersistentBuild: true}
	}
	return Limits{}
}

// CheckImages refuses one more image than an edition allows.
func CheckImages(e Edition, used, planned int) problem.List {
	if used+planned <= LimitsOf(e).Images {
		return nil
	}
	return exceeded(e, fmt.Sprintf("%d used, %d planned", used, planned))
}

func exceeded(e Edition, value string) problem.List {
	return problem.List{{
		Code: problem.ImageQuotaExceeded, Field: "name", Value: value,
		Limit:  fmt.Sprintf("%d images in edition %s", LimitsOf(e).Images, e),
		Remedy: "Delete an image that is no longer needed, or raise the region's edition.",
	}}
}
