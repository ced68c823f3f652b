package image

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
)

// packages gives what the state says of resolved packages; a nil state says nothing.
func (m *model) packages(ctx context.Context) []official.Package {
	if m == nil {
		return nil
	}
	found, _, _ := objects[resolvedModel](ctx, m.ResolvedPackages) // what cannot be read is not known
	list := make([]official.Package, len(found))
	for i, p := range found {
		list[i] = official.Package{
			Manager: p.Manager.ValueString(), Interpreter: p.Interpreter.ValueString(), Name: p.Name.ValueString(),
			Version: p.Version.ValueString(), Base: p.BaseVersion.ValueString(),
		}
	}
	return list
}

// packageChanges plans what the new recipe changes of the packages that the last one named. It stays until there is another.
func (p *planner) packageChanges(ctx context.Context) {
	switch {
	case p.state == nil:
		p.plan.PackageChanges = types.ListNull(types.StringType)
	case p.plan.InputHash.Equal(p.state.InputHash):
		p.plan.PackageChanges = p.state.PackageChanges
	case p.draft.gaps.packages:
		p.plan.PackageChanges = types.ListUnknown(types.StringType)
	default:
		before, found := p.state.draft(ctx)
		p.diags.Append(found...)
		changes := lock.PinChanges(before.spec.Recipe.Packages, p.draft.spec.Recipe.Packages, p.state.packages(ctx))
		list, found := types.ListValueFrom(ctx, types.StringType, changes)
		p.diags.Append(found...)
		p.plan.PackageChanges = list
	}
}
