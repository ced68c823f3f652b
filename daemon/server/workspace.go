package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/workspace"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

type workspaceHandler struct {
	service ResourceService[workspace.Workspace]
}

// CreateWorkspace creates a workspace.
func (h workspaceHandler) CreateWorkspace(
	ctx context.Context, r *connect.Request[kilnv1.CreateWorkspaceRequest],
) (*connect.Response[kilnv1.CreateWorkspaceResponse], error) {
	w, err := h.service.Create(ctx, owner(ctx), r.Msg.GetRequestKey(), api.WorkspaceFromProto(r.Msg.GetWorkspace()))
	return answer(&kilnv1.CreateWorkspaceResponse{Workspace: api.WorkspaceToProto(w)}, err)
}

// GetWorkspace reads a workspace.
func (h workspaceHandler) GetWorkspace(
	ctx context.Context, r *connect.Request[kilnv1.GetWorkspaceRequest],
) (*connect.Response[kilnv1.GetWorkspaceResponse], error) {
	w, err := h.service.Get(ctx, owner(ctx), r.Msg.GetRegion(), r.Msg.GetId())
	return answer(&kilnv1.GetWorkspaceResponse{Workspace: api.WorkspaceToProto(w)}, err)
}

// ListWorkspaces lists workspaces.
func (h workspaceHandler) ListWorkspaces(
	ctx context.Context, r *connect.Request[kilnv1.ListWorkspacesRequest],
) (*connect.Response[kilnv1.ListWorkspacesResponse], error) {
	list, err := h.service.List(ctx, owner(ctx), r.Msg.GetRegion())
	return answer(&kilnv1.ListWorkspacesResponse{Workspaces: api.WorkspacesToProto(list)}, err)
}

// UpdateWorkspace changes a workspace.
func (h workspaceHandler) UpdateWorkspace(
	ctx context.Context, r *connect.Request[kilnv1.UpdateWorkspaceRequest],
) (*connect.Response[kilnv1.UpdateWorkspaceResponse], error) {
	w, err := h.service.Update(ctx, owner(ctx), api.WorkspaceFromProto(r.Msg.GetWorkspace()))
	return answer(&kilnv1.UpdateWorkspaceResponse{Workspace: api.WorkspaceToProto(w)}, err)
}

// DeleteWorkspace deletes a workspace.
func (h workspaceHandler) DeleteWorkspace(
	ctx context.Context, r *connect.Request[kilnv1.DeleteWorkspaceRequest],
) (*connect.Response[kilnv1.DeleteWorkspaceResponse], error) {
	return answer(&kilnv1.DeleteWorkspaceResponse{}, h.service.Delete(ctx, owner(ctx), r.Msg.GetId()))
}
