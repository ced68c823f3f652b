package client

import (
	"context"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/process"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// Process is a process as the daemon showed it at one moment, with its place in the queue and what it has used.
type Process = api.Process

// ProcessFilter says which processes to list; an empty field is every one.
type ProcessFilter struct {
	Region  string
	Kind    process.Kind
	State   process.State
	ImageID string
	Limit   int // 0: 100
}

// Process reads a process.
func (c *Client) Process(ctx context.Context, id string) (Process, error) {
	answer, err := call(ctx, c, c.process.GetProcess, &kilnv1.GetProcessRequest{Id: id})
	return api.ProcessFromProto(answer.GetProcess()), err
}

// Processes lists processes, the newest first.
func (c *Client) Processes(ctx context.Context, filter ProcessFilter) ([]Process, error) {
	answer, err := call(ctx, c, c.process.ListProcesses, &kilnv1.ListProcessesRequest{
		Region: filter.Region, Kind: string(filter.Kind), State: string(filter.State), ImageId: filter.ImageID, Limit: int32(filter.Limit),
	})
	return api.ProcessesFromProto(answer.GetProcesses()), err
}

// CancelProcess stops a process and returns when it is final; one that was final already is no error.
func (c *Client) CancelProcess(ctx context.Context, id string) (Process, error) {
	answer, err := call(ctx, c, c.process.CancelProcess, &kilnv1.CancelProcessRequest{Id: id})
	return api.ProcessFromProto(answer.GetProcess()), err
}
