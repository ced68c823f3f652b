package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

type resourceGroupHandler struct {
	service ResourceService[resourcegroup.ResourceGroup]
}

// CreateResourceGroup creates a resource group.
func (h resourceGroupHandler) CreateResourceGroup(
	ctx context.Context, r *connect.Request[kilnv1.CreateResourceGroupRequest],
) (*connect.Response[kilnv1.CreateResourceGroupResponse], error) {
	g, err := h.service.Create(ctx, owner(ctx), r.Msg.GetRequestKey(), api.ResourceGroupFromProto(r.Msg.GetResourceGroup()))
	return answer(&kilnv1.CreateResourceGroupResponse{ResourceGroup: api.ResourceGroupToProto(g)}, err)
}

// GetResourceGroup reads a resource group.
func (h resourceGroupHandler) GetResourceGroup(
	ctx context.Context, r *connect.Request[kilnv1.GetResourceGroupRequest],
) (*connect.Response[kilnv1.GetResourceGroupResponse], error) {
	g, err := h.service.Get(ctx, owner(ctx), r.Msg.GetRegion(), r.Msg.GetId())
	return answer(&kilnv1.GetResourceGroupResponse{ResourceGroup: api.ResourceGroupToProto(g)}, err)
}

// ListResourceGroups lists resource groups.
func (h resourceGroupHandler) ListResourceGroups(
	ctx context.Context, r *connect.Request[kilnv1.ListResourceGroupsRequest],
) (*connect.Response[kilnv1.ListResourceGroupsResponse], error) {
	list, err := h.service.List(ctx, owner(ctx), r.Msg.GetRegion())
	return answer(&kilnv1.ListResourceGroupsResponse{ResourceGroups: api.ResourceGroupsToProto(list)}, err)
}

// UpdateResourceGroup changes a resource group.
func (h resourceGroupHandler) UpdateResourceGroup(
	ctx context.Context, r *connect.Request[kilnv1.UpdateResourceGroupRequest],
) (*connect.Response[kilnv1.UpdateResourceGroupResponse], error) {
	g, err := h.service.Update(ctx, owner(ctx), api.ResourceGroupFromProto(r.Msg.GetResourceGroup()))
	return answer(&kilnv1.UpdateResourceGroupResponse{ResourceGroup: api.ResourceGroupToProto(g)}, err)
}

// DeleteResourceGroup deletes a resource group.
func (h resourceGroupHandler) DeleteResourceGroup(
	ctx context.Context, r *connect.Request[kilnv1.DeleteResourceGroupRequest],
) (*connect.Response[kilnv1.DeleteResourceGroupResponse], error) {
	return answer(&kilnv1.DeleteResourceGroupResponse{}, h.service.Delete(ctx, owner(ctx), r.Msg.GetId()))
}
