package image

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

// ModifyPlan judges the plan over one snapshot of the daemon, and says as much of the result as can be known: the hash,
// the Containerfile, and the version when the recipe was published before. It writes nothing.
func (r *imageResource) ModifyPlan(ctx context.Context, req framework.ModifyPlanRequest, resp *framework.ModifyPlanResponse) {
	if r.Session == nil {
		return
	}
	defer r.Session.Busy()()
	if req.Plan.Raw.IsNull() {
		r.planDelete(ctx, req, &resp.Diagnostics)
		return
	}
	r.Session.PlanRegion(ctx, req, resp)
	p := planner{session: r.Session, diags: &resp.Diagnostics}
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &p.plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &p.config)...)
	if !req.State.Raw.IsNull() {
		p.state = &model{}
		resp.Diagnostics.Append(req.State.Get(ctx, p.state)...)
	} else {
		p.successor = session.Generation(ctx, req.Private, &resp.Diagnostics) != 0
	}
	if resp.Diagnostics.HasError() || !p.look(ctx) {
		return
	}
	p.resolve(ctx)
	p.hash(ctx)
	if resp.Diagnostics.HasError() {
		return
	}
	p.compute(ctx)
	p.packageChanges(ctx)
	p.note()
	p.newer(ctx)
	if resp.Diagnostics.Append(resp.Plan.Set(ctx, p.plan)...); resp.Diagnostics.HasError() {
		return
	}
	changes := p.state == nil || !resp.Plan.Raw.Equal(req.State.Raw)
	var shared problem.List
	if p.state != nil {
		r.Session.PlanImage(p.state.ID.ValueString(), changes, p.draft.group())
		if len(resp.RequiresReplace) == 0 {
			shared = r.Session.PlanShare(session.Share{
				What: p.state.ID.ValueString(), Field: "name", Value: p.plan.Name.ValueString(), Stays: true,
			})
			diagnostic.AddError(p.diags, "", shared.Err())
		}
	}
	if p.snapshot != nil && len(shared) == 0 {
		p.conflict(ctx)
	}
	switch {
	case changes:
		p.judge(ctx)
	case p.snapshot != nil && r.Session.Shrinks(p.draft.spec.Test.ResourceGroupID):
		p.judgeGroup(ctx)
	}
}

// planDelete tells the ledger that an image is to go, and warns who uses it.
func (r *imageResource) planDelete(ctx context.Context, req framework.ModifyPlanRequest, diags *diag.Diagnostics) {
	var id, region types.String
	diags.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	diags.Append(req.State.GetAttribute(ctx, path.Root("region"), &region)...)
	r.Session.Manage(id.ValueString())
	r.Session.Ledger().Drop(region.ValueString(), id.ValueString())
	r.PlanDelete(ctx, problem.ImageInUse, req.State, diags)
}

// planner is the making of one plan.
type planner struct {
	session   *session.Session
	diags     *diag.Diagnostics
	config    model
	plan      model
	state     *model           // nil: a creation
	successor bool             // a creation that replaces an image: Terraform hands over what it kept with that one
	snapshot  *system.Snapshot // nil: planned without the daemon
	base      *official.Image  // nil: not known, or gone from the catalogue
	gone      error            // what to say when the image is to be changed, and its base is gone
	judged    bool             // the registry of a new source
	draft     draft            // of the plan
}

// look reads the snapshot. It is false when that failed.
func (p *planner) look(ctx context.Context) bool {
	if p.state != nil {
		p.session.Manage(p.state.ID.ValueString())
		p.session.Ledger().Manage(p.state.Region.ValueString(), p.state.ID.ValueString())
	}
	if !p.session.Remote() {
		return true
	}
	snapshot, err := p.session.Snapshot(ctx)
	if err != nil {
		p.session.AddPlanError(p.diags, "plan image "+p.plan.Name.ValueString(), err)
		return false
	}
	p.snapshot = &snapshot
	return true
}

// hash plans the hashes of the files and, once the recipe is known, its own and the Containerfile.
func (p *planner) hash(ctx context.Context) {
	p.hashFiles(ctx)
	d, found := p.plan.draft(ctx)
	p.diags.Append(found...)
	p.draft = d
	p.plan.InputHash, p.plan.Containerfile = types.StringUnknown(), types.StringUnknown()
	if !d.complete() {
		return
	}
	p.plan.InputHash = types.StringValue(d.spec.Recipe.Hash())
	p.plan.Containerfile = types.StringValue(d.spec.Recipe.Containerfile())
	if p.state != nil && p.state.InputHash.Equal(p.plan.InputHash) {
		p.plan.Containerfile = p.state.Containerfile
		p.plan.Packages = sameScripts(ctx, p.plan.Packages, p.state.Packages, p.diags)
	}
}

func (p *planner) hashFiles(ctx context.Context) {
	files, unknown, found := objects[fileModel](ctx, p.plan.Files)
	if p.diags.Append(found...); len(files) == 0 {
		return
	}
	configured, _, found := objects[fileModel](ctx, p.config.Files)
	p.diags.Append(found...)
	elements := p.plan.Files.Elements()
	for i, f := range files {
		if unknown[i] {
			continue
		}
		read, err := f.content(ctx, i)
		diagnostic.AddError(p.diags, "", err)
		f, err = f.plan(configured[i], i, read)
		diagnostic.AddError(p.diags, "", err)
		object, found := types.ObjectValueFrom(ctx, fileType.AttrTypes, f)
		p.diags.Append(found...)
		elements[i] = object
	}
	list, found := types.ListValue(fileType, elements)
	p.diags.Append(found...)
	p.plan.Files = list
}

