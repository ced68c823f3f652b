// Package reference holds the rules of references: what an attribute names by
// an id is there, is named by that id and by no name, and is of the same
// region as whoever names it.
package reference

import "github.com/kilnhq/kiln/internal/domain/problem"

// Target is what is named.
type Target struct {
	Noun   string // as users read it: resource group
	ID     string
	Region string // empty: without a region, or not known
}

// AdmitRegion refuses a target of another region than that of what refers to it. A region that is not known refuses nothing.
func AdmitRegion(field string, t Target, region string) problem.List {
	if t.Region == region || t.Region == "" || region == "" {
		return nil
	}
	return problem.List{{
		Code: problem.RegionMismatch, Field: field, Value: t.Region, Limit: region, Detail: "the " + t.Noun + " " + t.ID + " is of another region",
		Remedy: "Choose a " + t.Noun + " of the region " + region + ".",
	}}
}

// Missing refuses an id that nothing has.
func Missing(field, noun, id string) problem.Problem {
	return problem.Problem{
		Code: problem.NotFound, Field: field, Value: id, Limit: "the id of a " + noun + " of yours", Detail: "no such " + noun,
		Remedy: "Check the id, and that it is yours. The attribute id of a resource is always right; a name is not enough.",
	}
}

// ByName refuses the name of a target that is there: the name may come to mean another.
func ByName(field string, t Target, name string) problem.Problem {
	return problem.Problem{
		Code: problem.NotFound, Field: field, Value: name, Limit: "the id of a " + t.Noun + " of yours",
		Detail: "no " + t.Noun + " has this id; it is the name of one",
		Remedy: "Use the id in place of the name, " + t.ID + ", or the attribute id of its resource.",
	}
}
