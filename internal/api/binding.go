package api

import (
	"github.com/kilnhq/kiln/internal/domain/binding"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// BindingToProto converts a binding.
func BindingToProto(b binding.Binding) *kilnv1.Binding {
	return &kilnv1.Binding{ImageId: b.ImageID, WorkspaceId: b.WorkspaceID, Owner: b.Owner, CreatedAt: timestamp(b.CreatedAt)}
}

// BindingFromProto converts a binding; nil gives the zero value.
func BindingFromProto(b *kilnv1.Binding) binding.Binding {
	return binding.Binding{
		ImageID: b.GetImageId(), WorkspaceID: b.GetWorkspaceId(), Owner: b.GetOwner(), CreatedAt: fromTimestamp(b.GetCreatedAt()),
	}
}

// BindingsToProto converts a list of bindings.
func BindingsToProto(list []binding.Binding) []*kilnv1.Binding { return each(list, BindingToProto) }

// BindingsFromProto converts a list of bindings.
func BindingsFromProto(list []*kilnv1.Binding) []binding.Binding { return each(list, BindingFromProto) }
