package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// CatalogueService is what the API needs of the catalogue. An empty name, task type or version is every one, or the newest.
type CatalogueService interface {
	List(ctx context.Context, name string, t tasktype.Type) ([]official.Image, error)
	Prepare(ctx context.Context, name, version string) (processID string, err error)
}

type catalogueHandler struct{ service CatalogueService }

// ListOfficialImages lists the catalogue.
func (h catalogueHandler) ListOfficialImages(
	ctx context.Context, r *connect.Request[kilnv1.ListOfficialImagesRequest],
) (*connect.Response[kilnv1.ListOfficialImagesResponse], error) {
	list, err := h.service.List(ctx, r.Msg.GetName(), tasktype.Type(r.Msg.GetTaskType()))
	return answer(&kilnv1.ListOfficialImagesResponse{OfficialImages: api.OfficialImagesToProto(list)}, err)
}

// PrepareOfficialImage makes an image available.
func (h catalogueHandler) PrepareOfficialImage(
	ctx context.Context, r *connect.Request[kilnv1.PrepareOfficialImageRequest],
) (*connect.Response[kilnv1.PrepareOfficialImageResponse], error) {
	id, err := h.service.Prepare(ctx, r.Msg.GetName(), r.Msg.GetVersion())
	return answer(&kilnv1.PrepareOfficialImageResponse{ProcessId: id}, err)
}
