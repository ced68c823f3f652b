// Package quota is the data source kiln_quota. It must not know how the daemon
// counts.
package quota

import (
	"context"

	framework "github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/datasource"
	"github.com/kilnhq/kiln/provider/session"
)

// NewDataSource makes the data source kiln_quota.
func NewDataSource() framework.DataSource {
	return datasource.New(datasource.Kind[model]{
		Type: "quota", Schema: attributes(),
		Doing: func(model) string { return "read the quota" },
		Read: func(ctx context.Context, s *session.Session, _ model) (model, error) {
			shot, err := s.Snapshot(ctx)
			return toModel(shot), err
		},
	})
}

type model struct {
	Region           types.String `tfsdk:"region"`
	Edition          types.String `tfsdk:"edition"`
	ImagesUsed       types.Int64  `tfsdk:"images_used"`
	ImagesLimit      types.Int64  `tfsdk:"images_limit"`
	BuildsLimit      types.Int64  `tfsdk:"builds_limit"`
	PersistentBuilds types.Bool   `tfsdk:"persistent_builds"`
}

func attributes() schema.Schema {
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	return schema.Schema{
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

func toModel(shot system.Snapshot) model {
	limits := domain.LimitsOf(shot.Region.Edition)
	return model{
		Region: types.StringValue(shot.Region.Name), Edition: types.StringValue(string(shot.Region.Edition)),
		ImagesUsed: types.Int64Value(int64(shot.ImagesUsed)), ImagesLimit: types.Int64Value(int64(shot.ImagesLimit)),
		BuildsLimit: types.Int64Value(int64(limits.Builds)), PersistentBuilds: types.BoolValue(limits.PersistentBuild),
	}
}
