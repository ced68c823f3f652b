package image

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	framework "github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/provider/datasource"
	"github.com/kilnhq/kiln/provider/session"
)

// NewDataSource makes the data source kiln_custom_image.
func NewDataSource() framework.DataSource {
	return datasource.New(datasource.Kind[foundModel]{
		Type: "custom_image", Schema: oneAttributes(), Read: one,
		Doing: func(m foundModel) string { return "read image " + m.ID.ValueString() + m.Name.ValueString() },
	})
}

type foundModel struct {
	found
	Containerfile types.String   `tfsdk:"containerfile"`
	Versions      []versionModel `tfsdk:"versions"`
}

type versionModel struct {
	Number    int64        `tfsdk:"number"`
	InputHash string       `tfsdk:"input_hash"`
	Stage     string       `tfsdk:"stage"`
	ProcessID types.String `tfsdk:"process_id"`
	SizeBytes types.Int64  `tfsdk:"size_bytes"`
	CreatedAt types.String `tfsdk:"created_at"`
	TestedAt  types.String `tfsdk:"tested_at"`
}

func oneAttributes() schema.Schema {
	attributes := foundAttributes()
	attributes["id"] = schema.StringAttribute{
		Optional: true, Computed: true, MarkdownDescription: "The id of the image. Either this or `name`.",
		Validators: []validator.String{stringvalidator.ExactlyOneOf(path.MatchRoot("id"), path.MatchRoot("name"))},
	}
	attributes["name"] = schema.StringAttribute{
		Optional: true, Computed: true, MarkdownDescription: "The name of the image, in the provider's region. Either this or `id`.",
	}
	attributes["containerfile"] = schema.StringAttribute{Computed: true, MarkdownDescription: "What the current version is built from."}
	attributes["versions"] = schema.ListNestedAttribute{
		Computed:            true,
		MarkdownDescription: "All versions, the oldest first. To go back to one, say its recipe again: what was published before is neither built nor tested.",
		NestedObject:        schema.NestedAttributeObject{Attributes: versionAttributes()},
	}
	return schema.Schema{
		MarkdownDescription: "A custom image that is there already, with its history.", Attributes: attributes,
	}
}

func versionAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"number":     schema.Int64Attribute{Computed: true, MarkdownDescription: "The number, from 1."},
		"input_hash": text("The hash of the recipe, as `sha256:HEX`."),
		"stage":      text("Where the version stands: `" + stageNames() + "`."),
		"process_id": text("The process of its latest test; null when there was none."),
		"size_bytes": schema.Int64Attribute{Computed: true, MarkdownDescription: "The size in bytes, known after its test."},
		"created_at": text("When it was made, as RFC 3339."),
		"tested_at":  text("When it was tested, as RFC 3339; null while it was not."),
	}
}

// one asks the daemon for the image and its versions.
func one(ctx context.Context, s *session.Session, m foundModel) (foundModel, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return m, err
	}
	img, err := c.Image(ctx, m.ID.ValueString()+m.Name.ValueString(), s.Region())
	if err != nil {
		return m, err
	}
	versions, err := c.ImageVersions(ctx, img.ID)
	m = foundModel{found: toFound(img), Containerfile: types.StringValue(img.Containerfile), Versions: make([]versionModel, len(versions))}
	for i, v := range versions {
		m.Versions[i] = versionModel{
			Number: int64(v.Number), InputHash: v.InputHash, Stage: string(v.Stage.Public()), ProcessID: textOrNull(v.ProcessID),
			SizeBytes: numberOrNull(v.SizeBytes), CreatedAt: moment(v.CreatedAt), TestedAt: moment(v.TestedAt),
		}
	}
	return m, err
}

func moment(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}
