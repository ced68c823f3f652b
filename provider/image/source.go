package image

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/provider/diagnostic"
)

// source reads what an image is based on.
func (d *draft) source(ctx context.Context, object types.Object) diag.Diagnostics {
	var source sourceModel
	var official officialModel
	var upstream registryModel
	diags := object.As(ctx, &source, lenient)
	diags.Append(source.Official.As(ctx, &official, lenient)...)
	diags.Append(source.Registry.As(ctx, &upstream, lenient)...)
	for _, part := range []types.Object{source.Official, source.Registry} {
		d.gaps.source = d.gaps.source || part.IsUnknown()
		if !object.IsNull() && !object.IsUnknown() && !part.IsNull() && !part.IsUnknown() {
			d.sources++
		}
	}
	if d.gaps.source = d.gaps.source || object.IsUnknown(); d.gaps.source {
		d.sources = max(d.sources, 1)
	}
	d.notEmpty("source.official.version", official.Version, "a version of the catalogue, as YYYYMMDD", "for the newest one")
	d.spec.Recipe.Base = recipe.Base{Official: official.Image.ValueString(), Version: official.Version.ValueString()}
	d.gaps.base, d.gaps.version = official.Image.IsUnknown(), official.Version.IsUnknown()
	if !source.Registry.IsNull() && !source.Registry.IsUnknown() {
		d.upstream(upstream)
	}
	return diags
}

// upstream reads an image of a registry. A text stands for each part that is not known.
func (d *draft) upstream(m registryModel) {
	u := recipe.Upstream{Digest: m.Digest.ValueString()}
	for _, part := range []struct {
		from types.String
		to   *string
	}{
		{m.RegistryID, &u.RegistryID},
		{m.NetworkID, &u.NetworkID},
		{m.Repository, &u.Repository},
		{m.Tag, &u.Tag},
		{m.StartCommand, &u.StartCommand},
	} {
		*part.to = part.from.ValueString()
		if part.from.IsUnknown() {
			*part.to, d.gaps.base = "unknown", true
		}
	}
	d.notEmpty(recipe.FieldRegistry+".tag", m.Tag, "a tag of the repository", "and name a digest")
	d.notEmpty(recipe.FieldRegistry+".digest", m.Digest, "sha256: and 64 hexadecimal digits", "and name a tag")
	d.notEmpty(recipe.FieldStartCommand, m.StartCommand, "a program of the image, and words", "for what the task type takes")
	if !m.Tag.IsNull() && !m.Digest.IsNull() && !m.Tag.IsUnknown() && !m.Digest.IsUnknown() {
		d.refused = append(d.refused, problem.Problem{
			Code: problem.ConflictingAttribute, Field: recipe.FieldRegistry + ".digest", Value: "digest", Limit: "tag or digest",
			Detail: "a tag is resolved to a digest, which then stays", Remedy: "Remove one of the two.",
		})
	}
	if d.gaps.version = d.gaps.version || m.Digest.IsUnknown(); m.Digest.IsUnknown() && u.Tag == "" {
		u.Tag = "unknown"
	}
	d.spec.Recipe.Base.Registry = u
}

// notEmpty refuses an empty text in place of none: what that would mean, the remedy says.
func (d *draft) notEmpty(field string, value types.String, limit, meaning string) {
	if value.IsNull() || value.IsUnknown() || value.ValueString() != "" {
		return
	}
	d.refused = append(d.refused, problem.Problem{
		Code: problem.InvalidParameter, Field: field, Value: `""`, Limit: limit, Remedy: "Remove it, or set it to null, " + meaning + ".",
	})
}

// base reads the source alone.
func (m model) base(ctx context.Context, diags *diag.Diagnostics) draft {
	var d draft
	diags.Append(d.source(ctx, m.Source)...)
	return d
}

// sourceObject maps what an image is based on.
func sourceObject(ctx context.Context, base recipe.Base, diags *diag.Diagnostics) types.Object {
	m := sourceModel{Official: types.ObjectNull(officialTypes), Registry: types.ObjectNull(registryTypes)}
	var found diag.Diagnostics
	if base.FromRegistry() {
		u := base.Registry
		m.Registry, found = types.ObjectValueFrom(ctx, registryTypes, registryModel{
			RegistryID: types.StringValue(u.RegistryID), NetworkID: types.StringValue(u.NetworkID), Repository: types.StringValue(u.Repository),
			Tag: textOrNull(u.Tag), Digest: textOrNull(u.Digest), StartCommand: textOrNull(u.StartCommand),
		})
	} else {
		m.Official, found = types.ObjectValueFrom(ctx, officialTypes, officialModel{
			Image: types.StringValue(base.Official), Version: types.StringValue(base.Version),
		})
	}
	diags.Append(found...)
	outer, found := types.ObjectValueFrom(ctx, sourceTypes, m)
	diags.Append(found...)
	return outer
}

// open leaves the version of a known official image, or the digest of a known image of a registry, unknown.
func open(ctx context.Context, source types.Object, diags *diag.Diagnostics) types.Object {
	var outer sourceModel
	diags.Append(source.As(ctx, &outer, lenient)...)
	if source.IsNull() || source.IsUnknown() {
		return source
	}
	var found diag.Diagnostics
	switch {
	case !outer.Official.IsNull() && !outer.Official.IsUnknown():
		var inner officialModel
		diags.Append(outer.Official.As(ctx, &inner, lenient)...)
		inner.Version = types.StringUnknown()
		outer.Official, found = types.ObjectValueFrom(ctx, officialTypes, inner)
	case !outer.Registry.IsNull() && !outer.Registry.IsUnknown():
		var inner registryModel
		diags.Append(outer.Registry.As(ctx, &inner, lenient)...)
		if !inner.Tag.IsNull() || inner.Digest.IsNull() {
			inner.Digest = types.StringUnknown()
		}
		outer.Registry, found = types.ObjectValueFrom(ctx, registryTypes, inner)
	default:
		return source
	}
	diags.Append(found...)
	wrapped, found := types.ObjectValueFrom(ctx, sourceTypes, outer)
	diags.Append(found...)
	return wrapped
}

// resolve decides on the version of the official image, or on the digest of a registry's. One that was resolved before stays until the
// image is another.
func (p *planner) resolve(ctx context.Context) {
	configured := p.config.base(ctx, p.diags)
	if configured.gaps.source || configured.gaps.base || configured.gaps.version {
		p.plan.Source = open(ctx, p.plan.Source, p.diags)
		return
	}
	base, kept := configured.spec.Recipe.Base, false
	if p.state != nil {
		base, kept = base.Keep(p.state.base(ctx, p.diags).spec.Recipe.Base)
	}
	switch {
	case base.FromRegistry() && !kept:
		p.resolveUpstream(ctx, &base)
	case !base.FromRegistry() && p.snapshot != nil:
		p.resolveOfficial(&base, kept)
	}
	if !base.Resolved() {
		p.plan.Source = open(ctx, p.plan.Source, p.diags)
		return
	}
	p.plan.Source = sourceObject(ctx, base, p.diags)
}

func (p *planner) resolveOfficial(base *recipe.Base, kept bool) {
	entry, err := official.Resolve(p.snapshot.Official, base.Official, base.Version)
	switch {
	case err == nil:
		p.base, base.Version = &entry, entry.Version
	case kept:
		p.gone = err
	default:
		diagnostic.AddError(p.diags, "", err)
	}
}
