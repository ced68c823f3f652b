package build

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

// ValidateConfig judges what is known of the configuration, without a daemon.
func (r *buildResource) ValidateConfig(
	ctx context.Context, req framework.ValidateConfigRequest, resp *framework.ValidateConfigResponse,
) {
	var config model
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	diagnostic.AddError(&resp.Diagnostics, "", config.known().Validate().Err())
}

// ModifyPlan judges the plan over one snapshot of the daemon, and plans the digest when the recipe was baked before.
func (r *buildResource) ModifyPlan(ctx context.Context, req framework.ModifyPlanRequest, resp *framework.ModifyPlanResponse) {
	if r.Session == nil {
		return
	}
	defer r.Session.Busy()()
	var state *model
	if !req.State.Raw.IsNull() {
		state = &model{}
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
		r.Session.Manage(state.ID.ValueString())
	}
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	var snapshot *system.Snapshot
	if !resp.Diagnostics.HasError() && r.Session.Remote() {
		read, err := r.Session.Snapshot(ctx)
		r.Session.AddPlanError(&resp.Diagnostics, "plan persistent build", err)
		if err != nil {
			return
		}
		snapshot = &read
	}
	if resp.Diagnostics.HasError() {
		return
	}
	compute(&plan, state, snapshot)
	if resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...); resp.Diagnostics.HasError() {
		return
	}
	if snapshot == nil {
		return
	}
	successor := state == nil && session.Generation(ctx, req.Private, &resp.Diagnostics) != 0
	if r.judgeShare(plan, state, successor, &resp.Diagnostics); resp.Diagnostics.HasError() {
		return
	}
	if state == nil {
		r.judgeCreation(ctx, plan, &resp.Diagnostics)
	}
	switch {
	case state == nil || !resp.Plan.Raw.Equal(req.State.Raw):
		r.judge(ctx, plan, *snapshot, &resp.Diagnostics)
	case r.Session.Shrinks(plan.ResourceGroupID.ValueString()):
		r.judgeGroup(ctx, plan, &resp.Diagnostics)
	}
}

// compute plans the result: it stays when the wanted version is baked already, else the daemon will say it, but for the digest
// of an update that is known from an earlier baking of the same recipe.
func compute(plan *model, state *model, snapshot *system.Snapshot) {
	if state != nil && state.ImageID.Equal(plan.ImageID) && state.ImageVersion.Equal(plan.ImageVersion) && state.settled() {
		plan.Stage, plan.Digest, plan.ImageRef, plan.BakedVersion = state.Stage, state.Digest, state.ImageRef, state.BakedVersion
		plan.ArtifactStatus = state.ArtifactStatus
		plan.SizeBytes, plan.CUSeconds, plan.DurationSeconds = state.SizeBytes, state.CUSeconds, state.DurationSeconds
		return
	}
	plan.Stage, plan.Digest, plan.ImageRef = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	plan.ArtifactStatus, plan.BakedVersion, plan.SizeBytes = types.StringUnknown(), types.Int64Unknown(), types.Int64Unknown()
	plan.CUSeconds, plan.DurationSeconds = types.Float64Unknown(), types.Float64Unknown()
	// What a creation could take over may go with the build that it replaces, before the apply comes to it.
	if snapshot == nil || state == nil || plan.ImageID.IsUnknown() || plan.ImageVersion.IsUnknown() {
		return
	}
	summary, _ := snapshot.ByID(plan.ImageID.ValueString())
	for _, v := range summary.Versions {
		if int64(v.Number) == plan.ImageVersion.ValueInt64() && v.Digest != "" {
			plan.Digest = types.StringValue(v.Digest)
		}
	}
}

func (m model) settled() bool {
	return m.Stage.ValueString() == string(domain.StageBuildSuccess) && m.BakedVersion.Equal(m.ImageVersion) &&
		!domain.Presence(m.ArtifactStatus.ValueString()).Lost()
}

