// Package workspace is the resource kiln_workspace. It must not know how the
// daemon keeps workspaces.
package workspace

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/name"
	domain "github.com/kilnhq/kiln/internal/domain/workspace"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

var (
	_ resource.ResourceWithConfigure      = (*workspaceResource)(nil)
	_ resource.ResourceWithValidateConfig = (*workspaceResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*workspaceResource)(nil)
	_ resource.ResourceWithImportState    = (*workspaceResource)(nil)
)

// NewResource makes the resource kiln_workspace.
func NewResource() resource.Resource { return &workspaceResource{} }

type workspaceResource struct {
	session *session.Session
}

type model struct {
	ID          types.String `tfsdk:"id"`
	Region      types.String `tfsdk:"region"`
	Name        types.String `tfsdk:"name"`
	Description types.String `tfsdk:"description"`
}

// Metadata names the resource.
func (r *workspaceResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_workspace"
}

// Schema describes the attributes.
func (r *workspaceResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A workspace: a team's place. Tasks of a workspace may use the images that are bound to it, " +
			"with `kiln_image_workspace_binding`.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The id that the daemon gave.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"region": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The region: the provider's `region`, or else the daemon's default. Another one replaces the workspace.",
			},
			"name": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "The name, unique among your workspaces of the region: a letter, then letters, digits, `_` and `-`, at most " +
					strconv.Itoa(name.MaxLength) + " characters. It can be changed in place.",
			},
			"description": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(""),
				MarkdownDescription: "What the workspace is for, on one line of at most " + strconv.Itoa(name.MaxLength) + " characters. Default: empty.",
			},
		},
	}
}

// Configure takes the session over from the provider.
func (r *workspaceResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = session.From(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig judges what is known of the configuration.
func (r *workspaceResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config model
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	if !config.Name.IsUnknown() {
		diagnostic.AddError(&resp.Diagnostics, "", name.General("name", config.Name.ValueString()).Err())
	}
	diagnostic.AddError(&resp.Diagnostics, "", name.Description("description", config.Description.ValueString()).Err())
}

// ModifyPlan plans the region.
func (r *workspaceResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !req.Plan.Raw.IsNull() && r.session != nil {
		r.session.PlanRegion(ctx, req, resp)
	}
}

// Create creates the workspace.
func (r *workspaceResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	doing := "create workspace " + strconv.Quote(plan.Name.ValueString())
	c, err := r.session.Client(ctx)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	defer r.session.Writing()()
	created, err := c.CreateWorkspace(ctx, uuid.NewString(), plan.domain())
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(created))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, created.Generation)...)
}

// Read reads the workspace; one that is gone leaves the state.
func (r *workspaceResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	read, err := r.get(ctx, state.ID.ValueString(), state.Region.ValueString())
	switch {
	case session.IsNotFound(err):
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		r.session.AddPlanError(&resp.Diagnostics, "read workspace "+state.ID.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(read))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, read.Generation)...)
}

// Update changes the workspace in place.
func (r *workspaceResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	generation := session.Generation(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	doing := "update workspace " + strconv.Quote(plan.Name.ValueString())
	c, err := r.session.Client(ctx)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	defer r.session.Writing()()
	wanted := plan.domain()
	wanted.ID, wanted.Generation = plan.ID.ValueString(), generation
	updated, err := c.UpdateWorkspace(ctx, wanted)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(updated))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, updated.Generation)...)
}

// Delete deletes the workspace; one that is gone already is no error.
func (r *workspaceResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var id types.String
	if resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...); resp.Diagnostics.HasError() {
		return
	}
	c, err := r.session.Client(ctx)
	if err == nil {
		defer r.session.Writing()()
		err = c.DeleteWorkspace(ctx, id.ValueString())
	}
	if err != nil && !session.IsNotFound(err) {
		r.session.AddError(&resp.Diagnostics, "delete workspace "+id.ValueString(), err)
	}
}

// ImportState takes over a workspace by its id or its name.
func (r *workspaceResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	found, err := r.get(ctx, req.ID, r.session.Region())
	if err != nil {
		r.session.AddError(&resp.Diagnostics, "import workspace "+strconv.Quote(req.ID), err)
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), found.ID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("region"), found.Region)...)
}

func (r *workspaceResource) get(ctx context.Context, id, region string) (domain.Workspace, error) {
	c, err := r.session.Client(ctx)
	if err != nil {
		return domain.Workspace{}, err
	}
	return c.Workspace(ctx, id, region)
}

func (m model) domain() domain.Workspace {
	return domain.Workspace{
		Region: m.Region.ValueString(), Name: m.Name.ValueString(), Description: m.Description.ValueString(),
	}
}

func toModel(w domain.Workspace) model {
	return model{
		ID: types.StringValue(w.ID), Region: types.StringValue(w.Region),
		Name: types.StringValue(w.Name), Description: types.StringValue(w.Description),
	}
}
