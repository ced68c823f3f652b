// Package resourcegroup is the resource kiln_resource_group. It must not know
// how the daemon keeps resource groups.
package resourcegroup

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

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

// NewResource makes the resource kiln_resource_group.
func NewResource() framework.Resource {
	return resource.New(resource.Kind[model, domain.ResourceGroup]{
		Type: "resource_group", Noun: "resource group",
		Description: "A resource group is where work runs: a capacity, exactly one network and a time zone. " +
			"Only groups of the type `serverless` may use images.",
		Attributes: attributes(),
		InUse:      problem.ResourceGroupInUse,
		Meta: func(g *domain.ResourceGroup) resource.Meta {
			return resource.Meta{ID: &g.ID, Region: &g.Region, Generation: &g.Generation}
		},
		Model: toModel, Domain: model.domain, Validate: func(m model) problem.List { return m.known().Validate() }, Plan: plan,
		Create: (*client.Client).CreateResourceGroup, Listing: session.ResourceGroups(),
		Update: (*client.Client).UpdateResourceGroup, Delete: (*client.Client).DeleteResourceGroup,
	})
}

func attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
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
	}
}

// plan refuses a network that is not there or of another region, and tells the session what becomes of a group that images of the same plan may use.
func plan(ctx context.Context, p resource.Plan[model], diags *diag.Diagnostics) {
	if !p.Planned.NetworkID.Equal(p.Prior.NetworkID) || !p.Planned.Region.Equal(p.Prior.Region) {
		p.Session.JudgeReference(ctx, session.Reference{
			At: "network_id", ID: p.Planned.NetworkID, Region: p.Session.RegionOf(p.Planned.Region), Find: session.In(session.Networks()),
		}, diags)
	}
	if p.ID.IsUnknown() {
		return
	}
	planned := p.Planned.known()
	planned.ID = p.ID.ValueString()
	if p.Planned.CU.IsUnknown() {
		planned.CU = domain.MaxCU // the plan refuses only what is certain
	}
	planned.Region = p.Prior.Region.ValueString()
	shrinks := planned.CU < p.Prior.CU.ValueFloat64()
	p.Session.PlanGroup(planned, shrinks)
	if shrinks {
		p.Session.JudgeShrinking(ctx, planned, diags)
	}
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

func toModel(g domain.ResourceGroup, _ model) model {
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
