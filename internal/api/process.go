package api

import (
	"github.com/kilnhq/kiln/internal/domain/process"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// Process is a process as the daemon shows it at one moment.
type Process struct {
	process.Process
	QueuePosition int     // from 1; 0 when it is not queued
	CUSeconds     float64 // used so far
}

// ProcessToProto converts a process; its payload stays with the daemon.
func ProcessToProto(p Process) *kilnv1.Process {
	return &kilnv1.Process{
		Id: p.ID, Owner: p.Owner, Region: p.Region, Kind: string(p.Kind), State: string(p.State), Subject: p.Subject,
		ImageId: p.ImageID, ImageVersion: int32(p.ImageVersion), ResourceGroupId: p.ResourceGroupID, Cu: p.CU,
		Attempt: int32(p.Attempt), Step: valid(p.Step), Problem: ProblemToProto(p.Problem), ExitCode: int32(p.ExitCode),
		CreatedAt: timestamp(p.CreatedAt), StartedAt: timestamp(p.StartedAt), EndedAt: timestamp(p.EndedAt),
		QueuePosition: int32(p.QueuePosition), CuSeconds: p.CUSeconds,
	}
}

// ProcessFromProto converts a process; nil gives the zero value.
func ProcessFromProto(p *kilnv1.Process) Process {
	return Process{
		Process: process.Process{
			ID: p.GetId(), Owner: p.GetOwner(), Region: p.GetRegion(), Kind: process.Kind(p.GetKind()), State: process.State(p.GetState()),
			Subject: p.GetSubject(), ImageID: p.GetImageId(), ImageVersion: int(p.GetImageVersion()),
			ResourceGroupID: p.GetResourceGroupId(), CU: p.GetCu(), Attempt: int(p.GetAttempt()), Step: p.GetStep(),
			Problem: ProblemFromProto(p.GetProblem()), ExitCode: int(p.GetExitCode()), CreatedAt: fromTimestamp(p.GetCreatedAt()),
			StartedAt: fromTimestamp(p.GetStartedAt()), EndedAt: fromTimestamp(p.GetEndedAt()),
		},
		QueuePosition: int(p.GetQueuePosition()), CUSeconds: p.GetCuSeconds(),
	}
}

// ProcessesToProto converts a list of processes.
func ProcessesToProto(list []Process) []*kilnv1.Process { return each(list, ProcessToProto) }

// ProcessesFromProto converts a list of processes.
func ProcessesFromProto(list []*kilnv1.Process) []Process { return each(list, ProcessFromProto) }

// LineToProto converts a line of a log.
func LineToProto(l process.Line) *kilnv1.LogLine {
	return &kilnv1.LogLine{Number: l.Number, Stream: l.Stream, Text: valid(l.Text), Step: valid(l.Step)}
}

// LineFromProto converts a line of a log; nil gives the zero value.
func LineFromProto(l *kilnv1.LogLine) process.Line {
	return process.Line{Number: l.GetNumber(), Stream: l.GetStream(), Text: l.GetText(), Step: l.GetStep()}
}
