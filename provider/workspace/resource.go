// Package workspace is the resource kiln_workspace. It must not know how the
// daemon keeps workspaces.
package workspace

import (
	"strconv"

	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/workspace"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

type model struct {
	ID          types.String `tfsdk:"id"`
	Region      types.String `tfsdk:"region"`
	Name        types.String `tfsdk:"name"`
	Description types.String `tfsdk:"description"`
}

// NewResource makes the resource kiln_workspace.
func NewResource() framework.Resource {
	return resource.New(resource.Kind[model, domain.Workspace]{
		Type: "workspace", Noun: "workspace",
		Description: "A workspace: a team's place. Tasks of a workspace may use the images that are bound to it, " +
			"with `kiln_image_workspace_binding`.",
		Attributes: map[string]schema.Attribute{
			"description": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(""),
				MarkdownDescription: "What the workspace is for, on one line of at most " + strconv.Itoa(name.MaxLength) + " characters. Default: empty.",
			},
		},
		InUse: problem.WorkspaceInUse,
		Meta: func(w *domain.Workspace) resource.Meta {
			return resource.Meta{ID: &w.ID, Region: &w.Region, Generation: &w.Generation}
		},
		Model: toModel, Domain: model.domain, Validate: model.validate,
		Create: (*client.Client).CreateWorkspace, Listing: session.Workspaces(),
		Update: (*client.Client).UpdateWorkspace, Delete: (*client.Client).DeleteWorkspace,
	})
}

func (m model) domain() domain.Workspace {
	return domain.Workspace{
		Region: m.Region.ValueString(), Name: m.Name.ValueString(), Description: m.Description.ValueString(),
	}
}

// validate takes something harmless for a name that is not known yet.
func (m model) validate() problem.List {
	w := m.domain()
	if m.Name.IsUnknown() {
		w.Name = "unknown"
	}
	return w.Validate()
}

func toModel(w domain.Workspace, _ model) model {
	return model{
		ID: types.StringValue(w.ID), Region: types.StringValue(w.Region),
		Name: types.StringValue(w.Name), Description: types.StringValue(w.Description),
	}
}
