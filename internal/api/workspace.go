package api

import (
	"github.com/kilnhq/kiln/internal/domain/workspace"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// WorkspaceToProto converts a workspace.
func WorkspaceToProto(w workspace.Workspace) *kilnv1.Workspace {
	return &kilnv1.Workspace{
		Id: w.ID, Owner: w.Owner, Region: w.Region, Name: w.Name, Description: w.Description, Generation: w.Generation,
		CreatedAt: timestamp(w.CreatedAt), UpdatedAt: timestamp(w.UpdatedAt),
	}
}

// WorkspaceFromProto converts a workspace; nil gives the zero value.
func WorkspaceFromProto(w *kilnv1.Workspace) workspace.Workspace {
	return workspace.Workspace{
		ID: w.GetId(), Owner: w.GetOwner(), Region: w.GetRegion(), Name: w.GetName(), Description: w.GetDescription(),
		Generation: w.GetGeneration(), CreatedAt: fromTimestamp(w.GetCreatedAt()), UpdatedAt: fromTimestamp(w.GetUpdatedAt()),
	}
}

// WorkspacesToProto converts a list of workspaces.
func WorkspacesToProto(list []workspace.Workspace) []*kilnv1.Workspace {
	return each(list, WorkspaceToProto)
}

// WorkspacesFromProto converts a list of workspaces.
func WorkspacesFromProto(list []*kilnv1.Workspace) []workspace.Workspace {
	return each(list, WorkspaceFromProto)
}
