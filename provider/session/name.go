package session

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
)

// Naming is a name that a plan gives to something.
type Naming struct {
	ID     types.String // unknown or null for a creation
	Region types.String // unknown: the default one
	Name   types.String
	Prior  types.String // the name that it has; null for a creation
	// Successor says of a creation that it is the second half of a replacement.
	Successor bool
}

// naming is a name that a plan gives away.
type naming struct{ noun, region, name string }

// named is who gets or keeps a name by a plan.
type named struct {
	id        string // empty: a creation
	successor bool
}

// rivals says whether a name cannot be for both: two things that are there, two creations, or a creation and what is there, unless
// the two are halves of a replacement.
func (n named) rivals(other named) bool {
	if (n.id == "") == (other.id == "") {
		return n.id == "" || n.id != other.id
	}
	return !n.successor && !other.successor
}

// PlanName notes that a plan gives a name to something in a region, or leaves it its own. A name that the same plan gives to another
// one is refused, and so is a ring of names that change hands: each would have to wait for the next one.
func (s *Session) PlanName(noun, region string, n Naming) problem.List {
	at, who := naming{noun, region, n.Name.ValueString()}, named{n.ID.ValueString(), n.Successor}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.named[at], who.rivals) {
		return problem.List{{
			Code: problem.NameConflict, Field: "name", Value: at.name, Limit: "one " + noun + " of a name",
			Detail: "this configuration gives the name to two", Remedy: "Choose another name for one of them.",
		}}
	}
	s.named[at] = append(s.named[at], who)
	if who.id == "" || n.Prior.IsNull() || n.Prior.Equal(n.Name) {
		return nil
	}
	from := naming{noun, region, n.Prior.ValueString()}
	for next, ok := s.renamed[at]; ok; next, ok = s.renamed[next] {
		if next == from {
			return problem.List{{
				Code: problem.NameConflict, Field: "name", Value: at.name, Limit: "one " + noun + " of a name",
				Detail: "what has the name gets, directly or through others, the one that this gives up: none of them can begin",
				Remedy: "Give one of them a third name, apply, and then give it the name that it is to have.",
			}}
		}
	}
	s.renamed[from] = at
	return nil
}

// Taken is the refusal of a name that somebody outside of this state has.
func Taken(noun, name, id string) problem.Problem {
	return problem.Problem{
		Code: problem.NameConflict, Field: "name", Value: name, Limit: "one " + noun + " of a name",
		Detail: "there is one with that name already: " + id,
		Remedy: "Choose another name, or take over the one that is there: terraform import ADDRESS " + id,
	}
}

// JudgeName refuses a name that the same plan gives to another one, or that something outside of this state has. In an apply the
// daemon decides.
func JudgeName[T any](ctx context.Context, s *Session, l Listing[T], n Naming, diags *diag.Diagnostics) {
	if n.Name.IsUnknown() || s.Applies(n.ID.ValueString()) {
		return
	}
	region := n.Region.ValueString()
	if s.Remote() {
		if _, err := s.Client(ctx); err != nil {
			s.AddPlanError(diags, "plan "+l.Noun+" "+n.Name.ValueString(), err)
			return
		}
		if n.Region.IsUnknown() {
			region = s.DefaultRegion()
		}
	}
	if found := s.PlanName(l.Noun, region, n); len(found) > 0 || !s.Remote() || n.Name.Equal(n.Prior) {
		diagnostic.AddError(diags, "", found.Err())
		return
	}
	list, err := All(ctx, s, l, region)
	if err != nil {
		s.AddPlanError(diags, "plan "+l.Noun+" "+n.Name.ValueString(), err)
		return
	}
	for id, other := range list {
		if l.Name(other) == n.Name.ValueString() && id != n.ID.ValueString() {
			s.JudgeTaken(ctx, l.Noun, n.Name.ValueString(), id, diags)
		}
	}
}
