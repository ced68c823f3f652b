package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/daemon/upstream"
	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/registry"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// RegistryService is what the API needs of registries: what it needs of every declared resource, and to ask them. Refusals are
// problems.
type RegistryService interface {
	ResourceService[registry.Registry]
	Repositories(ctx context.Context, q upstream.Question) ([]string, error)
	Tags(ctx context.Context, q upstream.Question, repository string) ([]string, error)
	Resolve(ctx context.Context, q upstream.Question, repository, reference string) (registry.Resolved, error)
}

type registryHandler struct {
	service RegistryService
}

// ListRepositories asks a registry for its repositories.
func (h registryHandler) ListRepositories(
	ctx context.Context, r *connect.Request[kilnv1.ListRepositoriesRequest],
) (*connect.Response[kilnv1.ListRepositoriesResponse], error) {
	list, err := h.service.Repositories(ctx, question(ctx, r.Msg))
	return answer(&kilnv1.ListRepositoriesResponse{Repositories: list}, err)
}

// ListTags asks a registry for the tags of a repository.
func (h registryHandler) ListTags(
	ctx context.Context, r *connect.Request[kilnv1.ListTagsRequest],
) (*connect.Response[kilnv1.ListTagsResponse], error) {
	list, err := h.service.Tags(ctx, question(ctx, r.Msg), r.Msg.GetRepository())
	return answer(&kilnv1.ListTagsResponse{Tags: list}, err)
}

// ResolveReference asks a registry what a tag or a digest stands for.
func (h registryHandler) ResolveReference(
	ctx context.Context, r *connect.Request[kilnv1.ResolveReferenceRequest],
) (*connect.Response[kilnv1.ResolveReferenceResponse], error) {
	resolved, err := h.service.Resolve(ctx, question(ctx, r.Msg), r.Msg.GetRepository(), r.Msg.GetReference())
	return answer(api.ResolvedToProto(resolved), err)
}

func question(ctx context.Context, r interface {
	GetRegistryId() string
	GetNetworkId() string
},
) upstream.Question {
	return upstream.Question{Owner: owner(ctx), ID: r.GetRegistryId(), NetworkID: r.GetNetworkId()}
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
