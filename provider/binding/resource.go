// Package binding is the resource kiln_image_workspace_binding. It must not
// know how the daemon keeps bindings.
package binding

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

var (
	_ resource.ResourceWithConfigure   = (*bindingResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*bindingResource)(nil)
	_ resource.ResourceWithImportState = (*bindingResource)(nil)
)

// NewResource makes the resource kiln_image_workspace_binding.
func NewResource() resource.Resource { return &bindingResource{} }

type bindingResource struct {
	session *session.Session
}

type model struct {
	ID          types.String `tfsdk:"id"`
	ImageID     types.String `tfsdk:"image_id"`
	WorkspaceID types.String `tfsdk:"workspace_id"`
}

// Metadata names the resource.
func (r *bindingResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_image_workspace_binding"
}

// Schema describes the attributes.
func (r *bindingResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lets the tasks of a workspace use a custom image. It binds the image and not a version: tasks use the " +
			"published version. Only an image that has a published version can be bound.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The ids of the image and the workspace, as `IMAGE/WORKSPACE`.",
			},
			"image_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The id of the custom image. Another one replaces the binding.",
				PlanModifiers:       replace,
			},
			"workspace_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The id of the workspace. Another one replaces the binding.",
				PlanModifiers:       replace,
			},
		},
	}
}

// Configure takes the session over from the provider.
func (r *bindingResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = session.From(req.ProviderData, &resp.Diagnostics)
}

// ModifyPlan plans the id, which follows from the two sides, and refuses what is not there or not published.
func (r *bindingResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	if !plan.ImageID.IsUnknown() && !plan.WorkspaceID.IsUnknown() {
		id := domain.Binding{ImageID: plan.ImageID.ValueString(), WorkspaceID: plan.WorkspaceID.ValueString()}.ID()
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), id)...)
	}
	if !req.State.Raw.IsNull() || r.session == nil || !r.session.Remote() {
		return
	}
	for _, ref := range []session.Reference{
		{At: "image_id", ID: plan.ImageID, Get: func(c *client.Client, id string) (string, error) { i, err := c.Image(ctx, id, ""); return i.ID, err }},
		{At: "workspace_id", ID: plan.WorkspaceID, Get: func(c *client.Client, id string) (string, error) {
			w, err := c.Workspace(ctx, id, "")
			return w.ID, err
		}},
	} {
		r.session.JudgeReference(ctx, ref, &resp.Diagnostics)
	}
	if plan.ImageID.IsUnknown() {
		return
	}
	snapshot, err := r.session.Snapshot(ctx)
	if err != nil {
		r.session.AddPlanError(&resp.Diagnostics, "plan binding", err)
		return
	}
	diagnostic.AddError(&resp.Diagnostics, "", r.session.Unpublished(snapshot, plan.ImageID.ValueString(), 0, "image_id").Err())
}

// Create binds the image to the workspace.
func (r *bindingResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	doing := "bind image " + plan.ImageID.ValueString() + " to workspace " + plan.WorkspaceID.ValueString()
	c, err := r.session.Client(ctx)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	defer r.session.Writing()()
	created, err := c.CreateBinding(ctx, plan.ImageID.ValueString(), plan.WorkspaceID.ValueString())
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(created))...)
}

// Read reads the binding; one that is gone leaves the state.
func (r *bindingResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	read, err := r.get(ctx, state.ImageID.ValueString(), state.WorkspaceID.ValueString())
	switch {
	case session.IsNotFound(err):
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		r.session.AddPlanError(&resp.Diagnostics, "read binding "+state.ID.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(read))...)
}

// Update is never called with a change, since each attribute replaces the binding.
func (r *bindingResource) Update(_ context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.State.Raw = req.Plan.Raw
}

// Delete takes the image away from the workspace; a binding that is gone already is no error.
func (r *bindingResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	c, err := r.session.Client(ctx)
	if err == nil {
		defer r.session.Writing()()
		err = c.DeleteBinding(ctx, state.ImageID.ValueString(), state.WorkspaceID.ValueString())
	}
	if err != nil && !session.IsNotFound(err) {
		r.session.AddError(&resp.Diagnostics, "delete binding "+state.ID.ValueString(), err)
	}
}

// ImportState takes over a binding by IMAGE/WORKSPACE, each an id or a name.
func (r *bindingResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	image, workspace, err := domain.ParseID(req.ID)
	var found domain.Binding
	if err == nil {
		found, err = r.get(ctx, image, workspace)
	}
	if err != nil {
		r.session.AddError(&resp.Diagnostics, "import binding \""+req.ID+"\"", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(found))...)
}

func (r *bindingResource) get(ctx context.Context, imageID, workspaceID string) (domain.Binding, error) {
	c, err := r.session.Client(ctx)
	if err != nil {
		return domain.Binding{}, err
	}
	return c.Binding(ctx, imageID, workspaceID)
}

func toModel(b domain.Binding) model {
	return model{
		ID: types.StringValue(b.ID()), ImageID: types.StringValue(b.ImageID), WorkspaceID: types.StringValue(b.WorkspaceID),
	}
}
