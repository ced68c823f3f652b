package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/workspace"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// CreateWorkspace creates a workspace. The key makes it safe to repeat: the same key and content answers what is there already.
func (c *Client) CreateWorkspace(ctx context.Context, key string, w workspace.Workspace) (workspace.Workspace, error) {
	answer, err := call(ctx, c, c.workspace.CreateWorkspace, &kilnv1.CreateWorkspaceRequest{
		RequestKey: key, Workspace: api.WorkspaceToProto(w),
	})
	return api.WorkspaceFromProto(answer.GetWorkspace()), err
}

// Workspace reads a workspace by its id, or by its name in a region; an empty region is the default one.
func (c *Client) Workspace(ctx context.Context, id, region string) (workspace.Workspace, error) {
	answer, err := call(ctx, c, c.workspace.GetWorkspace, &kilnv1.GetWorkspaceRequest{Id: id, Region: region})
	return api.WorkspaceFromProto(answer.GetWorkspace()), err
}

// Workspaces lists the workspaces of a region; an empty name is every region.
func (c *Client) Workspaces(ctx context.Context, region string) ([]workspace.Workspace, error) {
	answer, err := call(ctx, c, c.workspace.ListWorkspaces, &kilnv1.ListWorkspacesRequest{Region: region})
	return api.WorkspacesFromProto(answer.GetWorkspaces()), err
}

// UpdateWorkspace changes the workspace with the given id, unless its generation has changed since it was read.
func (c *Client) UpdateWorkspace(ctx context.Context, w workspace.Workspace) (workspace.Workspace, error) {
	answer, err := call(ctx, c, c.workspace.UpdateWorkspace, &kilnv1.UpdateWorkspaceRequest{Workspace: api.WorkspaceToProto(w)})
	return api.WorkspaceFromProto(answer.GetWorkspace()), err
}

// DeleteWorkspace deletes a workspace that nothing uses.
func (c *Client) DeleteWorkspace(ctx context.Context, id string) error {
	_, err := call(ctx, c, c.workspace.DeleteWorkspace, &kilnv1.DeleteWorkspaceRequest{Id: id})
	return err
}
