package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/internal/api"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// ImageService is what the API needs of the custom images. Creating, updating and running return at once; the process that
// they start tells the rest.
type ImageService interface {
	Create(ctx context.Context, request image.CreateRequest) (domain.Image, error)
	Get(ctx context.Context, owner, region, id string) (domain.Image, error)
	List(ctx context.Context, owner string, f domain.Filter) (page []domain.Image, next string, err error)
	ImageHistory
	Update(ctx context.Context, request image.UpdateRequest) (domain.Image, error)
	Delete(ctx context.Context, owner, id string) error
	Run(ctx context.Context, request image.RunRequest) (processID string, err error)
}

// ImageHistory is what the API needs of the versions of custom images.
type ImageHistory interface {
	Versions(ctx context.Context, owner, id string) ([]domain.Version, error)
	History(ctx context.Context, owner, id string) ([]domain.Entry, error)
	Rollback(ctx context.Context, request image.RollbackRequest) (domain.Image, error)
}

type imageHandler struct {
	service ImageService
	files   FileStore
}

// CreateImage starts version 1 and its test.
func (h imageHandler) CreateImage(
	ctx context.Context, r *connect.Request[kilnv1.CreateImageRequest],
) (*connect.Response[kilnv1.CreateImageResponse], error) {
	i, err := h.service.Create(ctx, image.CreateRequest{
		Owner: owner(ctx), Key: r.Msg.GetRequestKey(), Region: r.Msg.GetRegion(), Spec: api.ImageSpecFromProto(r.Msg.GetSpec()),
		ExpectedHash: r.Msg.GetExpectedInputHash(),
	})
	return answer(&kilnv1.CreateImageResponse{Image: api.ImageToProto(i)}, err)
}

// GetImage reads an image.
func (h imageHandler) GetImage(
	ctx context.Context, r *connect.Request[kilnv1.GetImageRequest],
) (*connect.Response[kilnv1.GetImageResponse], error) {
	i, err := h.service.Get(ctx, owner(ctx), r.Msg.GetRegion(), r.Msg.GetId())
	return answer(&kilnv1.GetImageResponse{Image: api.ImageToProto(i)}, err)
}

// ListImages lists images.
func (h imageHandler) ListImages(
	ctx context.Context, r *connect.Request[kilnv1.ListImagesRequest],
) (*connect.Response[kilnv1.ListImagesResponse], error) {
	page, next, err := h.service.List(ctx, owner(ctx), api.FilterFromProto(r.Msg))
	return answer(&kilnv1.ListImagesResponse{Images: api.ImagesToProto(page), NextPageToken: next}, err)
}

// ListImageVersions lists the versions of an image.
func (h imageHandler) ListImageVersions(
	ctx context.Context, r *connect.Request[kilnv1.ListImageVersionsRequest],
) (*connect.Response[kilnv1.ListImageVersionsResponse], error) {
	list, err := h.service.Versions(ctx, owner(ctx), r.Msg.GetImageId())
	return answer(&kilnv1.ListImageVersionsResponse{Versions: api.VersionsToProto(list)}, err)
}

// UpdateImage changes an image, and makes a new version when its recipe differs.
func (h imageHandler) UpdateImage(
	ctx context.Context, r *connect.Request[kilnv1.UpdateImageRequest],
) (*connect.Response[kilnv1.UpdateImageResponse], error) {
	i, err := h.service.Update(ctx, image.UpdateRequest{
		Owner: owner(ctx), ID: r.Msg.GetId(), Generation: r.Msg.GetGeneration(), Spec: api.ImageSpecFromProto(r.Msg.GetSpec()),
		ExpectedHash: r.Msg.GetExpectedInputHash(),
	})
	return answer(&kilnv1.UpdateImageResponse{Image: api.ImageToProto(i)}, err)
}

// ListImageHistory tells what has happened to an image.
func (h imageHandler) ListImageHistory(
	ctx context.Context, r *connect.Request[kilnv1.ListImageHistoryRequest],
) (*connect.Response[kilnv1.ListImageHistoryResponse], error) {
	list, err := h.service.History(ctx, owner(ctx), r.Msg.GetImageId())
	return answer(&kilnv1.ListImageHistoryResponse{Entries: api.HistoryToProto(list)}, err)
}

// RollbackImage goes back to an earlier version.
func (h imageHandler) RollbackImage(
	ctx context.Context, r *connect.Request[kilnv1.RollbackImageRequest],
) (*connect.Response[kilnv1.RollbackImageResponse], error) {
	i, err := h.service.Rollback(ctx, image.RollbackRequest{
		Owner: owner(ctx), Region: r.Msg.GetRegion(), ID: r.Msg.GetId(), Generation: r.Msg.GetGeneration(), Version: int(r.Msg.GetVersion()),
	})
	return answer(&kilnv1.RollbackImageResponse{Image: api.ImageToProto(i)}, err)
}

// DeleteImage deletes an image.
func (h imageHandler) DeleteImage(
	ctx context.Context, r *connect.Request[kilnv1.DeleteImageRequest],
) (*connect.Response[kilnv1.DeleteImageResponse], error) {
	return answer(&kilnv1.DeleteImageResponse{}, h.service.Delete(ctx, owner(ctx), r.Msg.GetId()))
}

// RunImage queues a run of a command.
func (h imageHandler) RunImage(
	ctx context.Context, r *connect.Request[kilnv1.RunImageRequest],
) (*connect.Response[kilnv1.RunImageResponse], error) {
	id, err := h.service.Run(ctx, image.RunRequest{
		Owner: owner(ctx), Region: r.Msg.GetRegion(), Image: r.Msg.GetImage(), ResourceGroup: r.Msg.GetResourceGroup(),
		Argv: r.Msg.GetArgv(), Env: r.Msg.GetEnv(),
	})
	return answer(&kilnv1.RunImageResponse{ProcessId: id}, err)
}
