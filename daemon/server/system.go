package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/usage"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// SystemService is what the API needs to tell about the daemon. No method writes anything.
type SystemService interface {
	Info(owner string) system.Info
	Snapshot(ctx context.Context, owner, region string) (system.Snapshot, error)
	Usage(ctx context.Context, owner string) (usage.Users, error)
}

type systemHandler struct{ service SystemService }

// GetInfo is the handshake.
func (h systemHandler) GetInfo(
	ctx context.Context, _ *connect.Request[kilnv1.GetInfoRequest],
) (*connect.Response[kilnv1.GetInfoResponse], error) {
	return answer(api.InfoToProto(h.service.Info(owner(ctx))), nil)
}

// GetSnapshot reads all that a plan needs.
func (h systemHandler) GetSnapshot(
	ctx context.Context, r *connect.Request[kilnv1.GetSnapshotRequest],
) (*connect.Response[kilnv1.GetSnapshotResponse], error) {
	snapshot, err := h.service.Snapshot(ctx, owner(ctx), r.Msg.GetRegion())
	return answer(api.SnapshotToProto(snapshot), err)
}

// ListUsage says who uses what.
func (h systemHandler) ListUsage(
	ctx context.Context, _ *connect.Request[kilnv1.ListUsageRequest],
) (*connect.Response[kilnv1.ListUsageResponse], error) {
	users, err := h.service.Usage(ctx, owner(ctx))
	return answer(api.UsageToProto(users), err)
}
