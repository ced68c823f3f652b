package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/registry"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// CreateRegistry creates a registry, with the password that its credential has. The key makes it safe to repeat: the same key and content answers what is there already.
func (c *Client) CreateRegistry(ctx context.Context, key string, r registry.Registry) (registry.Registry, error) {
	answer, err := call(ctx, c, c.registry.CreateRegistry, &kilnv1.CreateRegistryRequest{
		RequestKey: key, Registry: api.RegistryToProto(r), Password: string(r.Credential.Password),
	})
	return api.RegistryFromProto(answer.GetRegistry()), err
}

// Registry reads a registry by its id, or by its name in a region; an empty region is the default one.
func (c *Client) Registry(ctx context.Context, id, region string) (registry.Registry, error) {
	answer, err := call(ctx, c, c.registry.GetRegistry, &kilnv1.GetRegistryRequest{Id: id, Region: region})
	return api.RegistryFromProto(answer.GetRegistry()), err
}

// Registries lists the registries of a region; an empty name is every region.
func (c *Client) Registries(ctx context.Context, region string) ([]registry.Registry, error) {
	answer, err := call(ctx, c, c.registry.ListRegistries, &kilnv1.ListRegistriesRequest{Region: region})
	return api.RegistriesFromProto(answer.GetRegistries()), err
}

// UpdateRegistry changes the registry with the given id, unless its generation has changed since it was read. A
// credential without a password leaves the stored one as it is, if it may.
func (c *Client) UpdateRegistry(ctx context.Context, r registry.Registry) (registry.Registry, error) {
	answer, err := call(ctx, c, c.registry.UpdateRegistry, &kilnv1.UpdateRegistryRequest{
		Registry: api.RegistryToProto(r), Password: string(r.Credential.Password),
	})
	return api.RegistryFromProto(answer.GetRegistry()), err
}

// DeleteRegistry deletes a registry that nothing uses.
func (c *Client) DeleteRegistry(ctx context.Context, id string) error {
	_, err := call(ctx, c, c.registry.DeleteRegistry, &kilnv1.DeleteRegistryRequest{Id: id})
	return err
}

// RegistryQuestion says which registry is asked for what it has. NetworkID empty is any network that it is bound to.
type RegistryQuestion struct{ RegistryID, NetworkID string }

// Repositories asks a registry for its repositories.
func (c *Client) Repositories(ctx context.Context, q RegistryQuestion) ([]string, error) {
	answer, err := call(ctx, c, c.registry.ListRepositories, &kilnv1.ListRepositoriesRequest{RegistryId: q.RegistryID, NetworkId: q.NetworkID})
	return answer.GetRepositories(), err
}

// Tags asks a registry for the tags of a repository.
func (c *Client) Tags(ctx context.Context, q RegistryQuestion, repository string) ([]string, error) {
	answer, err := call(ctx, c, c.registry.ListTags, &kilnv1.ListTagsRequest{
		RegistryId: q.RegistryID, NetworkId: q.NetworkID, Repository: repository,
	})
	return answer.GetTags(), err
}

// Resolve asks a registry what a tag or a digest stands for.
func (c *Client) Resolve(ctx context.Context, q RegistryQuestion, repository, reference string) (registry.Resolved, error) {
	answer, err := call(ctx, c, c.registry.ResolveReference, &kilnv1.ResolveReferenceRequest{
		RegistryId: q.RegistryID, NetworkId: q.NetworkID, Repository: repository, Reference: reference,
	})
	return api.ResolvedFromProto(answer), err
}