// judge refuses in the plan what the daemon would refuse in the apply, as far as it is known and cannot be put right by
// what the same plan does elsewhere.
func (r *buildResource) judge(ctx context.Context, plan model, snapshot system.Snapshot, diags *diag.Diagnostics) {
	diagnostic.AddError(diags, "", domain.AdmitEdition(snapshot.Region.Edition).Err())
	r.Session.JudgeReference(ctx, session.Reference{At: "image_id", ID: plan.ImageID, Find: session.In(session.Images())}, diags)
	if !plan.ImageID.IsUnknown() && !plan.ImageVersion.IsUnknown() {
		refused := r.Session.Unpublished(snapshot, plan.ImageID.ValueString(), int(plan.ImageVersion.ValueInt64()), "image_version")
		diagnostic.AddError(diags, "", refused.Err())
	}
	r.judgeSource(ctx, plan, diags)
	r.judgeGroup(ctx, plan, diags)
	r.judgeNetwork(ctx, plan, diags)
	r.reach(ctx, plan, snapshot, diags)
}

// judgeSource refuses an image that cannot be baked. What the same plan makes of its source, the daemon will see.
func (r *buildResource) judgeSource(ctx context.Context, plan model, diags *diag.Diagnostics) {
	if plan.ImageID.IsUnknown() || plan.ImageVersion.IsUnknown() {
		return
	}
	i, err := session.Find(ctx, r.Session, session.Images(), session.Key{ID: plan.ImageID.ValueString(), Region: r.Session.DefaultRegion()})
	if err == nil && int64(i.CurrentVersion) == plan.ImageVersion.ValueInt64() { // else another rule says what is wrong
		diagnostic.AddError(diags, "", image.CheckBuild("image_id", i).Err())
	}
}

// judgeGroup refuses a resource group in which the image may not be baked: builds are of their images' regions.
func (r *buildResource) judgeGroup(ctx context.Context, plan model, diags *diag.Diagnostics) {
	r.Session.JudgeGroup(ctx, session.Place{
		At: "resource_group_id", ID: plan.ResourceGroupID, CU: plan.CU, Region: r.Session.ImageRegion(ctx, plan.ImageID),
	}, diags)
}

// reach refuses to bake where the network keeps the recipe from what it needs, as far as the recipe is known.
func (r *buildResource) reach(ctx context.Context, plan model, snapshot system.Snapshot, diags *diag.Diagnostics) {
	if plan.ImageID.IsUnknown() || plan.ImageVersion.IsUnknown() || !plan.Digest.IsUnknown() {
		return
	}
	i, err := session.Find(ctx, r.Session, session.Images(), session.Key{ID: plan.ImageID.ValueString(), Region: r.Session.DefaultRegion()})
	if err != nil || int64(i.CurrentVersion) != plan.ImageVersion.ValueInt64() {
		return // what is wrong with the image is said elsewhere
	}
	base := i.Spec.Recipe.Base
	entry, err := official.Resolve(snapshot.Official, base.Official, base.Version)
	if err != nil {
		return
	}
	n := r.Session.GroupNetwork(ctx, plan.ResourceGroupID)
	diagnostic.AddError(diags, "", domain.AdmitNetwork(i.Spec.Recipe, n, entry, snapshot.Region.Sources).Err())
}

// judgeShare refuses two resources for the build of one image, whether it is finished or not: the second one would go on with what
// belongs to the first, or fail. The successor is that of the one which this state has, and which goes.
func (r *buildResource) judgeShare(plan model, state *model, successor bool, diags *diag.Diagnostics) {
	stays := state != nil && state.ImageID.Equal(plan.ImageID)
	if plan.ImageID.IsUnknown() || successor || state != nil && (!stays || r.Session.Applies(state.ID.ValueString())) {
		return
	}
	image := plan.ImageID.ValueString()
	diagnostic.AddError(diags, "", r.Session.PlanShare(session.Share{
		What: "the persistent build of " + image, Field: "image_id", Value: image, Stays: stays,
	}).Err())
}

// judgeCreation refuses a second build of an image, unless this state holds the first and may be about to replace it.
func (r *buildResource) judgeCreation(ctx context.Context, plan model, diags *diag.Diagnostics) {
	if plan.ImageID.IsUnknown() || plan.ImageVersion.IsUnknown() {
		return
	}
	there, err := session.All(ctx, r.Session, session.Builds(), r.Session.DefaultRegion())
	if err != nil {
		r.Session.AddPlanError(diags, "plan persistent build", err)
		return
	}
	for _, b := range there {
		if b.ImageID != plan.ImageID.ValueString() || r.Session.Applies("") {
			continue
		}
		for _, refused := range b.AdmitAttach(int(plan.ImageVersion.ValueInt64())) {
			r.Session.JudgeHolder(ctx, b.ID, refused, diags)
		}
	}
}
