package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/network"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

type networkHandler struct {
	service ResourceService[network.Network]
}

// CreateNetwork creates a network.
func (h networkHandler) CreateNetwork(
	ctx context.Context, r *connect.Request[kilnv1.CreateNetworkRequest],
) (*connect.Response[kilnv1.CreateNetworkResponse], error) {
	n, err := h.service.Create(ctx, owner(ctx), r.Msg.GetRequestKey(), api.NetworkFromProto(r.Msg.GetNetwork()))
	return answer(&kilnv1.CreateNetworkResponse{Network: api.NetworkToProto(n)}, err)
}

// GetNetwork reads a network.
func (h networkHandler) GetNetwork(
	ctx context.Context, r *connect.Request[kilnv1.GetNetworkRequest],
) (*connect.Response[kilnv1.GetNetworkResponse], error) {
	n, err := h.service.Get(ctx, owner(ctx), r.Msg.GetRegion(), r.Msg.GetId())
	return answer(&kilnv1.GetNetworkResponse{Network: api.NetworkToProto(n)}, err)
}

// ListNetworks lists networks.
func (h networkHandler) ListNetworks(
	ctx context.Context, r *connect.Request[kilnv1.ListNetworksRequest],
) (*connect.Response[kilnv1.ListNetworksResponse], error) {
	list, err := h.service.List(ctx, owner(ctx), r.Msg.GetRegion())
	return answer(&kilnv1.ListNetworksResponse{Networks: api.NetworksToProto(list)}, err)
}

// UpdateNetwork changes a network.
func (h networkHandler) UpdateNetwork(
	ctx context.Context, r *connect.Request[kilnv1.UpdateNetworkRequest],
) (*connect.Response[kilnv1.UpdateNetworkResponse], error) {
	n, err := h.service.Update(ctx, owner(ctx), api.NetworkFromProto(r.Msg.GetNetwork()))
	return answer(&kilnv1.UpdateNetworkResponse{Network: api.NetworkToProto(n)}, err)
}

// DeleteNetwork deletes a network.
func (h networkHandler) DeleteNetwork(
	ctx context.Context, r *connect.Request[kilnv1.DeleteNetworkRequest],
) (*connect.Response[kilnv1.DeleteNetworkResponse], error) {
	return answer(&kilnv1.DeleteNetworkResponse{}, h.service.Delete(ctx, owner(ctx), r.Msg.GetId()))
}
