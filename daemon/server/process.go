package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/internal/api"
	domain "github.com/kilnhq/kiln/internal/domain/process"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// ProcessService is what the API needs of the processes. Cancel returns once the process is final. Watch hands over lines and
// changes in order, on the calling goroutine, and ends with the context, with an error of the function, or after the process as
// it is at the end.
type ProcessService interface {
	Get(ctx context.Context, owner, id string) (process.View, error)
	List(ctx context.Context, owner string, filter process.Filter) ([]process.View, error)
	Cancel(ctx context.Context, owner, id string) (process.View, error)
	Watch(ctx context.Context, owner string, request process.WatchRequest, send func(process.Update) error) error
}

type processHandler struct{ service ProcessService }

// GetProcess reads a process.
func (h processHandler) GetProcess(
	ctx context.Context, r *connect.Request[kilnv1.GetProcessRequest],
) (*connect.Response[kilnv1.GetProcessResponse], error) {
	view, err := h.service.Get(ctx, owner(ctx), r.Msg.GetId())
	return answer(&kilnv1.GetProcessResponse{Process: api.ProcessToProto(api.Process(view))}, err)
}

// ListProcesses lists processes.
func (h processHandler) ListProcesses(
	ctx context.Context, r *connect.Request[kilnv1.ListProcessesRequest],
) (*connect.Response[kilnv1.ListProcessesResponse], error) {
	views, err := h.service.List(ctx, owner(ctx), process.Filter{
		Region: r.Msg.GetRegion(), Kind: domain.Kind(r.Msg.GetKind()), State: domain.State(r.Msg.GetState()),
		ImageID: r.Msg.GetImageId(), Limit: int(r.Msg.GetLimit()),
	})
	list := make([]api.Process, len(views))
	for i, view := range views {
		list[i] = api.Process(view)
	}
	return answer(&kilnv1.ListProcessesResponse{Processes: api.ProcessesToProto(list)}, err)
}

// CancelProcess stops a process.
func (h processHandler) CancelProcess(
	ctx context.Context, r *connect.Request[kilnv1.CancelProcessRequest],
) (*connect.Response[kilnv1.CancelProcessResponse], error) {
	view, err := h.service.Cancel(ctx, owner(ctx), r.Msg.GetId())
	return answer(&kilnv1.CancelProcessResponse{Process: api.ProcessToProto(api.Process(view))}, err)
}

// WatchProcess streams the log and the changes of a process.
func (h processHandler) WatchProcess(
	ctx context.Context, r *connect.Request[kilnv1.WatchProcessRequest], stream *connect.ServerStream[kilnv1.WatchProcessResponse],
) error {
	watch := process.WatchRequest{ID: r.Msg.GetId(), After: r.Msg.GetAfterLine(), Follow: r.Msg.GetFollow()}
	return h.service.Watch(ctx, owner(ctx), watch, func(update process.Update) error {
		switch {
		case update.Line != nil:
			return stream.Send(&kilnv1.WatchProcessResponse{
				Event: &kilnv1.WatchProcessResponse_Line{Line: api.LineToProto(*update.Line)},
			})
		case update.View != nil:
			return stream.Send(&kilnv1.WatchProcessResponse{
				Event: &kilnv1.WatchProcessResponse_Process{Process: api.ProcessToProto(api.Process(*update.View))},
			})
		}
		return nil
	})
}
