package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/registry"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

type registryHandler struct {
	service ResourceService[registry.Registry]
}

// CreateRegistry creates a registry.
func (h registryHandler) CreateRegistry(
	ctx context.Context, r *connect.Request[kilnv1.CreateRegistryRequest],
) (*connect.Response[kilnv1.CreateRegistryResponse], error) {
	row := api.RegistryFromProto(r.Msg.GetRegistry())
	row.Credential.Password = registry.Secret(r.Msg.GetPassword())
	n, err := h.service.Create(ctx, owner(ctx), r.Msg.GetRequestKey(), row)
	return answer(&kilnv1.CreateRegistryResponse{Registry: api.RegistryToProto(n)}, err)
}

// GetRegistry reads a registry.
func (h registryHandler) GetRegistry(
	ctx context.Context, r *connect.Request[kilnv1.GetRegistryRequest],
) (*connect.Response[kilnv1.GetRegistryResponse], error) {
	n, err := h.service.Get(ctx, owner(ctx), r.Msg.GetRegion(), r.Msg.GetId())
	return answer(&kilnv1.GetRegistryResponse{Registry: api.RegistryToProto(n)}, err)
}

// ListRegistries lists registries.
func (h registryHandler) ListRegistries(
	ctx context.Context, r *connect.Request[kilnv1.ListRegistriesRequest],
) (*connect.Response[kilnv1.ListRegistriesResponse], error) {
	list, err := h.service.List(ctx, owner(ctx), r.Msg.GetRegion())
	return answer(&kilnv1.ListRegistriesResponse{Registries: api.RegistriesToProto(list)}, err)
}

// UpdateRegistry changes a registry.
func (h registryHandler) UpdateRegistry(
	ctx context.Context, r *connect.Request[kilnv1.UpdateRegistryRequest],
) (*connect.Response[kilnv1.UpdateRegistryResponse], error) {
	row := api.RegistryFromProto(r.Msg.GetRegistry())
	row.Credential.Password = registry.Secret(r.Msg.GetPassword())
	n, err := h.service.Update(ctx, owner(ctx), row)
	return answer(&kilnv1.UpdateRegistryResponse{Registry: api.RegistryToProto(n)}, err)
}

// DeleteRegistry deletes a registry.
func (h registryHandler) DeleteRegistry(
	ctx context.Context, r *connect.Request[kilnv1.DeleteRegistryRequest],
) (*connect.Response[kilnv1.DeleteRegistryResponse], error) {
	return answer(&kilnv1.DeleteRegistryResponse{}, h.service.Delete(ctx, owner(ctx), r.Msg.GetId()))
}
