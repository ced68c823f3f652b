// Package provider is Terraform's view of Kiln: the provider's arguments and
// the lists of its resources and data sources. It must not know the protocol
// or anything of the daemon but its client.
package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/binding"
	"github.com/kilnhq/kiln/provider/build"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/image"
	"github.com/kilnhq/kiln/provider/network"
	"github.com/kilnhq/kiln/provider/official"
	"github.com/kilnhq/kiln/provider/quota"
	"github.com/kilnhq/kiln/provider/registry"
	"github.com/kilnhq/kiln/provider/resourcegroup"
	"github.com/kilnhq/kiln/provider/session"
	"github.com/kilnhq/kiln/provider/terraform"
	"github.com/kilnhq/kiln/provider/workspace"
)

// Address is where registries list the provider.
const Address = "registry.terraform.io/kilnhq/kiln"

// New makes a constructor of the provider, for the version that users see.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &kiln{version: version} }
}

type kiln struct {
	version string
}

type model struct {
	Endpoint   types.String `tfsdk:"endpoint"`
	Token      types.String `tfsdk:"token"`
	CACert     types.String `tfsdk:"ca_cert"`
	ClientCert types.String `tfsdk:"client_cert"`
	ClientKey  types.String `tfsdk:"client_key"`
	Region     types.String `tfsdk:"region"`
	SkipRemote types.Bool   `tfsdk:"skip_remote_validation"`
}

// Metadata names the provider.
func (p *kiln) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "kiln", p.version
}

// Schema describes the provider's arguments.
func (p *kiln) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Kiln manages the custom images of a data platform as code: a daemon, `kilnd`, builds, tests, publishes, " +
			"binds and persists them, and what it would refuse is refused in `terraform plan`.",
		Attributes: map[string]schema.Attribute{
			"endpoint": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Where the daemon is: `unix:///PATH`, `https://HOST:PORT` or, for a daemon on this machine, `http://HOST:PORT`. " +
					"Default: the environment variable `" + client.EnvEndpoint + "`, then the first of `$XDG_RUNTIME_DIR/kiln/kilnd.sock`, " +
					"`$XDG_STATE_HOME/kiln/kilnd.sock` and `/run/kiln/kilnd.sock` that is there.",
			},
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "The token that is sent with each request over HTTP, for the proxy in front of the daemon. Default: the environment " +
					"variable `" + client.EnvToken + "`.",
			},
			"ca_cert": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "The certificates, in PEM, of the authorities that may have signed the certificate of an `https` endpoint. Default: those " +
					"of the system.",
			},
			"client_cert": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The client's certificate, in PEM, for an `https` endpoint that asks for one. Needs `client_key`.",
			},
			"client_key": schema.StringAttribute{
				Optional: true, Sensitive: true,
				MarkdownDescription: "The key of the client's certificate, in PEM. Needs `client_cert`.",
			},
			"region": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "The region in which resources are looked up by name and created. Default: the daemon's default region.",
			},
			"skip_remote_validation": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Plan without asking the daemon. What it would refuse is then refused in the apply, and what it knows, such as " +
					"the newest version of an official image, is known after apply. Default: `false`.",
			},
		},
	}
}

// Configure makes the session. It asks the daemon once who it is, unless that is not wanted or not yet possible.
func (p *kiln) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config model
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	wanted := session.Config{Region: config.Region.ValueString(), SkipRemote: config.SkipRemote.ValueBool(), Terraform: terraform.Parent()}
	if !config.known() {
		s := session.New(wanted)
		resp.ResourceData, resp.DataSourceData = s, s
		return
	}
	c, err := client.New(client.Config{
		Endpoint: config.Endpoint.ValueString(), Token: config.Token.ValueString(), CACert: config.CACert.ValueString(),
		ClientCert: config.ClientCert.ValueString(), ClientKey: config.ClientKey.ValueString(),
		UserAgent: "terraform-provider-kiln/" + p.version + " terraform/" + req.TerraformVersion,
	})
	if err != nil {
		diagnostic.AddError(&resp.Diagnostics, "configure the provider", err)
		return
	}
	wanted.Client = c
	s := session.New(wanted)
	resp.ResourceData, resp.DataSourceData = s, s
	if wanted.SkipRemote {
		return
	}
	info, err := s.Info(ctx)
	if err == nil {
		err = knownRegion(info, wanted.Region)
	}
	if problem.Has(err, problem.UnknownRegion) {
		diagnostic.AddError(&resp.Diagnostics, "", err)
	} else {
		diagnostic.AddError(&resp.Diagnostics, "connect to the daemon", err)
	}
}

// Resources lists the resources.
func (p *kiln) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		binding.NewResource,
		build.NewResource,
		image.NewResource,
		network.NewResource,
		registry.NewResource,
		resourcegroup.NewResource,
		workspace.NewResource,
	}
}

// DataSources lists the data sources.
func (p *kiln) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		image.NewDataSource,
		image.NewListDataSource,
		official.NewDataSource,
		quota.NewDataSource,
		registry.NewImageDataSource,
		registry.NewRepositoriesDataSource,
		registry.NewTagsDataSource,
	}
}

func (m model) known() bool {
	for _, s := range []types.String{m.Endpoint, m.Token, m.CACert, m.ClientCert, m.ClientKey, m.Region} {
		if s.IsUnknown() {
			return false
		}
	}
	return !m.SkipRemote.IsUnknown()
}

func knownRegion(info system.Info, region string) error {
	names := make([]string, len(info.Regions))
	for i, r := range info.Regions {
		if names[i] = r.Name; r.Name == region {
			return nil
		}
	}
	if region == "" {
		return nil
	}
	return problem.Problem{
		Code: problem.UnknownRegion, Field: "region", Value: region, Limit: strings.Join(names, ", "),
		Remedy: "Choose a region that the daemon has, or add this one to its configuration.",
	}
}
