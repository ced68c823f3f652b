// Package network is the resource kiln_network. It must not know how the
// daemon keeps networks.
package network

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/name"
	domain "github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

var (
	_ resource.ResourceWithConfigure      = (*networkResource)(nil)
	_ resource.ResourceWithValidateConfig = (*networkResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*networkResource)(nil)
	_ resource.ResourceWithImportState    = (*networkResource)(nil)
)

// NewResource makes the resource kiln_network.
func NewResource() resource.Resource { return &networkResource{} }

type networkResource struct {
	session *session.Session
}

type model struct {
	ID     types.String `tfsdk:"id"`
	Region types.String `tfsdk:"region"`
	Name   types.String `tfsdk:"name"`
	Egress types.String `tfsdk:"egress"`
	Allow  types.List   `tfsdk:"allow"`
}

// Metadata names the resource.
func (r *networkResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_network"
}

// Schema describes the attributes.
func (r *networkResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A network stands in for a VPC: it says what the steps that run in its resource groups may reach.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The id that the daemon gave.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"region": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The region: the provider's `region`, or else the daemon's default. Another one replaces the network.",
			},
			"name": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "The name, unique among your networks of the region: a letter, then letters, digits, `_` and `-`, at most " +
					strconv.Itoa(name.MaxLength) + " characters. It can be changed in place.",
			},
			"egress": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "What may be reached: `" + strings.Join(egresses(), "`, `") + "`. With `none` there is nothing but " +
					"loopback; with `restricted` only what `allow` lists; with `public` everything but the machine itself and private addresses.",
			},
			"allow": schema.ListAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "With `restricted`, what may be reached: `HOST`, `HOST:PORT`, `CIDR` or `CIDR:PORT`, an IPv6 range in " +
					"brackets before a port. Without a port, every port. `host.kiln.internal` is the machine that the daemon runs on.",
			},
		},
	}
}

// Configure takes the session over from the provider.
func (r *networkResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.session = session.From(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig judges what is known of the configuration.
func (r *networkResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config model
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	diagnostic.AddError(&resp.Diagnostics, "", config.known().Validate().Err())
}

// ModifyPlan plans the region.
func (r *networkResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !req.Plan.Raw.IsNull() && r.session != nil {
		r.session.PlanRegion(ctx, req, resp)
	}
}

// Create creates the network.
func (r *networkResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	doing := "create network " + strconv.Quote(plan.Name.ValueString())
	c, err := r.session.Client(ctx)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	defer r.session.Writing()()
	created, err := c.CreateNetwork(ctx, uuid.NewString(), plan.domain())
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(created, plan.Allow))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, created.Generation)...)
}

// Read reads the network; one that is gone leaves the state.
func (r *networkResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
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
		r.session.AddPlanError(&resp.Diagnostics, "read network "+state.ID.ValueString(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(read, state.Allow))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, read.Generation)...)
}

// Update changes the network in place.
func (r *networkResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	generation := session.Generation(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	doing := "update network " + strconv.Quote(plan.Name.ValueString())
	c, err := r.session.Client(ctx)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	defer r.session.Writing()()
	wanted := plan.domain()
	wanted.ID, wanted.Generation = plan.ID.ValueString(), generation
	updated, err := c.UpdateNetwork(ctx, wanted)
	if err != nil {
		r.session.AddError(&resp.Diagnostics, doing, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(updated, plan.Allow))...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, updated.Generation)...)
}

// Delete deletes the network; one that is gone already is no error.
func (r *networkResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var id types.String
	if resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...); resp.Diagnostics.HasError() {
		return
	}
	c, err := r.session.Client(ctx)
	if err == nil {
		defer r.session.Writing()()
		err = c.DeleteNetwork(ctx, id.ValueString())
	}
	if err != nil && !session.IsNotFound(err) {
		r.session.AddError(&resp.Diagnostics, "delete network "+id.ValueString(), err)
	}
}

// ImportState takes over a network by its id or its name.
func (r *networkResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	found, err := r.get(ctx, req.ID, r.session.Region())
	if err != nil {
		r.session.AddError(&resp.Diagnostics, "import network "+strconv.Quote(req.ID), err)
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), found.ID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("region"), found.Region)...)
}

func (r *networkResource) get(ctx context.Context, id, region string) (domain.Network, error) {
	c, err := r.session.Client(ctx)
	if err != nil {
		return domain.Network{}, err
	}
	return c.Network(ctx, id, region)
}

func (m model) domain() domain.Network {
	n := domain.Network{
		Region: m.Region.ValueString(), Name: m.Name.ValueString(), Egress: domain.Egress(m.Egress.ValueString()),
	}
	for _, element := range m.Allow.Elements() {
		if entry, ok := element.(types.String); ok {
			n.Allow = append(n.Allow, entry.ValueString())
		}
	}
	return n
}

// known is the configuration with something harmless in place of what is not known yet.
func (m model) known() domain.Network {
	n := m.domain()
	if m.Name.IsUnknown() {
		n.Name = "unknown"
	}
	for i, element := range m.Allow.Elements() {
		if element.IsUnknown() {
			n.Allow[i] = "unknown.invalid"
		}
	}
	switch {
	case !m.Egress.IsUnknown():
	case len(n.Allow) > 0:
		n.Egress = domain.EgressRestricted
	default:
		n.Egress = domain.EgressNone
	}
	return n
}

// toModel maps a network. An empty allow-list stays as it was written, missing or empty.
func toModel(n domain.Network, prior types.List) model {
	allow := make([]attr.Value, len(n.Allow))
	for i, entry := range n.Allow {
		allow[i] = types.StringValue(entry)
	}
	m := model{
		ID: types.StringValue(n.ID), Region: types.StringValue(n.Region), Name: types.StringValue(n.Name),
		Egress: types.StringValue(string(n.Egress)), Allow: types.ListValueMust(types.StringType, allow),
	}
	if len(allow) == 0 && prior.IsNull() {
		m.Allow = types.ListNull(types.StringType)
	}
	return m
}

func egresses() []string {
	names := make([]string, len(domain.Egresses))
	for i, e := range domain.Egresses {
		names[i] = string(e)
	}
	return names
}