// sameScripts keeps how scripts are written in the state where the configuration says the same: an import knows nothing of
// the last line feed of a here-document. Where there is none in the configuration, there is none in the plan.
func sameScripts(ctx context.Context, plan, state types.List, diags *diag.Diagnostics) types.List {
	planned, _, found := objects[packageModel](ctx, plan)
	diags.Append(found...)
	before, _, found := objects[packageModel](ctx, state)
	diags.Append(found...)
	if len(planned) == 0 || len(planned) != len(before) {
		return plan
	}
	for i := range planned {
		now, _ := planned[i].entry()
		old, _ := before[i].entry()
		if !before[i].Script.IsNull() && !planned[i].Script.IsNull() && now.Normalize().Script == old.Normalize().Script {
			planned[i].Script = before[i].Script
		}
	}
	list, found := types.ListValueFrom(ctx, packageType, planned)
	diags.Append(found...)
	return list
}

// compute plans what follows from the rest: everything stays, or the recipe goes back to a version that was published
// before, or what the daemon will say is left open.
func (p *planner) compute(ctx context.Context) {
	if p.state == nil {
		p.openResult()
		p.plan.ID, p.plan.BaseUpdateAvailable = types.StringUnknown(), p.superseded(ctx)
		return
	}
	p.plan.ID = p.state.ID
	if !p.plan.InputHash.Equal(p.state.InputHash) {
		p.openResult()
		p.plan.BaseUpdateAvailable = p.superseded(ctx)
		p.published()
		return
	}
	p.plan.BaseUpdateAvailable = p.state.BaseUpdateAvailable
	if p.plan.Publish.IsUnknown() || !p.state.settled(p.plan.Publish.ValueBool()) {
		p.openResult()
		p.plan.Version, p.plan.Status = p.state.Version, p.state.Status
		if !p.state.BaseDigest.IsNull() {
			p.plan.BaseDigest = p.state.BaseDigest
		}
		return
	}
	p.plan.Version, p.plan.PublishedVersion = p.state.Version, p.state.PublishedVersion
	p.plan.Stage, p.plan.Status = p.state.Stage, p.state.Status
	p.plan.BaseDigest, p.plan.ResolvedPackages = p.state.BaseDigest, p.state.ResolvedPackages
	p.plan.SizeBytes, p.plan.ProcessID = p.state.SizeBytes, p.state.ProcessID
}

// openResult leaves to the daemon what only it can say. Without publication, the published version stays as it is.
func (p *planner) openResult() {
	p.plan.Version, p.plan.PublishedVersion = types.Int64Unknown(), types.Int64Unknown()
	if !p.plan.Publish.IsUnknown() && !p.plan.Publish.ValueBool() {
		p.plan.PublishedVersion = types.Int64Null()
		if p.state != nil {
			p.plan.PublishedVersion = p.state.PublishedVersion
		}
	}
	p.plan.Stage, p.plan.Status = types.StringUnknown(), types.StringUnknown()
	p.plan.BaseDigest, p.plan.ResolvedPackages = types.StringUnknown(), types.ListUnknown(resolvedType)
	p.plan.SizeBytes, p.plan.ProcessID = types.Int64Unknown(), types.StringUnknown()
}

// published plans the version and the stage of a recipe that was published before: nothing will be built or tested.
func (p *planner) published() {
	if p.snapshot == nil || p.plan.InputHash.IsUnknown() || !p.plan.Publish.ValueBool() {
		return
	}
	summary, ok := p.snapshot.ByID(p.state.ID.ValueString())
	if !ok {
		return
	}
	if v, ok := summary.ByHash(p.plan.InputHash.ValueString()); ok {
		p.plan.Version, p.plan.PublishedVersion = types.Int64Value(int64(v.Number)), types.Int64Value(int64(v.Number))
		p.plan.Stage = types.StringValue(string(domain.StagePublished))
	}
}

// note tells the ledger what becomes of the image. A replacement is planned twice: as what moves away, and as a creation.
func (p *planner) note() {
	ledger, name := p.session.Ledger(), p.plan.Name.ValueString()
	switch {
	case p.state == nil:
		ledger.Create(p.plan.Region.ValueString(), name)
	case p.plan.Region.Equal(p.state.Region):
		ledger.Keep(p.state.Region.ValueString(), p.state.ID.ValueString(), name)
	default:
		ledger.Drop(p.state.Region.ValueString(), p.state.ID.ValueString())
	}
}

// settled says whether the image is where a configuration wants it to be.
func (m model) settled(publish bool) bool {
	return settled(domain.Image{
		Stage: domain.Stage(m.Stage.ValueString()), CurrentVersion: int(m.Version.ValueInt64()),
		PublishedVersion: int(m.PublishedVersion.ValueInt64()),
	}, publish)
}
