package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/official"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// OfficialImages lists the catalogue; an empty name or task type is all of them.
func (c *Client) OfficialImages(ctx context.Context, name, taskType string) ([]official.Image, error) {
	answer, err := call(ctx, c, c.official.ListOfficialImages, &kilnv1.ListOfficialImagesRequest{Name: name, TaskType: taskType})
	return api.OfficialImagesFromProto(answer.GetOfficialImages()), err
}

// PrepareOfficialImage makes an image available now and not on first use. The version may be empty: the newest. Without a
// process id it is available already.
func (c *Client) PrepareOfficialImage(ctx context.Context, name, version string) (processID string, err error) {
	answer, err := call(ctx, c, c.official.PrepareOfficialImage, &kilnv1.PrepareOfficialImageRequest{Name: name, Version: version})
	return answer.GetProcessId(), err
}
