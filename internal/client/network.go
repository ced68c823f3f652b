package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/network"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// CreateNetwork creates a network. The key makes it safe to repeat: the same key and content answers what is there already.
func (c *Client) CreateNetwork(ctx context.Context, key string, n network.Network) (network.Network, error) {
	answer, err := call(ctx, c, c.network.CreateNetwork, &kilnv1.CreateNetworkRequest{
		RequestKey: key, Network: api.NetworkToProto(n),
	})
	return api.NetworkFromProto(answer.GetNetwork()), err
}

// Network reads a network by its id, or by its name in a region; an empty region is the default one.
func (c *Client) Network(ctx context.Context, id, region string) (network.Network, error) {
	answer, err := call(ctx, c, c.network.GetNetwork, &kilnv1.GetNetworkRequest{Id: id, Region: region})
	return api.NetworkFromProto(answer.GetNetwork()), err
}

// Networks lists the networks of a region; an empty name is every region.
func (c *Client) Networks(ctx context.Context, region string) ([]network.Network, error) {
	answer, err := call(ctx, c, c.network.ListNetworks, &kilnv1.ListNetworksRequest{Region: region})
	return api.NetworksFromProto(answer.GetNetworks()), err
}

// UpdateNetwork changes the network with the given id, unless its generation has changed since it was read.
func (c *Client) UpdateNetwork(ctx context.Context, n network.Network) (network.Network, error) {
	answer, err := call(ctx, c, c.network.UpdateNetwork, &kilnv1.UpdateNetworkRequest{Network: api.NetworkToProto(n)})
	return api.NetworkFromProto(answer.GetNetwork()), err
}

// DeleteNetwork deletes a network that nothing uses.
func (c *Client) DeleteNetwork(ctx context.Context, id string) error {
	_, err := call(ctx, c, c.network.DeleteNetwork, &kilnv1.DeleteNetworkRequest{Id: id})
	return err
}
