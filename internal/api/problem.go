package api

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/domain/problem"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// table maps the kinds of problems to Connect codes, and codes back to the problem that an answer without details means.
// An empty fallback is a failure and no problem: above all, only the daemon's own word makes something not found.
var table = []struct {
	kind     problem.Kind
	code     connect.Code
	fallback problem.Code
}{
	{problem.KindInvalid, connect.CodeInvalidArgument, problem.InvalidParameter},
	{problem.KindNotFound, connect.CodeNotFound, ""},
	{problem.KindConflict, connect.CodeAlreadyExists, ""},
	{problem.KindPrecondition, connect.CodeFailedPrecondition, ""},
	{problem.KindExhausted, connect.CodeResourceExhausted, problem.RequestTooLarge},
	{problem.KindDenied, connect.CodePermissionDenied, problem.Forbidden},
	{problem.KindUnavailable, connect.CodeUnavailable, problem.DaemonUnavailable},
	{problem.KindFailed, connect.CodeAborted, ""},
	{problem.KindInternal, connect.CodeInternal, ""},
	{problem.KindDenied, connect.CodeUnauthenticated, problem.Forbidden},
	{problem.KindPrecondition, connect.CodeUnimplemented, problem.IncompatibleAPI},
}

// Code gives the Connect code of a kind of problem.
func Code(kind problem.Kind) connect.Code {
	for _, row := range table {
		if row.kind == kind {
			return row.code
		}
	}
	return connect.CodeInternal
}

// Kind gives the kind of problem of a Connect code; what is in no row is internal.
func Kind(code connect.Code) problem.Kind {
	for _, row := range table {
		if row.code == code {
			return row.kind
		}
	}
	return problem.KindInternal
}

// ToError makes any error one for the wire. Problems travel as a ProblemList; the end of a context keeps its meaning; of
// anything else the caller learns the request id alone, and the text belongs in the log.
func ToError(err error, requestID string) *connect.Error {
	if found := problem.From(err); len(found) > 0 {
		return withProblems(Code(found[0].Kind()), found)
	}
	switch sent, isSent := errors.AsType[*connect.Error](err); {
	case isSent && sent != nil:
		return sent
	case errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, context.DeadlineExceeded)
	}
	return withProblems(connect.CodeInternal, problem.List{{
		Code: problem.Internal, Value: "request " + requestID, Detail: "internal error",
		Remedy: "Look for the request id in the daemon's log.",
	}})
}

func withProblems(code connect.Code, found problem.List) *connect.Error {
	sent := connect.NewError(code, errors.New(valid(found.Error())))
	detail, err := connect.NewErrorDetail(ProblemsToProto(found))
	if err != nil {
		return connect.NewError(connect.CodeInternal, fmt.Errorf("encode problems: %w", err))
	}
	sent.AddDetail(detail)
	return sent
}

// FromError gives back what ToError was given: a problem.Problem, a problem.List when there are several, or the end of a
// context. What a proxy or a foreign server answered becomes the nearest problem, or stays a failure.
func FromError(err error) error {
	if err == nil {
		return nil
	}
	sent, ok := errors.AsType[*connect.Error](err)
	if !ok || sent == nil {
		return err
	}
	found := problems(sent)
	switch {
	case len(found) == 1:
		return found[0]
	case len(found) > 1:
		return found
	case sent.Code() == connect.CodeCanceled:
		return fmt.Errorf("call daemon: %s: %w", sent.Message(), context.Canceled)
	case sent.Code() == connect.CodeDeadlineExceeded:
		return fmt.Errorf("call daemon: %s: %w", sent.Message(), context.DeadlineExceeded)
	}
	for _, row := range table {
		if row.code == sent.Code() && row.fallback != "" {
			return problem.Problem{Code: row.fallback, Detail: sent.Message()}
		}
	}
	return fmt.Errorf("call daemon: %w", sent)
}

func problems(sent *connect.Error) problem.List {
	for _, detail := range sent.Details() {
		value, err := detail.Value()
		if err != nil {
			continue
		}
		if list, ok := value.(*kilnv1.ProblemList); ok {
			return ProblemsFromProto(list)
		}
	}
	return nil
}

// ProblemToProto converts a problem; nil stays nil.
func ProblemToProto(p *problem.Problem) *kilnv1.Problem {
	if p == nil {
		return nil
	}
	return &kilnv1.Problem{
		Code: string(p.Code), Field: valid(p.Field), Value: valid(p.Value), Limit: valid(p.Limit), Remedy: valid(p.Remedy),
		Detail: valid(p.Detail), Log: each(p.Log, valid),
	}
}

// ProblemFromProto converts a problem; nil stays nil.
func ProblemFromProto(p *kilnv1.Problem) *problem.Problem {
	if p == nil {
		return nil
	}
	return &problem.Problem{
		Code: problem.Code(p.GetCode()), Field: p.GetField(), Value: p.GetValue(), Limit: p.GetLimit(), Remedy: p.GetRemedy(),
		Detail: p.GetDetail(), Log: p.GetLog(),
	}
}

// ProblemsToProto converts a list of problems.
func ProblemsToProto(l problem.List) *kilnv1.ProblemList {
	return &kilnv1.ProblemList{Problems: each(l, func(p problem.Problem) *kilnv1.Problem { return ProblemToProto(&p) })}
}

// ProblemsFromProto converts a list of problems.
func ProblemsFromProto(l *kilnv1.ProblemList) problem.List {
	var found problem.List
	for _, p := range l.GetProblems() {
		if converted := ProblemFromProto(p); converted != nil {
			found = append(found, *converted)
		}
	}
	return found
}
