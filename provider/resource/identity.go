package resource

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// IdentitySchema describes the identity, by which Terraform from 1.12 on knows and imports a resource: the daemon's id, which
// never changes and means one thing in every region.
func (b *Base) IdentitySchema(_ context.Context, _ framework.IdentitySchemaRequest, resp *framework.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"id": identityschema.StringAttribute{RequiredForImport: true, Description: "The id of the " + b.Noun + " that the daemon gave."},
	}}
}

// Identify takes the identity from a state that has an id. Older clients, and direct calls, have no identity.
func Identify(ctx context.Context, state tfsdk.State, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	if identity == nil || state.Raw.IsNull() {
		return
	}
	var id types.String
	diags.Append(state.GetAttribute(ctx, path.Root("id"), &id)...)
	if !id.IsNull() && !id.IsUnknown() {
		diags.Append(identity.SetAttribute(ctx, path.Root("id"), id)...)
	}
}

// ImportID is what a user wants to import: the id or name of an import, or the id of an identity.
func ImportID(ctx context.Context, req framework.ImportStateRequest, diags *diag.Diagnostics) string {
	if req.ID != "" || req.Identity == nil {
		return req.ID
	}
	var id types.String
	diags.Append(req.Identity.GetAttribute(ctx, path.Root("id"), &id)...)
	return id.ValueString()
}
