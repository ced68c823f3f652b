package image

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

// resolveUpstream asks the registry what a new source stands for. It is left open when the plan changes the registry, which then is asked
// in the apply.
func (p *planner) resolveUpstream(ctx context.Context, base *recipe.Base) {
	u := &base.Registry
	given := u.Digest
	if p.snapshot == nil || p.session.ChangesRegistry(u.RegistryID) {
		return
	}
	if p.judgeRegistry(ctx, *u); p.diags.HasError() {
		return
	}
	digest, err := p.session.Resolve(ctx, *u)
	if err != nil {
		p.session.AddPlanError(p.diags, "", err)
		return
	}
	if given == "" {
		u.Digest = digest
	}
}

// judgeRegistry refuses a registry that is not there, or that the image cannot come from.
func (p *planner) judgeRegistry(ctx context.Context, u recipe.Upstream) {
	p.judged = true
	region := p.session.RegionOf(p.plan.Region)
	p.session.JudgeReference(ctx, session.Reference{
		At: recipe.FieldRegistryID, ID: types.StringValue(u.RegistryID), Region: region, Find: session.In(session.Registries()),
	}, p.diags)
	r, err := session.Find(ctx, p.session, session.Registries(), session.Key{ID: u.RegistryID, Region: p.session.DefaultRegion()})
	if err == nil && r.ID == u.RegistryID {
		spec := domain.Spec{Recipe: recipe.Recipe{Base: recipe.Base{Registry: u}}}
		diagnostic.AddError(p.diags, "", spec.AgainstRegistry(r).Err())
	}
}

// judgeUpstream refuses what an image of a registry cannot be used with, as far as that is known.
func (p *planner) judgeUpstream(ctx context.Context) {
	base := p.draft.spec.Recipe.Base
	if !base.FromRegistry() || p.draft.gaps.base || p.draft.gaps.source {
		return
	}
	if !p.judged && !p.session.ChangesRegistry(base.Registry.RegistryID) {
		p.judgeRegistry(ctx, base.Registry)
	}
	if group := p.draft.group(); !group.IsUnknown() {
		if g, err := p.session.Group(ctx, group.ValueString()); err == nil { // else JudgeGroup says what is wrong with it
			diagnostic.AddError(p.diags, "", domain.AdmitVPC("test.resource_group_id", base, g).Err())
		}
	}
}

// newer warns of what the planned base is not any more: the newest official image, or what its tag stands for. When the registry cannot
// say it, that is the warning.
func (p *planner) newer(ctx context.Context) {
	base := p.draft.spec.Recipe.Base
	if p.snapshot == nil || !base.Resolved() || p.draft.gaps.base || p.draft.gaps.version || p.draft.gaps.source {
		return
	}
	if !base.FromRegistry() {
		diagnostic.AddWarning(p.diags, "", official.Update(p.snapshot.Official, base.Official, base.Version).Err())
		return
	}
	u := base.Registry
	if p.session.ChangesRegistry(u.RegistryID) {
		return
	}
	digest, err := p.session.Resolve(ctx, followed(u))
	switch {
	case err == nil && digest == u.Digest:
		return
	case err == nil:
		diagnostic.AddWarning(p.diags, "", u.Moved(digest).Err())
	case !problem.Has(err, problem.ManifestUnknown):
		diagnostic.AddWarning(p.diags, "", err)
		return
	case u.Tag != "":
		diagnostic.AddWarning(p.diags, "", err)
	}
	if _, err := p.session.Resolve(ctx, u); problem.Has(err, problem.ManifestUnknown) {
		diagnostic.AddWarning(p.diags, "", u.Gone())
	}
}

// followed is the source as it is asked for anew: its tag, when it has one.
func followed(u recipe.Upstream) recipe.Upstream {
	if u.Tag != "" {
		u.Digest = ""
	}
	return u
}

// superseded says whether there is something newer than the planned base; unknown when nobody can say it.
func (p *planner) superseded(ctx context.Context) types.Bool {
	base := p.draft.spec.Recipe.Base
	switch {
	case p.snapshot == nil || !base.Resolved() || p.draft.gaps.version:
		return types.BoolUnknown()
	case base.FromRegistry():
		return moved(ctx, p.session, base.Registry, types.BoolUnknown())
	}
	_, newer := official.Superseded(p.snapshot.Official, base.Official, base.Version)
	return types.BoolValue(newer)
}

// moved says whether the tag of a source stands for another image by now; otherwise when the registry does not say it.
func moved(ctx context.Context, s *session.Session, u recipe.Upstream, otherwise types.Bool) types.Bool {
	if u.Tag == "" {
		return types.BoolValue(false)
	}
	if s.ChangesRegistry(u.RegistryID) {
		return otherwise
	}
	digest, err := s.Resolve(ctx, followed(u))
	if err != nil {
		return otherwise
	}
	return types.BoolValue(digest != u.Digest)
}

// superseded says whether there is something newer than the base; what was known before when nobody can say it.
func (r *imageResource) superseded(ctx context.Context, img domain.Image, before types.Bool) types.Bool {
	base := img.Spec.Recipe.Base
	if base.FromRegistry() {
		return moved(ctx, r.Session, base.Registry, before)
	}
	snapshot, err := r.Session.Snapshot(ctx)
	if err != nil {
		return before
	}
	_, newer := official.Superseded(snapshot.Official, base.Official, base.Version)
	return types.BoolValue(newer)
}

// settleBase resolves a base that the plan has left open, and gives the specification.
func (r *imageResource) settleBase(ctx context.Context, plan *model) (draft, diag.Diagnostics) {
	d, diags := plan.draft(ctx)
	if !d.gaps.version || diags.HasError() {
		return d, diags
	}
	base := &d.spec.Recipe.Base
	doing := "find the official image " + base.Official
	if base.FromRegistry() {
		doing = "find the image " + base.Registry.Repository + ":" + base.Registry.Tag
	}
	if err := r.settle(ctx, base); err != nil {
		r.Session.AddError(&diags, doing, err)
		return d, diags
	}
	d.gaps.version = false
	plan.Source = sourceObject(ctx, *base, &diags)
	return d, diags
}

func (r *imageResource) settle(ctx context.Context, base *recipe.Base) error {
	if base.FromRegistry() {
		digest, err := r.Session.Resolve(ctx, base.Registry)
		base.Registry.Digest = digest
		return err
	}
	snapshot, err := r.Session.Snapshot(ctx)
	if err != nil {
		return err
	}
	entry, err := official.Resolve(snapshot.Official, base.Official, "")
	base.Version = entry.Version
	return err
}
