package session

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/reference"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/provider/diagnostic"
)

// Group gives a resource group as it will be: what this plan makes of it, or else what the daemon has.
func (s *Session) Group(ctx context.Context, id string) (resourcegroup.ResourceGroup, error) {
	s.mu.Lock()
	planned, ok := s.planned[id]
	s.mu.Unlock()
	if ok {
		return planned, nil
	}
	return Find(ctx, s, ResourceGroups(), Key{ID: id, Region: s.DefaultRegion()})
}

// PlanGroup tells the session what the plan makes of a resource group that is there already, and whether it gets smaller.
func (s *Session) PlanGroup(g resourcegroup.ResourceGroup, shrinks bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.planned[g.ID] = g
	s.shrinks[g.ID] = shrinks
}

// Shrinks says whether this plan makes a resource group smaller, so that what it does not change may not fit any more.
func (s *Session) Shrinks(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shrinks[id]
}

// JudgeShrinking warns of what asks for more than a resource group is going to have. What this state holds of it is planned later, and
// judged there.
func (s *Session) JudgeShrinking(ctx context.Context, g resourcegroup.ResourceGroup, diags *diag.Diagnostics) {
	if !s.Remote() || s.ledger.Applies() {
		return
	}
	images, err := All(ctx, s, Images(), g.Region)
	if err != nil {
		s.AddPlanError(diags, "plan resource group "+g.Name, err)
		return
	}
	builds, err := All(ctx, s, Builds(), g.Region)
	if err != nil {
		s.AddPlanError(diags, "plan resource group "+g.Name, err)
		return
	}
	var users []resourcegroup.User
	for _, i := range images {
		if test := i.Spec.Test; test.ResourceGroupID == g.ID {
			users = append(users, resourcegroup.User{Name: "image " + i.Spec.Name, CU: test.CU})
		}
	}
	for id, b := range builds {
		if b.ResourceGroupID == g.ID {
			users = append(users, resourcegroup.User{Name: "persistent build " + id, CU: b.CU})
		}
	}
	diagnostic.AddWarning(diags, "", g.Outgrown(users).Err())
}

// PlanNetwork tells the session what the plan makes of a network that is there already; one without an egress is not known yet.
func (s *Session) PlanNetwork(n network.Network) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nets[n.ID] = n
}

// GroupNetwork gives the network of a resource group as it will be. It is the zero value, which refuses nothing, while that is
// not known, and where the same plan may still change it.
func (s *Session) GroupNetwork(ctx context.Context, id types.String) network.Network {
	if id.IsUnknown() || !s.Remote() {
		return network.Network{}
	}
	group, err := s.Group(ctx, id.ValueString())
	if err != nil || group.NetworkID == "" {
		return network.Network{} // JudgeGroup says what is wrong with the group
	}
	s.mu.Lock()
	planned, ok := s.nets[group.NetworkID]
	managed := s.managed[group.NetworkID]
	s.mu.Unlock()
	if ok || managed {
		return planned
	}
	n, err := Find(ctx, s, Networks(), Key{ID: group.NetworkID, Region: s.DefaultRegion()})
	if err != nil {
		return network.Network{} // the daemon will say it
	}
	return n
}

// TestGroup gives the id of the resource group in which an image is tested, as the plan has it, or else the daemon; unknown when
// neither says it.
func (s *Session) TestGroup(ctx context.Context, imageID string) types.String {
	s.mu.Lock()
	i, planned := s.images[imageID]
	s.mu.Unlock()
	if planned {
		return i.group
	}
	found, err := Find(ctx, s, Images(), Key{ID: imageID, Region: s.DefaultRegion()})
	if err != nil {
		return types.StringUnknown() // another rule says what is wrong
	}
	return types.StringValue(found.Spec.Test.ResourceGroupID)
}

// Place is where an attribute wants work to run.
type Place struct {
	At     string // the attribute that names the resource group
	ID     types.String
	CU     types.Float64
	Region string // of the work; empty: not known
}

// JudgeGroup refuses a resource group that is not there, is of another region, or may not run work of a size, as far as that is
// known.
func (s *Session) JudgeGroup(ctx context.Context, p Place, diags *diag.Diagnostics) {
	if p.ID.IsUnknown() {
		return
	}
	group, err := s.Group(ctx, p.ID.ValueString())
	target := reference.Target{Noun: ResourceGroups().Noun, ID: group.ID}
	found := wrong(p.At, p.ID.ValueString(), target, err)
	switch {
	case len(found) > 0:
	case err != nil:
		s.AddPlanError(diags, "read resource group "+p.ID.ValueString(), err)
	case p.CU.IsUnknown():
		found = append(group.AdmitRegion(p.At, p.Region), group.AdmitType(p.At)...)
	default:
		found = append(group.AdmitRegion(p.At, p.Region), group.Admit(p.At, p.CU.ValueFloat64())...)
	}
	diagnostic.AddError(diags, "", found.Err())
}

// Reference is an attribute that names another object by its id.
type Reference struct {
	At     string // the attribute
	ID     types.String
	Region string                                                                     // of what refers; empty: any, or not known
	Find   func(ctx context.Context, s *Session, id string) (reference.Target, error) // reads the object
}

// In reads what a reference names.
func In[T any](l Listing[T]) func(ctx context.Context, s *Session, id string) (reference.Target, error) {
	return func(ctx context.Context, s *Session, id string) (reference.Target, error) {
		found, err := Find(ctx, s, l, Key{ID: id, Region: s.DefaultRegion()})
		target := reference.Target{Noun: l.Noun}
		if err == nil {
			target.ID = l.ID(found)
		}
		if err == nil && l.Region != nil {
			target.Region = l.Region(found)
		}
		return target, err
	}
}

// JudgeReference refuses the id of something that is not there or of another region, as far as it is known. Ids are made by the
// daemon, so nothing in the same plan can put that right. A name is refused too, though the daemon would find it: it may come to
// mean another.
func (s *Session) JudgeReference(ctx context.Context, r Reference, diags *diag.Diagnostics) {
	if r.ID.IsUnknown() || !s.Remote() {
		return
	}
	target, err := r.Find(ctx, s, r.ID.ValueString())
	found := wrong(r.At, r.ID.ValueString(), target, err)
	switch {
	case len(found) > 0:
	case err != nil:
		s.AddPlanError(diags, "read "+r.ID.ValueString(), err)
	default:
		found = reference.AdmitRegion(r.At, target, r.Region)
	}
	diagnostic.AddError(diags, "", found.Err())
}

// wrong refuses what is not there, and a name in place of an id.
func wrong(at, id string, target reference.Target, err error) problem.List {
	switch {
	case IsNotFound(err):
		return problem.List{reference.Missing(at, target.Noun, id)}
	case err == nil && target.ID != id:
		return problem.List{reference.ByName(at, target, id)}
	}
	return nil
}

// ImageRegion gives the region of an image; empty when the image is not known, or not there.
func (s *Session) ImageRegion(ctx context.Context, id types.String) string {
	if id.IsUnknown() {
		return ""
	}
	i, err := Find(ctx, s, Images(), Key{ID: id.ValueString(), Region: s.DefaultRegion()})
	if err != nil {
		return "" // another rule says what is wrong
	}
	return i.Region
}

// RegionOf gives a region as it is planned: one that is not known will be the default one.
func (s *Session) RegionOf(planned types.String) string {
	if planned.IsUnknown() {
		return s.DefaultRegion()
	}
	return planned.ValueString()
}
