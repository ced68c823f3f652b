// Package network is the resource kiln_network. It must not know how the
// daemon keeps networks.
package network

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

type model struct {
	ID     types.String `tfsdk:"id"`
	Region types.String `tfsdk:"region"`
	Name   types.String `tfsdk:"name"`
	Egress types.String `tfsdk:"egress"`
	Allow  types.List   `tfsdk:"allow"`
}

// NewResource makes the resource kiln_network.
func NewResource() framework.Resource {
	return resource.New(resource.Kind[model, domain.Network]{
		Type: "network", Noun: "network",
		Description: "A network stands in for a VPC: it says what the steps that run in its resource groups may reach.",
		Attributes: map[string]schema.Attribute{
			"egress": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "What may be reached: `" + strings.Join(egresses(), "`, `") + "`. With `none` there is nothing but " +
					"loopback; with `restricted` only what `allow` lists; with `public` everything but the machine itself and private addresses.",
			},
			"allow": schema.ListAttribute{
				ElementType: types.StringType,
				Optional:    true,
				MarkdownDescription: "With `restricted`, what may be reached: `HOST`, `HOST:PORT`, `CIDR` or `CIDR:PORT`, an IPv6 range in " +
					"brackets before a port. Without a port, every port. `host.kiln.internal:PORT` is one port of the machine that the daemon runs " +
					"on; nothing else opens its loopback.",
			},
		},
		InUse: problem.NetworkInUse,
		Meta: func(n *domain.Network) resource.Meta {
			return resource.Meta{ID: &n.ID, Region: &n.Region, Generation: &n.Generation}
		},
		Model: toModel, Domain: model.domain, Validate: func(m model) problem.List { return m.known().Validate() }, Plan: plan,
		Create: (*client.Client).CreateNetwork, Listing: session.Networks(),
		Update: (*client.Client).UpdateNetwork, Delete: (*client.Client).DeleteNetwork,
	})
}

// plan tells the session what becomes of a network that images of the same plan may use.
func plan(_ context.Context, p resource.Plan[model], _ *diag.Diagnostics) {
	if p.ID.IsUnknown() {
		return
	}
	planned := p.Planned.domain()
	planned.ID = p.ID.ValueString()
	for _, element := range p.Planned.Allow.Elements() {
		if element.IsUnknown() {
			planned.Egress = ""
		}
	}
	if p.Planned.Allow.IsUnknown() {
		planned.Egress = ""
	}
	p.Session.PlanNetwork(planned)
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
func toModel(n domain.Network, prior model) model {
	allow := make([]attr.Value, len(n.Allow))
	for i, entry := range n.Allow {
		allow[i] = types.StringValue(entry)
	}
	m := model{
		ID: types.StringValue(n.ID), Region: types.StringValue(n.Region), Name: types.StringValue(n.Name),
		Egress: types.StringValue(string(n.Egress)), Allow: types.ListValueMust(types.StringType, allow),
	}
	if len(allow) == 0 && prior.Allow.IsNull() {
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
