package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/image"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// CreateImage asks for a new custom image.
type CreateImage struct {
	Key          string // made by the caller; repeating a request with it does nothing twice
	Region       string // empty: the default region
	Spec         image.Spec
	ExpectedHash string // the input hash that the plan showed; another one is PlanStale. Empty: nothing was planned
}

// UpdateImage asks for a change of a custom image; a recipe that differs makes a new version.
type UpdateImage struct {
	ID           string
	Generation   int64 // what was read; another one is refused. 0: any
	Spec         image.Spec
	ExpectedHash string // as in CreateImage
}

// RollbackImage asks for an earlier version of a custom image.
type RollbackImage struct {
	ID         string // an id or a name
	Region     string // of a name; empty: the default region
	Generation int64  // what was read; another one is refused. 0: any
	Version    int
}

// RunImage asks for one run of a command in an image.
type RunImage struct {
	Image         string // id or name of a custom image, or name of an official one
	Region        string // empty: the default region
	ResourceGroup string // id or name; empty: the one of the image's test
	Argv          []string
	Env           map[string]string
}

// CreateImage starts version 1 and its test, and returns at once; wait for the process that the image names.
func (c *Client) CreateImage(ctx context.Context, request CreateImage) (image.Image, error) {
	answer, err := call(ctx, c, c.image.CreateImage, &kilnv1.CreateImageRequest{
		RequestKey: request.Key, Region: request.Region, Spec: api.ImageSpecToProto(request.Spec), ExpectedInputHash: request.ExpectedHash,
	})
	return api.ImageFromProto(answer.GetImage()), err
}

// Image reads an image by its id, or by its name in a region; an empty region is the default one.
func (c *Client) Image(ctx context.Context, id, region string) (image.Image, error) {
	answer, err := call(ctx, c, c.image.GetImage, &kilnv1.GetImageRequest{Id: id, Region: region})
	return api.ImageFromProto(answer.GetImage()), err
}

// Images lists the images of a region that the caller may see; an empty name is every region.
func (c *Client) Images(ctx context.Context, region string) ([]image.Image, error) {
	return c.FindImages(ctx, image.Filter{Region: region})
}

// FindImages lists the images that a filter chooses, on all pages from the one that it names on.
func (c *Client) FindImages(ctx context.Context, f image.Filter) (list []image.Image, err error) {
	for {
		answer, err := call(ctx, c, c.image.ListImages, api.FilterToProto(f))
		if err != nil {
			return nil, err
		}
		list = append(list, api.ImagesFromProto(answer.GetImages())...)
		if f.After = answer.GetNextPageToken(); f.After == "" {
			return list, nil
		}
	}
}

// ImageVersions lists the versions of an image.
func (c *Client) ImageVersions(ctx context.Context, id string) ([]image.Version, error) {
	answer, err := call(ctx, c, c.image.ListImageVersions, &kilnv1.ListImageVersionsRequest{ImageId: id})
	versions := api.VersionsFromProto(answer.GetVersions())
	for i := range versions {
		versions[i].ImageID = id
	}
	return versions, err
}

// UpdateImage makes a new version when the recipe differs and starts its test, and returns at once.
func (c *Client) UpdateImage(ctx context.Context, request UpdateImage) (image.Image, error) {
	answer, err := call(ctx, c, c.image.UpdateImage, &kilnv1.UpdateImageRequest{
		Id: request.ID, Generation: request.Generation, Spec: api.ImageSpecToProto(request.Spec), ExpectedInputHash: request.ExpectedHash,
	})
	return api.ImageFromProto(answer.GetImage()), err
}

// ImageHistory tells what has happened to an image, oldest first.
func (c *Client) ImageHistory(ctx context.Context, id string) ([]image.Entry, error) {
	answer, err := call(ctx, c, c.image.ListImageHistory, &kilnv1.ListImageHistoryRequest{ImageId: id})
	entries := api.HistoryFromProto(answer.GetEntries())
	for i := range entries {
		entries[i].ImageID = id
	}
	return entries, err
}

// RollbackImage makes an earlier version that was published the current one again, at once.
func (c *Client) RollbackImage(ctx context.Context, request RollbackImage) (image.Image, error) {
	answer, err := call(ctx, c, c.image.RollbackImage, &kilnv1.RollbackImageRequest{
		Id: request.ID, Region: request.Region, Generation: request.Generation, Version: int32(request.Version),
	})
	return api.ImageFromProto(answer.GetImage()), err
}

// DeleteImage cancels what is under way and deletes an image that nothing uses.
func (c *Client) DeleteImage(ctx context.Context, id string) error {
	_, err := call(ctx, c, c.image.DeleteImage, &kilnv1.DeleteImageRequest{Id: id})
	return err
}

// RunImage queues a run and returns its process; Wait follows what it prints.
func (c *Client) RunImage(ctx context.Context, request RunImage) (processID string, err error) {
	answer, err := call(ctx, c, c.image.RunImage, &kilnv1.RunImageRequest{
		Image: request.Image, Region: request.Region, ResourceGroup: request.ResourceGroup, Argv: request.Argv, Env: request.Env,
	})
	return answer.GetProcessId(), err
}
