package resource

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/provider/session"
)

// manage tells the session that the state holds a thing, so that its name may become free.
func (r *declared[M, D]) manage(ctx context.Context, state tfsdk.State) {
	var id types.String
	if !state.Raw.IsNull() && !state.GetAttribute(ctx, path.Root("id"), &id).HasError() {
		r.Session.Manage(id.ValueString())
	}
}

// judgeName refuses the name of a creation, or another name, when it is taken, and notes one that stays.
func (r *declared[M, D]) judgeName(ctx context.Context, req framework.ModifyPlanRequest, resp *framework.ModifyPlanResponse) {
	var n session.Naming
	resp.Diagnostics.Append(resp.Plan.GetAttribute(ctx, path.Root("region"), &n.Region)...)
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &n.Name)...)
	if req.State.Raw.IsNull() {
		n.Successor = session.Generation(ctx, req.Private, &resp.Diagnostics) != 0 // Terraform hands over what it kept with the first half
	} else {
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &n.ID)...)
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("name"), &n.Prior)...)
	}
	if !resp.Diagnostics.HasError() {
		session.JudgeName(ctx, r.Session, r.kind.Listing, n, &resp.Diagnostics)
	}
}
