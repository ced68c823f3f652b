package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/binding"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// CreateBinding binds a published image to a workspace; one that is there already is returned.
func (c *Client) CreateBinding(ctx context.Context, imageID, workspaceID string) (binding.Binding, error) {
	answer, err := call(ctx, c, c.binding.CreateBinding, &kilnv1.CreateBindingRequest{ImageId: imageID, WorkspaceId: workspaceID})
	return api.BindingFromProto(answer.GetBinding()), err
}

// Binding reads a binding; both sides are ids or names.
func (c *Client) Binding(ctx context.Context, imageID, workspaceID string) (binding.Binding, error) {
	answer, err := call(ctx, c, c.binding.GetBinding, &kilnv1.GetBindingRequest{ImageId: imageID, WorkspaceId: workspaceID})
	return api.BindingFromProto(answer.GetBinding()), err
}

// Bindings lists bindings; an empty id is every image or every workspace.
func (c *Client) Bindings(ctx context.Context, imageID, workspaceID string) ([]binding.Binding, error) {
	answer, err := call(ctx, c, c.binding.ListBindings, &kilnv1.ListBindingsRequest{ImageId: imageID, WorkspaceId: workspaceID})
	return api.BindingsFromProto(answer.GetBindings()), err
}

// DeleteBinding takes an image away from a workspace.
func (c *Client) DeleteBinding(ctx context.Context, imageID, workspaceID string) error {
	_, err := call(ctx, c, c.binding.DeleteBinding, &kilnv1.DeleteBindingRequest{ImageId: imageID, WorkspaceId: workspaceID})
	return err
}
