// Package registry is the resource kiln_registry. It must not know how the
// daemon keeps registries, nor where it keeps their passwords.
package registry

import (
	"context"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

// NewResource makes the resource kiln_registry.
func NewResource() framework.Resource {
	return resource.New(resource.Kind[model, domain.Registry]{
		Type: "registry", Noun: "registry",
		Description: "A registry of somebody else: where it is, from which networks it is reached, and who asks. The daemon keeps a password " +
			"encrypted, shows it to nobody, and sends it to this one host and port alone.",
		Attributes: attributes(),
		InUse:      problem.RegistryInUse,
		Meta: func(r *domain.Registry) resource.Meta {
			return resource.Meta{ID: &r.ID, Region: &r.Region, Generation: &r.Generation}
		},
		Model: toModel, Domain: model.domain, Validate: model.validate, Plan: plan, Secret: secret,
		Create: (*client.Client).CreateRegistry, Listing: session.Registries(),
		Update: (*client.Client).UpdateRegistry, Delete: (*client.Client).DeleteRegistry,
	})
}

func attributes() map[string]schema.Attribute {
	all := credential()
	maps.Copy(all, place())
	return all
}

// place says where the registry is and what it may be used for.
func place() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"endpoint": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "Where the registry is, as image references begin: `HOST`, `HOST:PORT`, in lower case; an IPv6 address in brackets. " +
				"One on the daemon's machine is `host.kiln.internal:PORT`. A password serves the endpoint that it was given for: another one needs " +
				"it once more, which the provider sees to.",
		},
		"edition": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "The edition of the instance: `" + join(domain.Editions) + "`. Images come from the `" +
				string(domain.EditionEnterprise) + "` edition only.",
		},
		"spec": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "The specification of an instance of the enterprise edition: `" + join(domain.Specs) + "`. Without it, `" +
				string(domain.SpecBasic) + "`.",
		},
		"network_ids": schema.SetAttribute{
			ElementType: types.StringType, Required: true,
			MarkdownDescription: "The ids of the networks that the registry is bound to, one or more: from no other is it reached.",
		},
		"ca_cert": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "The certificates, in PEM, of the authorities that may have signed the registry's. Without it, those of the daemon's " +
				"machine.",
		},
		"insecure": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether the registry speaks plain HTTP: whoever is on the way can read a password and change an image. Default: `false`.",
		},
	}
}

// credential says who asks.
func credential() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"username": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Who asks. Without a user name and a password, the registry is asked anonymously.",
		},
		"password_wo": schema.StringAttribute{
			Optional: true, WriteOnly: true, Sensitive: true,
			MarkdownDescription: "The password, which neither the plan nor the state has. Needs `password_wo_version`, and Terraform 1.11 or newer.",
		},
		"password_wo_version": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "The version of the password, from 1 on. Terraform does not see that `password_wo` has changed: another number says so.",
		},
		"password_from": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Where the daemon finds the password, in place of `password_wo`: one of the two. It is read anew each time it is needed.",
			Attributes: map[string]schema.Attribute{
				"file": schema.StringAttribute{
					Optional: true,
					MarkdownDescription: "A file below `secrets_dir` of the daemon's configuration, by its path from there. A line end at its end is " +
						"not part of the password.",
				},
				"variable": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: "A variable of the daemon's environment, whose name begins with `" + domain.VariablePrefix + "`.",
				},
			},
		},
		"credentials": schema.StringAttribute{
			Computed: true,
			MarkdownDescription: "What the daemon has to show to the registry: `none`, `stored`, `file`, `variable`, or `unreadable` when the file, the " +
				"variable or the key of stored passwords is gone. The next apply then sends a stored password once more.",
			PlanModifiers: []planmodifier.String{wanted{}},
		},
	}
}

// plan refuses networks that are not there or of another region, and says when the registry is going to be asked otherwise.
func plan(ctx context.Context, p resource.Plan[model], diags *diag.Diagnostics) {
	if !p.ID.IsUnknown() && p.Planned.differs(p.Prior) {
		p.Session.PlanRegistry(p.ID.ValueString())
	}
	if p.Planned.NetworkIDs.Equal(p.Prior.NetworkIDs) && p.Planned.Region.Equal(p.Prior.Region) {
		return
	}
	for _, element := range p.Planned.NetworkIDs.Elements() {
		if id, ok := element.(types.String); ok {
			p.Session.JudgeReference(ctx, session.Reference{
				At: "network_ids", ID: id, Region: p.Session.RegionOf(p.Planned.Region), Find: session.In(session.Networks()),
			}, diags)
		}
	}
}

// wanted plans what the daemon will have, so that what it cannot read any more is a difference.
type wanted struct{}

// Description implements planmodifier.String.
func (wanted) Description(context.Context) string { return "follows from the other arguments" }

// MarkdownDescription implements planmodifier.String.
func (w wanted) MarkdownDescription(ctx context.Context) string { return w.Description(ctx) }

// PlanModifyString implements planmodifier.String.
func (wanted) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	var planned model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &planned)...); resp.Diagnostics.HasError() {
		return
	}
	if planned.PasswordVersion.IsUnknown() || unknownReference(planned.PasswordFrom) {
		resp.PlanValue = types.StringUnknown()
		return
	}
	resp.PlanValue = types.StringValue(string(planned.domain().Credential.Wanted()))
}

func join[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, "`, `")
}
