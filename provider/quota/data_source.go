// Package quota is the data source kiln_quota. It must not know how the daemon
// counts.
package quota

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/session"
)

var _ datasource.DataSourceWithConfigure = (*quotaDataSource)(nil)

// NewDataSource makes the data source kiln_quota.
func NewDataSource() datasource.DataSource { return &quotaDataSource{} }

type quotaDataSource struct {
	session *session.Session
}

type model struct {
	Region           types.String `tfsdk:"region"`
	Edition          types.String `tfsdk:"edition"`
	ImagesUsed       types.Int64  `tfsdk:"images_used"`
	ImagesLimit      types.Int64  `tfsdk:"images_limit"`
	BuildsLimit      types.Int64  `tfsdk:"builds_limit"`
	PersistentBuilds types.Bool   `tfsdk:"persistent_builds"`
}

// Metadata names the data source.
func (d *quotaDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_quota"
}

// Schema describes the attributes.
func (d *quotaDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "What the provider's region may hold, and what it holds already. A plan whose images do not fit together is " +
			"refused by itself; this data source is for seeing it come.",
		Attributes: map[string]schema.Attribute{
			"region": schema.StringAttribute{
				Computed: true, MarkdownDescription: "The region: the provider's `region`, or else the daemon's default.",
			},
			"edition": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The region's edition: `basic`, `standard`, `professional` or `enterprise`.",
			},
			"images_used":  number("The custom images in the region when this was read, of every owner. All versions of one count once."),
			"images_limit": number("How many custom images the region may hold."),
			"builds_limit": number("How many persistent builds run at the same time; more of them queue."),
			"persistent_builds": schema.BoolAttribute{
				Computed: true, MarkdownDescription: "Whether the edition has persistent builds, `kiln_persistent_build`, at all.",
			},
		},
	}
}

// Configure takes the session over from the provider.
func (d *quotaDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.session = session.From(req.ProviderData, &resp.Diagnostics)
}

// Read asks the daemon for its snapshot.
func (d *quotaDataSource) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	shot, err := d.session.Snapshot(ctx)
	if err != nil {
		d.session.AddError(&resp.Diagnostics, "read the quota", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, toModel(shot))...)
}

func toModel(shot system.Snapshot) model {
	limits := domain.LimitsOf(shot.Region.Edition)
	return model{
		Region: types.StringValue(shot.Region.Name), Edition: types.StringValue(string(shot.Region.Edition)),
		ImagesUsed: types.Int64Value(int64(shot.ImagesUsed)), ImagesLimit: types.Int64Value(int64(shot.ImagesLimit)),
		BuildsLimit: types.Int64Value(int64(limits.Builds)), PersistentBuilds: types.BoolValue(limits.PersistentBuild),
	}
}
