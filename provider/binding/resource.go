// Package binding is the resource kiln_image_workspace_binding. It must not
// know how the daemon keeps bindings.
package binding

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

var (
	_ framework.ResourceWithConfigure   = (*bindingResource)(nil)
	_ framework.ResourceWithModifyPlan  = (*bindingResource)(nil)
	_ framework.ResourceWithImportState = (*bindingResource)(nil)
	_ framework.ResourceWithIdentity    = (*bindingResource)(nil)
)

// NewResource makes the resource kiln_image_workspace_binding.
func NewResource() framework.Resource {
	return &bindingResource{resource.Base{Type: "image_workspace_binding", Noun: "binding"}}
}

// generation is what is kept with a binding, which never changes: the plan of a successor is given it.
const generation = 1

type bindingResource struct {
	resource.Base
}

type model struct {
	ID          types.String `tfsdk:"id"`
	ImageID     types.String `tfsdk:"image_id"`
	WorkspaceID types.String `tfsdk:"workspace_id"`
}

// Schema describes the attributes.
func (r *bindingResource) Schema(_ context.Context, _ framework.SchemaRequest, resp *framework.SchemaResponse) {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lets the tasks of a workspace use a custom image. It binds the image and not a version: tasks use the " +
			"published version. Only an image that has a published version can be bound. This version of Kiln has no tasks yet: a binding " +
			"records who may use the image, and keeps both from being deleted.",
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

// ModifyPlan plans the id, which follows from the two sides, and refuses what is not there or not published.
func (r *bindingResource) ModifyPlan(ctx context.Context, req framework.ModifyPlanRequest, resp *framework.ModifyPlanResponse) {
	if r.Session != nil {
		defer r.Session.Busy()()
		r.judgeShare(ctx, req, resp)
	}
	if req.Plan.Raw.IsNull() || resp.Diagnostics.HasError() {
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
	if !req.State.Raw.IsNull() || r.Session == nil || !r.Session.Remote() {
		return
	}
	r.judgeEnds(ctx, plan, &resp.Diagnostics)
	if plan.ImageID.IsUnknown() || resp.Diagnostics.HasError() {
		return
	}
	snapshot, err := r.Session.Snapshot(ctx)
	if err != nil {
		r.Session.AddPlanError(&resp.Diagnostics, "plan binding", err)
		return
	}
	diagnostic.AddError(&resp.Diagnostics, "", r.Session.Unpublished(snapshot, plan.ImageID.ValueString(), 0, "image_id").Err())
	r.judgeTaken(ctx, plan, &resp.Diagnostics)
}

// judgeShare notes the binding that this state has, and refuses two resources for one binding.
func (r *bindingResource) judgeShare(ctx context.Context, req framework.ModifyPlanRequest, resp *framework.ModifyPlanResponse) {
	var state, plan model
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		r.Session.Manage(state.ID.ValueString())
	}
	if req.Plan.Raw.IsNull() {
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	successor := req.State.Raw.IsNull() && session.Generation(ctx, req.Private, &resp.Diagnostics) != 0
	if plan.ImageID.IsUnknown() || plan.WorkspaceID.IsUnknown() || successor || resp.Diagnostics.HasError() {
		return
	}
	id := domain.Binding{ImageID: plan.ImageID.ValueString(), WorkspaceID: plan.WorkspaceID.ValueString()}.ID()
	stays := state.ID.ValueString() == id
	if (stays || req.State.Raw.IsNull()) && !r.Session.Applies(state.ID.ValueString()) {
		diagnostic.AddError(&resp.Diagnostics, "", r.Session.PlanShare(session.Share{
			What: "the binding " + id, Field: "workspace_id", Value: plan.WorkspaceID.ValueString(), Stays: stays,
		}).Err())
	}
}

// judgeTaken refuses to bind what somebody outside of this state has bound: it would be taken from him. Within an apply the same
// creation may be the second half of a replacement that creates first, so where that cannot be excluded this is a warning.
func (r *bindingResource) judgeTaken(ctx context.Context, plan model, diags *diag.Diagnostics) {
	if plan.WorkspaceID.IsUnknown() || r.Session.Applies("") {
		return
	}
	all, err := session.All(ctx, r.Session, session.Bindings(), "")
	if err != nil {
		r.Session.AddPlanError(diags, "plan binding", err)
		return
	}
	id := domain.Binding{ImageID: plan.ImageID.ValueString(), WorkspaceID: plan.WorkspaceID.ValueString()}.ID()
	if there, ok := all[id]; ok {
		r.Session.JudgeTakeover(ctx, id, there.Taken(),
			"It is this resource's own when it is replaced; else it is taken over, and goes when this resource goes", diags)
	}
}

// judgeEnds refuses sides that are not there, or not of one region.
func (r *bindingResource) judgeEnds(ctx context.Context, plan model, diags *diag.Diagnostics) {
	r.Session.JudgeReference(ctx, session.Reference{At: "image_id", ID: plan.ImageID, Find: session.In(session.Images())}, diags)
	r.Session.JudgeReference(ctx, session.Reference{
		At: "workspace_id", ID: plan.WorkspaceID, Region: r.Session.ImageRegion(ctx, plan.ImageID), Find: session.In(session.Workspaces()),
	}, diags)
}

// Create binds the image to the workspace.
func (r *bindingResource) Create(ctx context.Context, req framework.CreateRequest, resp *framework.CreateResponse) {
	defer func() { resource.Identify(ctx, resp.State, resp.Identity, &resp.Diagnostics) }()
	var plan model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	doing := "bind image " + plan.ImageID.ValueString() + " to workspace " + plan.WorkspaceID.ValueString()
	var created domain.Binding
	if r.Write(ctx, doing, &resp.Diagnostics, func(c *client.Client) (err error) {
		_, err = r.Session.Attach(ctx, session.DefaultTimeout, func() (session.Created, error) {
			created, err = c.CreateBinding(ctx, plan.ImageID.ValueString(), plan.WorkspaceID.ValueString())
			return session.Created{ID: created.ID(), Field: "workspace_id", Value: created.WorkspaceID}, err
		})
		return err
	}) {
		resp.Diagnostics.Append(resp.State.Set(ctx, toModel(created))...)
		resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, generation)...)
	}
}

