package image

import (
	"context"
	"strings"

	framework "github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/provider/datasource"
	"github.com/kilnhq/kiln/provider/session"
)

// NewListDataSource makes the data source kiln_custom_images.
func NewListDataSource() framework.DataSource {
	return datasource.New(datasource.Kind[imagesModel]{
		Type: "custom_images", Schema: listAttributes(), Read: list,
		Doing: func(imagesModel) string { return "list the custom images" },
	})
}

type imagesModel struct {
	Name         types.String        `tfsdk:"name_contains"`
	Visibilities []domain.Visibility `tfsdk:"visibilities"`
	Stages       []domain.Stage      `tfsdk:"stages"`
	TaskTypes    []tasktype.Type     `tfsdk:"task_types"`
	Workspaces   []string            `tfsdk:"workspace_ids"`
	OrderBy      types.String        `tfsdk:"order_by"`
	Descending   types.Bool          `tfsdk:"descending"`
	Images       []found             `tfsdk:"images"`
}

// found is an image as the data sources show it.
type found struct {
	ID               types.String `tfsdk:"id"`
	Name             types.String `tfsdk:"name"`
	Region           types.String `tfsdk:"region"`
	Description      types.String `tfsdk:"description"`
	Visibility       types.String `tfsdk:"visibility"`
	TaskTypes        []string     `tfsdk:"task_types"`
	OfficialImage    types.String `tfsdk:"official_image"`
	OfficialVersion  types.String `tfsdk:"official_version"`
	Version          types.Int64  `tfsdk:"version"`
	PublishedVersion types.Int64  `tfsdk:"published_version"`
	Stage            types.String `tfsdk:"stage"`
	Status           types.String `tfsdk:"status"`
	InputHash        types.String `tfsdk:"input_hash"`
	SizeBytes        types.Int64  `tfsdk:"size_bytes"`
}

func listAttributes() schema.Schema {
	choice := func(what string, values []string) schema.SetAttribute {
		return schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Only images " + what + ": `" + strings.Join(values, "`, `") + "`. Default: all.",
		}
	}
	return schema.Schema{
		MarkdownDescription: "Your custom images in the provider's region. Where several arguments are given, an image must fit all of them.",
		Attributes: map[string]schema.Attribute{
			"name_contains": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Only images whose name has this in it. Default: all.",
			},
			"visibilities": choice("of one of these visibilities", names(domain.Visibilities)),
			"stages":       choice("whose current version is in one of these stages", names(domain.PublicStages())),
			"task_types":   choice("for at least one of these task types", tasktype.Names(tasktype.Types)),
			"workspace_ids": schema.SetAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Only images that are bound to at least one of these workspaces, by their ids. Default: all.",
			},
			"order_by": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "What `images` are sorted by: `" + strings.Join(names(domain.Orders), "`, `") + "`, which is the time. Default: `" + string(domain.Orders[0]) + "`.",
			},
			"descending": schema.BoolAttribute{
				Optional: true, MarkdownDescription: "Whether the last one comes first. Default: `false`.",
			},
			"images": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "What was found, in the order of `order_by`.",
				NestedObject: schema.NestedAttributeObject{Attributes: foundAttributes()},
			},
		},
	}
}

func foundAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"id":          text("The id that the daemon gave."),
		"name":        text("The name."),
		"region":      text("The region."),
		"description": text("What the image is for."),
		"visibility":  text("Who may see it: `" + strings.Join(names(domain.Visibilities), "`, `") + "`."),
		"task_types": schema.ListAttribute{
			Computed: true, ElementType: types.StringType, MarkdownDescription: "The task types that it is for.",
		},
		"official_image":    text("The official image that it is based on; null for one of a registry."),
		"official_version":  text("The version of that; null for an image of a registry."),
		"version":           number("The number of the current version."),
		"published_version": number("The version that serves; null when none was published."),
		"stage":             text("Where the current version stands: `" + stageNames() + "`."),
		"status":            text("Whether its base still serves."),
		"input_hash":        text("The hash of the current version's recipe, as `sha256:HEX`."),
		"size_bytes":        number("The size of the current version in bytes, known after its test."),
	}
}

// list asks the daemon for what fits.
func list(ctx context.Context, s *session.Session, m imagesModel) (imagesModel, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return m, err
	}
	all, err := c.FindImages(ctx, domain.Filter{
		Region: s.DefaultRegion(), Name: m.Name.ValueString(), Visibilities: m.Visibilities, Stages: m.Stages, TaskTypes: m.TaskTypes,
		Workspaces: m.Workspaces, OrderBy: domain.Order(m.OrderBy.ValueString()), Descending: m.Descending.ValueBool(),
	})
	m.Images = make([]found, len(all))
	for i, img := range all {
		m.Images[i] = toFound(img)
	}
	return m, err
}

func toFound(img domain.Image) found {
	base := img.Spec.Recipe.Base
	return found{
		ID: types.StringValue(img.ID), Name: types.StringValue(img.Spec.Name), Region: types.StringValue(img.Region),
		Description: types.StringValue(img.Spec.Description), Visibility: types.StringValue(string(img.Spec.Visibility)),
		TaskTypes: tasktype.Names(img.Spec.TaskTypes), OfficialImage: textOrNull(base.Official),
		OfficialVersion: textOrNull(base.Version), Version: types.Int64Value(int64(img.CurrentVersion)),
		PublishedVersion: numberOrNull(int64(img.PublishedVersion)), Stage: types.StringValue(string(img.Stage.Public())),
		Status: types.StringValue(string(img.Status())), InputHash: types.StringValue(img.InputHash), SizeBytes: numberOrNull(img.SizeBytes),
	}
}

func names[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}

func stageNames() string { return strings.Join(names(domain.PublicStages()), "`, `") }
