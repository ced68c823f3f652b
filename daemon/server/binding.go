package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/binding"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// BindingService is what the API needs of the bindings. Create answers a binding that is there already.
type BindingService interface {
	Create(ctx context.Context, owner, imageID, workspaceID string) (binding.Binding, error)
	Get(ctx context.Context, owner, imageID, workspaceID string) (binding.Binding, error)
	List(ctx context.Context, owner, imageID, workspaceID string) ([]binding.Binding, error)
	Delete(ctx context.Context, owner, imageID, workspaceID string) error
}

type bindingHandler struct{ service BindingService }

// CreateBinding binds an image to a workspace.
func (h bindingHandler) CreateBinding(
	ctx context.Context, r *connect.Request[kilnv1.CreateBindingRequest],
) (*connect.Response[kilnv1.CreateBindingResponse], error) {
	b, err := h.service.Create(ctx, owner(ctx), r.Msg.GetImageId(), r.Msg.GetWorkspaceId())
	return answer(&kilnv1.CreateBindingResponse{Binding: api.BindingToProto(b)}, err)
}

// GetBinding reads a binding.
func (h bindingHandler) GetBinding(
	ctx context.Context, r *connect.Request[kilnv1.GetBindingRequest],
) (*connect.Response[kilnv1.GetBindingResponse], error) {
	b, err := h.service.Get(ctx, owner(ctx), r.Msg.GetImageId(), r.Msg.GetWorkspaceId())
	return answer(&kilnv1.GetBindingResponse{Binding: api.BindingToProto(b)}, err)
}

// ListBindings lists bindings.
func (h bindingHandler) ListBindings(
	ctx context.Context, r *connect.Request[kilnv1.ListBindingsRequest],
) (*connect.Response[kilnv1.ListBindingsResponse], error) {
	list, err := h.service.List(ctx, owner(ctx), r.Msg.GetImageId(), r.Msg.GetWorkspaceId())
	return answer(&kilnv1.ListBindingsResponse{Bindings: api.BindingsToProto(list)}, err)
}

// DeleteBinding takes an image away from a workspace.
func (h bindingHandler) DeleteBinding(
	ctx context.Context, r *connect.Request[kilnv1.DeleteBindingRequest],
) (*connect.Response[kilnv1.DeleteBindingResponse], error) {
	return answer(&kilnv1.DeleteBindingResponse{}, h.service.Delete(ctx, owner(ctx), r.Msg.GetImageId(), r.Msg.GetWorkspaceId()))
}
