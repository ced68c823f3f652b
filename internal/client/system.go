package client

import (
	"context"
	"strconv"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/usage"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// Info is the handshake. A daemon of another API version is IncompatibleApi; what it said is returned all the same.
func (c *Client) Info(ctx context.Context) (system.Info, error) {
	answer, err := call(ctx, c, c.system.GetInfo, &kilnv1.GetInfoRequest{})
	if err != nil {
		return system.Info{}, err
	}
	info := api.InfoFromProto(answer)
	if info.APIVersion != system.APIVersion {
		return info, problem.Problem{
			Code: problem.IncompatibleAPI, Value: strconv.Itoa(info.APIVersion), Limit: strconv.Itoa(system.APIVersion),
			Detail: "the daemon " + info.DaemonVersion + " at " + c.endpoint + " speaks another version of the API",
			Remedy: "Use a client and a daemon of the same release.",
		}
	}
	return info, nil
}

// Snapshot reads all that a plan needs of a region; an empty name is the default region.
func (c *Client) Snapshot(ctx context.Context, region string) (system.Snapshot, error) {
	answer, err := call(ctx, c, c.system.GetSnapshot, &kilnv1.GetSnapshotRequest{Region: region})
	return api.SnapshotFromProto(answer), err
}

// Usage says who uses what of the caller's things, in every region.
func (c *Client) Usage(ctx context.Context) (usage.Users, error) {
	answer, err := call(ctx, c, c.system.ListUsage, &kilnv1.ListUsageRequest{})
	return api.UsageFromProto(answer), err
}
