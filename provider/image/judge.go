package image

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

// judge refuses in the plan what the daemon would refuse in the apply, as far as it is known and cannot be put right by
// what the same plan does elsewhere.
func (p *planner) judge(ctx context.Context) {
	if p.state != nil && !p.draft.gaps.publish {
		published := int(p.state.PublishedVersion.ValueInt64())
		diagnostic.AddError(p.diags, "", domain.AdmitPublish(published, p.draft.spec.Publish).Err())
	}
	diagnostic.AddError(p.diags, "", p.gone)
	diagnostic.AddWarning(p.diags, "", p.draft.spec.Recipe.Risks().Err())
	if p.draft.complete() {
		diagnostic.AddWarning(p.diags, "", p.draft.spec.Recipe.Plain().Err())
	}
	if p.base != nil {
		diagnostic.AddError(p.diags, "", p.draft.spec.Against(*p.base).Err())
		diagnostic.AddWarning(p.diags, "", p.draft.spec.Recipe.OldOpenSSL(*p.base).Err())
	}
	if p.snapshot == nil {
		return
	}
	p.expired(ctx)
	p.judgeUpstream(ctx)
	p.pinning(ctx)
	p.network(ctx, p.judgeGroup(ctx))
	if p.state == nil && p.plan.Region.ValueString() == p.snapshot.Region.Name {
		p.session.JudgeImages(ctx, *p.snapshot, p.diags)
	}
}

// expired refuses to begin on a version of the official image that has expired. A recipe that was published before needs none.
func (p *planner) expired(ctx context.Context) {
	if p.base == nil || !p.plan.Stage.IsUnknown() {
		return
	}
	var held string
	if p.state != nil {
		held = p.state.base(ctx, p.diags).spec.Recipe.Base.Name()
	}
	diagnostic.AddError(p.diags, "", official.AdmitBase(p.snapshot.Official, *p.base, held).Err())
}

// judgeGroup refuses a resource group in which the test may not run, and gives its id.
func (p *planner) judgeGroup(ctx context.Context) types.String {
	group, cu := p.draft.group(), types.Float64Value(p.draft.spec.Test.CU)
	if p.draft.gaps.cu {
		cu = types.Float64Unknown()
	}
	p.session.JudgeGroup(ctx, session.Place{
		At: "test.resource_group_id", ID: group, CU: cu, Region: p.session.RegionOf(p.plan.Region),
	}, p.diags)
	return group
}

// network refuses packages that the network of the test keeps from where they come from. A recipe that was published before is
// not tested again.
func (p *planner) network(ctx context.Context, group types.String) {
	if p.base == nil || p.draft.gaps.env || p.draft.gaps.files || p.draft.gaps.packages || !p.plan.Stage.IsUnknown() {
		return
	}
	n := p.session.GroupNetwork(ctx, group)
	diagnostic.AddError(p.diags, "", p.draft.spec.Recipe.Unreachable(n, *p.base, p.snapshot.Region.Sources).Err())
}

// pinning applies the region's policy to packages whose version is not said.
func (p *planner) pinning(ctx context.Context) {
	known := lock.Known(p.state.packages(ctx))
	switch p.snapshot.Region.Pinning {
	case system.PinningOff:
	case system.PinningWarn:
		diagnostic.AddWarning(p.diags, "", p.draft.spec.Recipe.Unpinned(known).Err())
	case system.PinningEnforce:
		diagnostic.AddError(p.diags, "", p.draft.spec.Recipe.Unpinned(known).Err())
	}
}

// name is the name that the plan gives to the image, or leaves it.
func (p *planner) name() session.Naming {
	n := session.Naming{Region: p.plan.Region, Name: p.plan.Name, Successor: p.successor}
	if p.state != nil {
		n.ID, n.Prior = p.state.ID, p.state.Name
	}
	return n
}

// conflict refuses a name that is taken, or given away twice, unless it is taken by what an interrupted creation has left, or by an
// image that this state holds and may be about to replace or rename.
func (p *planner) conflict(ctx context.Context) {
	n, region := p.name(), p.snapshot.Region.Name
	id := n.ID.ValueString()
	if p.draft.gaps.name || n.Region.ValueString() != region || p.session.Applies(id) {
		return
	}
	at := slices.IndexFunc(p.snapshot.Images, func(i system.ImageSummary) bool { return i.Name == n.Name.ValueString() && i.ID != id })
	attaches := id == "" && at >= 0 && p.attaches(p.snapshot.Images[at])
	var found problem.List
	if attaches && !p.successor {
		found = p.session.PlanShare(session.Share{What: p.snapshot.Images[at].ID, Field: "name", Value: n.Name.ValueString()})
	}
	if len(found) == 0 {
		found = p.session.PlanName("image", region, n)
	}
	switch {
	case len(found) > 0:
		diagnostic.AddError(p.diags, "", found.Err())
	case at >= 0 && !attaches && !n.Name.Equal(n.Prior):
		p.session.JudgeTaken(ctx, "image", n.Name.ValueString(), p.snapshot.Images[at].ID, p.diags)
	}
}

// attaches says whether a creation would attach to an image; when the recipe is not known yet, whether it might.
func (p *planner) attaches(other system.ImageSummary) bool {
	if other.PublishedVersion != 0 {
		return false
	}
	for _, v := range other.Versions {
		if v.Number == other.CurrentVersion {
			return !p.draft.complete() || v.InputHash == p.plan.InputHash.ValueString()
		}
	}
	return false
}
