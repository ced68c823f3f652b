package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/internal/api"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// BuildService is what the API needs of the persistent builds. Creating and updating return at once.
type BuildService interface {
	Create(ctx context.Context, request build.CreateRequest) (domain.Build, error)
	Get(ctx context.Context, owner, id string) (domain.Build, error)
	List(ctx context.Context, owner, region string) ([]domain.Build, error)
	Update(ctx context.Context, request build.UpdateRequest) (domain.Build, error)
	Delete(ctx context.Context, owner, id string) error
}

type buildHandler struct{ service BuildService }

// CreateBuild bakes a published version.
func (h buildHandler) CreateBuild(
	ctx context.Context, r *connect.Request[kilnv1.CreateBuildRequest],
) (*connect.Response[kilnv1.CreateBuildResponse], error) {
	b, err := h.service.Create(ctx, build.CreateRequest{
		Owner: owner(ctx), Key: r.Msg.GetRequestKey(), ImageID: r.Msg.GetImageId(), ImageVersion: int(r.Msg.GetImageVersion()),
		ResourceGroupID: r.Msg.GetResourceGroupId(), CU: r.Msg.GetCu(),
	})
	return answer(&kilnv1.CreateBuildResponse{Build: api.BuildToProto(b)}, err)
}

// GetBuild reads a persistent build.
func (h buildHandler) GetBuild(
	ctx context.Context, r *connect.Request[kilnv1.GetBuildRequest],
) (*connect.Response[kilnv1.GetBuildResponse], error) {
	b, err := h.service.Get(ctx, owner(ctx), r.Msg.GetId())
	return answer(&kilnv1.GetBuildResponse{Build: api.BuildToProto(b)}, err)
}

// ListBuilds lists persistent builds.
func (h buildHandler) ListBuilds(
	ctx context.Context, r *connect.Request[kilnv1.ListBuildsRequest],
) (*connect.Response[kilnv1.ListBuildsResponse], error) {
	list, err := h.service.List(ctx, owner(ctx), r.Msg.GetRegion())
	return answer(&kilnv1.ListBuildsResponse{Builds: api.BuildsToProto(list)}, err)
}

// UpdateBuild bakes another version.
func (h buildHandler) UpdateBuild(
	ctx context.Context, r *connect.Request[kilnv1.UpdateBuildRequest],
) (*connect.Response[kilnv1.UpdateBuildResponse], error) {
	b, err := h.service.Update(ctx, build.UpdateRequest{
		Owner: owner(ctx), ID: r.Msg.GetId(), Generation: r.Msg.GetGeneration(), ImageVersion: int(r.Msg.GetImageVersion()),
		ResourceGroupID: r.Msg.GetResourceGroupId(), CU: r.Msg.GetCu(),
	})
	return answer(&kilnv1.UpdateBuildResponse{Build: api.BuildToProto(b)}, err)
}

// DeleteBuild deletes a persistent build.
func (h buildHandler) DeleteBuild(
	ctx context.Context, r *connect.Request[kilnv1.DeleteBuildRequest],
) (*connect.Response[kilnv1.DeleteBuildResponse], error) {
	return answer(&kilnv1.DeleteBuildResponse{}, h.service.Delete(ctx, owner(ctx), r.Msg.GetId()))
}