// Read reads the binding; one that is gone leaves the state.
func (r *bindingResource) Read(ctx context.Context, req framework.ReadRequest, resp *framework.ReadResponse) {
	resource.Identify(ctx, req.State, resp.Identity, &resp.Diagnostics)
	var state model
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	id := domain.Binding{ImageID: state.ImageID.ValueString(), WorkspaceID: state.WorkspaceID.ValueString()}.ID()
	r.Session.Manage(id)
	read, ok := resource.Refresh(ctx, &r.Base, id, resp, func() (domain.Binding, error) {
		return session.Find(ctx, r.Session, session.Bindings(), session.Key{ID: id})
	})
	if ok {
		resp.Diagnostics.Append(resp.State.Set(ctx, toModel(read))...)
		resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, generation)...)
	}
}

// Update is never called with a change, since each attribute replaces the binding.
func (r *bindingResource) Update(ctx context.Context, req framework.UpdateRequest, resp *framework.UpdateResponse) {
	resource.Identify(ctx, req.State, resp.Identity, &resp.Diagnostics)
	resp.State.Raw = req.Plan.Raw
}

// Delete takes the image away from the workspace; a binding that is gone already is no error.
func (r *bindingResource) Delete(ctx context.Context, req framework.DeleteRequest, resp *framework.DeleteResponse) {
	r.Remove(ctx, req, resp, func(c *client.Client, id string) error {
		imageID, workspaceID, err := domain.ParseID(id)
		if err != nil {
			return err
		}
		return c.DeleteBinding(ctx, imageID, workspaceID)
	})
}

// ImportState takes over a binding by IMAGE/WORKSPACE, each an id or a name.
func (r *bindingResource) ImportState(ctx context.Context, req framework.ImportStateRequest, resp *framework.ImportStateResponse) {
	found, ok := resource.Import(ctx, &r.Base, req, resp, func(c *client.Client, id string) (domain.Binding, error) {
		return session.Bindings().Get(c, ctx, id, "")
	})
	if ok {
		resp.Diagnostics.Append(resp.State.Set(ctx, toModel(found))...)
		resource.Identify(ctx, resp.State, resp.Identity, &resp.Diagnostics)
	}
}

func toModel(b domain.Binding) model {
	return model{
		ID: types.StringValue(b.ID()), ImageID: types.StringValue(b.ImageID), WorkspaceID: types.StringValue(b.WorkspaceID),
	}
}
