package session

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
)

// quiet is how long nothing may be heard of other objects of a state until no more is expected. Terraform plans them in any
// order, and one that is heard of late may be about to leave its name.
const quiet = 500 * time.Millisecond

// Naming is a name that a plan gives to something.
type Naming struct {
	ID     types.String // unknown or null for a creation
	Region types.String // unknown: the default one
	Name   types.String
}

// naming is a name that a plan gives away.
type naming struct{ noun, region, name string }

// PlanName notes that a plan gives a name to something; an empty id is a creation. A name that the same plan gives to another one is
// refused. A creation and something that is there are not compared, for the two may be halves of a replacement.
func (s *Session) PlanName(noun, region, name, id string) problem.List {
	at := naming{noun, region, name}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, holder := range s.named[at] {
		if (holder == "") == (id == "") && (id == "" || holder != id) {
			return problem.List{{
				Code: problem.NameConflict, Field: "name", Value: name, Limit: "one " + noun + " of a name",
				Detail: "this configuration gives the name to two", Remedy: "Choose another name for one of them.",
			}}
		}
	}
	s.named[at] = append(s.named[at], id)
	return nil
}

// Holds says whether this state holds an object, and may thus be about to delete or rename it. It waits a moment to hear so.
func (s *Session) Holds(ctx context.Context, id string) bool {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		s.mu.Lock()
		held, heard := s.managed[id], s.heard
		s.mu.Unlock()
		if held {
			return true
		}
		select {
		case <-heard:
			timer.Reset(quiet)
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
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
	if n.Name.IsUnknown() || s.writing.Load() {
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
	if found := s.PlanName(l.Noun, region, n.Name.ValueString(), n.ID.ValueString()); len(found) > 0 || !s.Remote() {
		diagnostic.AddError(diags, "", found.Err())
		return
	}
	list, err := All(ctx, s, l, region)
	if err != nil {
		s.AddPlanError(diags, "plan "+l.Noun+" "+n.Name.ValueString(), err)
		return
	}
	for id, other := range list {
		if l.Name(other) == n.Name.ValueString() && id != n.ID.ValueString() && !s.Holds(ctx, id) {
			diagnostic.AddError(diags, "", Taken(l.Noun, n.Name.ValueString(), id))
		}
	}
}
