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
