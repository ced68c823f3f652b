package build

import (
	"context"
	"fmt"
	"maps"
	"strings"

	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/float64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"

	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

// Schema describes the attributes.
func (r *buildResource) Schema(ctx context.Context, _ framework.SchemaRequest, resp *framework.SchemaResponse) {
	attributes := computedAttributes()
	maps.Copy(attributes, map[string]schema.Attribute{
		"image_id": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "The id of the custom image. Another one replaces the build.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"image_version": schema.Int64Attribute{
			Required: true,
			MarkdownDescription: "The version to bake, from 1; it must be published. Usually `kiln_custom_image.NAME.published_version`. Another " +
				"one is baked in place: the old digest serves until that has succeeded.",
		},
		"resource_group_id": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "The id of the resource group to bake in, of the type `" + string(resourcegroup.TypeServerless) +
				"`. Another one does not bake again.",
		},
		"cu": schema.Float64Attribute{
			Optional: true, Computed: true, Default: float64default.StaticFloat64(resourcegroup.DefaultCU),
			MarkdownDescription: fmt.Sprintf("What the baking takes, in CU, %g to %g in steps of %g; not more than the resource group has. "+
				"Default: `%g`.", resourcegroup.MinCU, resourcegroup.MaxCU, resourcegroup.StepCU, resourcegroup.DefaultCU),
		},
		"timeouts": session.Timeouts(ctx, "the baking"),
	})
	resp.Schema = schema.Schema{
		MarkdownDescription: "Bakes a published version of a custom image once into an OCI image with a digest, in the registry that the " +
			"daemon serves. Without it, install steps run again at every run. An image has at most one persistent build. What was " +
			"baked before from the same recipe is taken over without baking.",
		Attributes: attributes,
	}
}

func computedAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	stages := []string{string(domain.StageBuilding), string(domain.StageBuildSuccess), string(domain.StageBuildFailed)}
	return map[string]schema.Attribute{
		"id":        resource.ID(),
		"stage":     text("How far it is: `" + strings.Join(stages, "`, `") + "`."),
		"digest":    text("The digest of the image, as `sha256:HEX`; null while nothing was baked, and when the registry has lost it."),
		"image_ref": text("What a client pulls, over plain HTTP, as `HOST:PORT/REPOSITORY@DIGEST`; null as `digest` is."),
		"artifact_status": text("Whether the registry still has what was baked: `Available`, or `Missing` or `Changed`, which the next plan " +
			"bakes again; null while nothing was baked."),
		"baked_version": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "The version behind `digest`; null while nothing was baked.",
		},
		"size_bytes": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "The size of the image in bytes; null while nothing was baked.",
		},
		"cu_seconds": schema.Float64Attribute{
			Computed:            true,
			MarkdownDescription: "What the baking used: its CU times its seconds; 0 when an earlier result was taken over.",
		},
		"duration_seconds": schema.Float64Attribute{
			Computed:            true,
			MarkdownDescription: "How long the baking took, in seconds; 0 when an earlier result was taken over.",
		},
	}
}
