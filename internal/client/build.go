package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/build"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// CreateBuild asks for the persistent build of a published version.
type CreateBuild struct {
	Key             string // made by the caller; repeating a request with it does nothing twice
	ImageID         string
	ImageVersion    int
	ResourceGroupID string
	CU              float64
}

// UpdateBuild asks for the baking of another version; the old digest serves until that has succeeded.
type UpdateBuild struct {
	ID              string
	Generation      int64 // what was read; another one is refused. 0: any
	ImageVersion    int
	ResourceGroupID string
	CU              float64
}

// CreateBuild starts to bake and returns at once; without a process id an earlier result was taken over.
func (c *Client) CreateBuild(ctx context.Context, request CreateBuild) (build.Build, error) {
	answer, err := call(ctx, c, c.build.CreateBuild, &kilnv1.CreateBuildRequest{
		RequestKey: request.Key, ImageId: request.ImageID, ImageVersion: int32(request.ImageVersion),
		ResourceGroupId: request.ResourceGroupID, Cu: request.CU,
	})
	return api.BuildFromProto(answer.GetBuild()), err
}

// Build reads a persistent build by its id or by its image's.
func (c *Client) Build(ctx context.Context, id string) (build.Build, error) {
	answer, err := call(ctx, c, c.build.GetBuild, &kilnv1.GetBuildRequest{Id: id})
	return api.BuildFromProto(answer.GetBuild()), err
}

// Builds lists the persistent builds of a region; an empty name is every region.
func (c *Client) Builds(ctx context.Context, region string) ([]build.Build, error) {
	answer, err := call(ctx, c, c.build.ListBuilds, &kilnv1.ListBuildsRequest{Region: region})
	return api.BuildsFromProto(answer.GetBuilds()), err
}

// UpdateBuild starts to bake another version and returns at once.
func (c *Client) UpdateBuild(ctx context.Context, request UpdateBuild) (build.Build, error) {
	answer, err := call(ctx, c, c.build.UpdateBuild, &kilnv1.UpdateBuildRequest{
		Id: request.ID, Generation: request.Generation, ImageVersion: int32(request.ImageVersion),
		ResourceGroupId: request.ResourceGroupID, Cu: request.CU,
	})
	return api.BuildFromProto(answer.GetBuild()), err
}

// DeleteBuild deletes a persistent build; the image runs its install steps again from then on.
func (c *Client) DeleteBuild(ctx context.Context, id string) error {
	_, err := call(ctx, c, c.build.DeleteBuild, &kilnv1.DeleteBuildRequest{Id: id})
	return err
}
