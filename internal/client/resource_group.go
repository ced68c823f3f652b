package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// CreateResourceGroup creates a resource group. The key makes it safe to repeat: the same key and content answers what is there already.
func (c *Client) CreateResourceGroup(ctx context.Context, key string, g resourcegroup.ResourceGroup) (resourcegroup.ResourceGroup, error) {
	answer, err := call(ctx, c, c.resourceGroup.CreateResourceGroup, &kilnv1.CreateResourceGroupRequest{
		RequestKey: key, ResourceGroup: api.ResourceGroupToProto(g),
	})
	return api.ResourceGroupFromProto(answer.GetResourceGroup()), err
}

// ResourceGroup reads a resource group by its id, or by its name in a region; an empty region is the default one.
func (c *Client) ResourceGroup(ctx context.Context, id, region string) (resourcegroup.ResourceGroup, error) {
	answer, err := call(ctx, c, c.resourceGroup.GetResourceGroup, &kilnv1.GetResourceGroupRequest{Id: id, Region: region})
	return api.ResourceGroupFromProto(answer.GetResourceGroup()), err
}

// ResourceGroups lists the resource groups of a region; an empty name is every region.
func (c *Client) ResourceGroups(ctx context.Context, region string) ([]resourcegroup.ResourceGroup, error) {
	answer, err := call(ctx, c, c.resourceGroup.ListResourceGroups, &kilnv1.ListResourceGroupsRequest{Region: region})
	return api.ResourceGroupsFromProto(answer.GetResourceGroups()), err
}

// UpdateResourceGroup changes the resource group with the given id, unless its generation has changed since it was read.
func (c *Client) UpdateResourceGroup(ctx context.Context, g resourcegroup.ResourceGroup) (resourcegroup.ResourceGroup, error) {
	answer, err := call(ctx, c, c.resourceGroup.UpdateResourceGroup, &kilnv1.UpdateResourceGroupRequest{ResourceGroup: api.ResourceGroupToProto(g)})
	return api.ResourceGroupFromProto(answer.GetResourceGroup()), err
}

// DeleteResourceGroup deletes a resource group that nothing uses.
func (c *Client) DeleteResourceGroup(ctx context.Context, id string) error {
	_, err := call(ctx, c, c.resourceGroup.DeleteResourceGroup, &kilnv1.DeleteResourceGroupRequest{Id: id})
	return err
}
