package image

import (
	"context"
	"slices"
	"strings"

	framework "github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/provider/diagnostic"
)

// ValidateConfig judges what is known of the configuration, without a daemon.
func (r *imageResource) ValidateConfig(
	ctx context.Context, req framework.ValidateConfigRequest, resp *framework.ValidateConfigResponse,
) {
	var config model
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	d, found := config.draft(ctx)
	if resp.Diagnostics.Append(found...); resp.Diagnostics.HasError() {
		return
	}
	diagnostic.AddError(&resp.Diagnostics, "", d.validate().Err())
}

// validate applies the rules that need neither catalogue nor daemon.
func (d draft) validate() problem.List {
	var found problem.List
	if d.sources == 0 {
		found = append(found, problem.Problem{
			Code: problem.ExactlyOneSource, Field: "source", Limit: "official, registry", Detail: "the image has no source",
			Remedy: "Say what the image is based on, for example source = { official = { image = \"…\" } }.",
		})
	}
	found = append(found, d.refused...)
	for i, f := range d.files {
		found = append(found, f.validate(i)...)
	}
	spec := d.spec
	for _, t := range spec.TaskTypes {
		if !slices.Contains(tasktype.Types, t) {
			found = append(found, problem.Problem{
				Code: problem.TaskTypeNotSupported, Field: "task_types", Value: string(t),
				Limit: strings.Join(tasktype.Names(tasktype.Types), ", "), Remedy: "Choose task types of this list.",
			})
		}
	}
	if d.gaps.taskTypes && len(spec.TaskTypes) == 0 {
		spec.TaskTypes = []tasktype.Type{tasktype.Shell} // which every source serves
	}
	return append(found, spec.Validate()...)
}

// validate checks that a file has exactly one content, as far as is known.
func (f fileModel) validate(i int) problem.List {
	switch {
	case f.Source.IsNull() && f.Content.IsNull() && !f.Target.IsNull():
		return problem.List{{
			Code: problem.MissingRequired, Field: field(i, "source"), Limit: "source or content", Detail: "the file has no content",
			Remedy: "Name a file with source, or write the text into content.",
		}}
	case !f.Ignore.IsNull() && !f.Content.IsNull():
		return problem.List{{
			Code: problem.ConflictingAttribute, Field: field(i, "ignore"), Value: "ignore", Limit: "the source of a directory",
			Remedy: "Remove ignore, or name a directory with source.",
		}}
	case !f.Source.IsNull() && !f.Source.IsUnknown() && !f.Content.IsNull() && !f.Content.IsUnknown():
		return problem.List{{
			Code: problem.ConflictingAttribute, Field: field(i, "content"), Value: "content", Limit: "source or content",
			Remedy: "Remove one of the two.",
		}}
	}
	return nil
}
