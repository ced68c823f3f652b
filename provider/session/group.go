package session

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
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

// JudgeGroup refuses a resource group that is not there or may not run work of a size, as far as both are known. At is the
// attribute that names the group.
func (s *Session) JudgeGroup(ctx context.Context, at string, id types.String, cu types.Float64, diags *diag.Diagnostics) {
	if id.IsUnknown() {
		return
	}
	group, err := s.Group(ctx, id.ValueString())
	switch {
	case IsNotFound(err) || err == nil && group.ID != id.ValueString():
		diagnostic.AddError(diags, "", notThere(at, id))
	case err != nil:
		s.AddPlanError(diags, "read resource group "+id.ValueString(), err)
	case cu.IsUnknown():
		diagnostic.AddError(diags, "", group.AdmitType(at).Err())
	default:
		diagnostic.AddError(diags, "", group.Admit(at, cu.ValueFloat64()).Err())
	}
}

// Reference is an attribute that names another object by its id.
type Reference struct {
	At   string // the attribute
	ID   types.String
	Find func(ctx context.Context, s *Session, id string) (have string, err error) // reads the object, and gives its id
}

// In reads what a reference names.
func In[T any](l Listing[T]) func(ctx context.Context, s *Session, id string) (have string, err error) {
	return func(ctx context.Context, s *Session, id string) (string, error) {
		found, err := Find(ctx, s, l, Key{ID: id, Region: s.DefaultRegion()})
		return l.ID(found), err
	}
}

// JudgeReference refuses the id of something that is not there, as far as it is known. Ids are made by the daemon, so nothing
// in the same plan can put that right. A name is refused too, though the daemon would find it: it may come to mean another.
func (s *Session) JudgeReference(ctx context.Context, r Reference, diags *diag.Diagnostics) {
	if r.ID.IsUnknown() || !s.Remote() {
		return
	}
	have, err := r.Find(ctx, s, r.ID.ValueString())
	if IsNotFound(err) || err == nil && have != r.ID.ValueString() {
		diagnostic.AddError(diags, "", notThere(r.At, r.ID))
		return
	}
	s.AddPlanError(diags, "read "+r.ID.ValueString(), err)
}

func notThere(at string, id types.String) problem.Problem {
	return problem.Problem{
		Code: problem.NotFound, Field: at, Value: id.ValueString(), Limit: "the id of something that is there",
		Remedy: "Use the attribute id of a resource, and not its name.",
	}
}
