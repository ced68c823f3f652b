// Package resourcegroup is the resource kiln_resource_group. It must not know
// how the daemon keeps resource groups.
package resourcegroup

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/name"
	domain "github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

var (
	_ resource.ResourceWithConfigure      = (*groupResource)(nil)
	_ resource.ResourceWithValidateConfig = (*groupResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*groupResource)(nil)
	_ resource.ResourceWithImportState    = (*groupResource)(nil)
)

// NewResource makes the resource kiln_resource_group.
func NewResource() resource.Resource { return &groupResource{} }

type groupResource struct {
	session *session.Session
}

// defaultZone is the time zone of a group that names none.
const defaultZone = "UTC"

type model struct {
	ID        types.String  `tfsdk:"id"`
	Region    types.String  `tfsdk:"region"`
	Name      types.String  `tfsdk:"name"`
	Type      types.String  `tfsdk:"type"`
	NetworkID types.String  `tfsdk:"network_id"`
	CU        types.Float64 `tfsdk:"cu"`
	TimeZone  types.String  `tfsdk:"time_zone"`
	Status    types.String  `tfsdk:"status"`
}

// Metadata names the resource.
func (r *groupResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_resource_group"
}

// Schema describes the attributes.
func (r *groupResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A resource group is where work runs: a capacity, exactly one network and a time zone. " +
			"Only groups of the type `serverless` may use images.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The id that the daemon gave.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"region": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The region: the provider's `region`, or else the daemon's default. Another one replaces the resource group.",
			},
			"name": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "The name, unique among your resource groups of the region: a letter, then letters, digits, `_` and `-`, at most " +
					strconv.Itoa(name.MaxLength) + " characters. It can be changed in place.",
			},
			"type": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(string(domain.TypeServerless)),
				MarkdownDescription: "The type: `" + strings.Join(typeNames(), "`, `") + "`. Default: `" + string(domain.TypeServerless) +
					"`. Another one replaces the resource group.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"network_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The id of the network, which says what steps may reach.",
			},
			"cu": schema.Float64Attribute{
				Required: true,
				MarkdownDescription: fmt.Sprintf("The capacity in CU, %g to %g in steps of %g. 1 CU is 1 vCPU and 4 GiB of memory.",
					domain.MinCU, domain.MaxCU, domain.StepCU),
			},
			"time_zone": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(defaultZone),
				MarkdownDescription: "The time zone of what runs in the group: a name of the IANA database such as `Asia/Shanghai`. Default: `" +
					defaultZone + "`.",
			},
			"status": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Whether the group accepts work: `" + string(domain.StatusNormal) + "`.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
		},
	}
}

// Configure takes the session over from the provider.
func (r *groupResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = session.From(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig judges what is known of the configuration.
func (r *groupResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config model
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	diagnostic.AddError(&resp.Diagnostics, "", config.known().Validate().Err())
}

// ModifyPlan plans the region, refuses a network that is not there, and tells the session what becomes of a group that images of the same plan may use.
func (r *groupResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() || r.session == nil {
		return
	}
	r.session.PlanRegion(ctx, req, resp)
	var plan, state model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.NetworkID.Equal(state.NetworkID) {
		r.session.JudgeReference(ctx, session.Reference{At: "network_id", ID: plan.NetworkID, Get: func(c *client.Client, id string) (string, error) {
			n, err := c.Network(ctx, id, "")
			return n.ID, err
		}}, &resp.Diagnostics)
	}
	if req.State.Raw.IsNull() || plan.ID.IsUnknown() {
		return
	}
	planned := plan.known()
	planned.ID = plan.ID.ValueString()
	if plan.CU.IsUnknown() {
		planned.CU = domain.MaxCU // the plan refuses only what is certain
	}
	r.session.PlanGroup(planned)
}

// Create creates the resource group.
func (r *groupResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	doing := "create resource group " + strconv.Quote(plan.Name.ValueString())
	c, err := r.session.Client(ctx)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	defer r.session.Writing()()
	created, err := c.CreateResourceGroup(ctx, uuid.NewString(), plan.domain())
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(created))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, created.Generation)...)
}

// Read reads the resource group; one that is gone leaves the state.
func (r *groupResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
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
		r.session.AddPlanError(&resp.Diagnostics, "read resource group "+state.ID.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(read))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, read.Generation)...)
}

// Update changes the resource group in place.
func (r *groupResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	generation := session.Generation(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	doing := "update resource group " + strconv.Quote(plan.Name.ValueString())
	c, err := r.session.Client(ctx)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	defer r.session.Writing()()
	wanted := plan.domain()
	wanted.ID, wanted.Generation = plan.ID.ValueString(), generation
	updated, err := c.UpdateResourceGroup(ctx, wanted)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(updated))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, updated.Generation)...)
}

// Delete deletes the resource group; one that is gone already is no error.
func (r *groupResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var id types.String
	if resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...); resp.Diagnostics.HasError() {
		return
	}
	c, err := r.session.Client(ctx)
	if err == nil {
		defer r.session.Writing()()
		err = c.DeleteResourceGroup(ctx, id.ValueString())
	}
	if err != nil && !session.IsNotFound(err) {
		r.session.AddError(&resp.Diagnostics, "delete resource group "+id.ValueString(), err)
	}
}

// ImportState takes over a resource group by its id or its name.
func (r *groupResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	found, err := r.get(ctx, req.ID, r.session.Region())
	if err != nil {
		r.session.AddError(&resp.Diagnostics, "import resource group "+strconv.Quote(req.ID), err)
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), found.ID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("region"), found.Region)...)
}

func (r *groupResource) get(ctx context.Context, id, region string) (domain.ResourceGroup, error) {
	c, err := r.session.Client(ctx)
	if err != nil {
		return domain.ResourceGroup{}, err
	}
	return c.ResourceGroup(ctx, id, region)
}

func (m model) domain() domain.ResourceGroup {
	return domain.ResourceGroup{
		Region: m.Region.ValueString(), Name: m.Name.ValueString(), Type: domain.Type(m.Type.ValueString()),
		NetworkID: m.NetworkID.ValueString(), CU: m.CU.ValueFloat64(), TimeZone: m.TimeZone.ValueString(),
	}
}

// known is the configuration with something harmless in place of what is not known yet, and with the defaults.
func (m model) known() domain.ResourceGroup {
	g := m.domain()
	if m.Name.IsUnknown() {
		g.Name = "unknown"
	}
	if m.CU.IsUnknown() {
		g.CU = domain.DefaultCU
	}
	if m.Type.IsNull() || m.Type.IsUnknown() {
		g.Type = domain.TypeServerless
	}
	if m.TimeZone.IsNull() || m.TimeZone.IsUnknown() {
		g.TimeZone = defaultZone
	}
	return g
}

func toModel(g domain.ResourceGroup) model {
	return model{
		ID: types.StringValue(g.ID), Region: types.StringValue(g.Region), Name: types.StringValue(g.Name),
		Type: types.StringValue(string(g.Type)), NetworkID: types.StringValue(g.NetworkID), CU: types.Float64Value(g.CU),
		TimeZone: types.StringValue(g.TimeZone), Status: types.StringValue(string(g.Status)),
	}
}

func typeNames() []string {
	names := make([]string, len(domain.Types))
	for i, t := range domain.Types {
		names[i] = string(t)
	}
	return names
}
