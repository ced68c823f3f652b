// Package official is the data source kiln_official_images. It must not know
// how the daemon keeps its catalogue.
package official

import (
	"context"
	"strings"

	framework "github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/provider/datasource"
	"github.com/kilnhq/kiln/provider/session"
)

// NewDataSource makes the data source kiln_official_images.
func NewDataSource() framework.DataSource {
	return datasource.New(datasource.Kind[model]{
		Type: "official_images", Schema: attributes(), Read: read,
		Doing: func(model) string { return "read the catalogue of official images" },
	})
}

type model struct {
	Name     types.String `tfsdk:"name"`
	TaskType types.String `tfsdk:"task_type"`
	Images   []imageModel `tfsdk:"images"`
}

type imageModel struct {
	Name        string         `tfsdk:"name"`
	Version     string         `tfsdk:"version"`
	Description string         `tfsdk:"description"`
	TaskTypes   []string       `tfsdk:"task_types"`
	DefaultFor  []string       `tfsdk:"default_for"`
	Provides    []string       `tfsdk:"provides"`
	Status      string         `tfsdk:"status"`
	Reference   string         `tfsdk:"reference"`
	Available   bool           `tfsdk:"available"`
	SizeBytes   types.Int64    `tfsdk:"size_bytes"`
	Packages    []packageModel `tfsdk:"packages"`
}

type packageModel struct {
	Manager string `tfsdk:"manager"`
	Name    string `tfsdk:"name"`
	Version string `tfsdk:"version"`
}

func attributes() schema.Schema {
	names := tasktype.Names(tasktype.Types)
	return schema.Schema{
		MarkdownDescription: "The official images of the daemon's catalogue, on which custom images are based. They are immutable; a new " +
			"version is a new entry.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only the versions of the image with this name. Default: all images.",
			},
			"task_type": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only images that serve this task type: `" + strings.Join(names, "`, `") + "`. Default: all images.",
			},
			"images": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What was found, in the order of the catalogue.",
				NestedObject:        schema.NestedAttributeObject{Attributes: imageAttributes()},
			},
		},
	}
}

func imageAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	texts := func(description string) schema.ListAttribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"name":        text("The name, for `source.official.image` of a custom image."),
		"version":     text("The version, a date as `YYYYMMDD`, for `source.official.version`."),
		"description": text("What the image is for."),
		"task_types":  texts("The task types that it serves."),
		"default_for": texts("The task types whose default image it is."),
		"provides":    texts("The package managers and runtimes in it: `apt`, `yum`, `python2`, `python3`."),
		"status": text("`" + string(domain.StatusReadOnly) + "`, or `" + string(domain.StatusExpired) + "` when nothing new may be based on it, or `" +
			string(domain.StatusUnavailable) + "` when the daemon's configuration does not say what to make it from."),
		"reference":  text("The registry reference that it is pulled from; empty when the daemon makes it itself."),
		"available":  schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is in the daemon's store already."},
		"size_bytes": schema.Int64Attribute{Computed: true, MarkdownDescription: "The uncompressed size in bytes, once available."},
		"packages": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The packages in it, once available.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"manager": text("The package manager, `apt` or `pip`."),
				"name":    text("The name of the package."),
				"version": text("The version of the package."),
			}},
		},
	}
}

// read asks the daemon for its catalogue.
func read(ctx context.Context, s *session.Session, m model) (model, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return m, err
	}
	found, err := c.OfficialImages(ctx, m.Name.ValueString(), m.TaskType.ValueString())
	m.Images = make([]imageModel, len(found))
	for i, entry := range found {
		m.Images[i] = toModel(entry)
	}
	return m, err
}

func toModel(entry domain.Image) imageModel {
	m := imageModel{
		Name: entry.Name, Version: entry.Version, Description: entry.Description, TaskTypes: tasktype.Names(entry.TaskTypes),
		DefaultFor: tasktype.Names(entry.Default), Provides: append([]string{}, entry.Provides...), Status: string(entry.Status),
		Reference: entry.Reference, Available: entry.Available, Packages: make([]packageModel, len(entry.Packages)),
	}
	if entry.Available {
		m.SizeBytes = types.Int64Value(entry.SizeBytes)
	}
	for i, p := range entry.Packages {
		m.Packages[i] = packageModel{Manager: p.Manager, Name: p.Name, Version: p.Version}
	}
	return m
}
