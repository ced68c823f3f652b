package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestKindsAndCodes(t *testing.T) {
	t.Parallel()
	kinds := []problem.Kind{
		problem.KindInvalid, problem.KindNotFound, problem.KindConflict, problem.KindPrecondition, problem.KindExhausted,
		problem.KindDenied, problem.KindUnavailable, problem.KindFailed, problem.KindInternal,
	}
	seen := map[connect.Code]problem.Kind{}
	for _, kind := range kinds {
		code := Code(kind)
		if other, ok := seen[code]; ok {
			t.Errorf("%s and %s share the code %s", kind, other, code)
		}
		seen[code] = kind
		if got := Kind(code); got != kind {
			t.Errorf("%s became %s and came back as %s", kind, code, got)
		}
	}
	if got := Code("of a later release"); got != connect.CodeInternal {
		t.Errorf("an unknown kind is %s", got)
	}
	if got := Kind(connect.CodeDataLoss); got != problem.KindInternal {
		t.Errorf("an unknown code is %s", got)
	}
}

func TestProblemsComeBack(t *testing.T) {
	t.Parallel()
	one := problem.Problem{
		Code: problem.UnpinnedPackage, Field: "packages[0].names[0]", Value: "jieba", Limit: "NAME==VERSION",
		Remedy: "Say which version.", Detail: "not pinned", Log: []string{"a", "b"},
	}
	two := problem.Problem{Code: problem.InvalidName, Field: "name", Value: "A-b"}
	for name, test := range map[string]struct {
		err  error
		want error
		code connect.Code
	}{
		"one":         {one, one, connect.CodeInvalidArgument},
		"wrapped":     {fmt.Errorf("create image: %w", one), one, connect.CodeInvalidArgument},
		"two":         {problem.List{two, one}, problem.List{two, one}, connect.CodeInvalidArgument},
		"list of one": {problem.List{one}, one, connect.CodeInvalidArgument},
		"not found":   {problem.Problem{Code: problem.NotFound}, problem.Problem{Code: problem.NotFound}, connect.CodeNotFound},
		"stale plan":  {problem.Problem{Code: problem.PlanStale}, problem.Problem{Code: problem.PlanStale}, connect.CodeFailedPrecondition},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := ToError(test.err, "r1")
			if sent.Code() != test.code {
				t.Errorf("code is %s, want %s", sent.Code(), test.code)
			}
			if diff := cmp.Diff(test.want, FromError(sent)); diff != "" {
				t.Errorf("came back as (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailuresTellNothing(t *testing.T) {
	t.Parallel()
	sent := ToError(errors.New(`open store "/home/x/secret.db": no such table`), "request-1")
	if sent.Code() != connect.CodeInternal || strings.Contains(sent.Error(), "secret") {
		t.Errorf("got %v", sent)
	}
	back := FromError(sent)
	if !problem.Has(back, problem.Internal) || !strings.Contains(back.Error(), "request-1") || !strings.Contains(back.Error(), "internal error") {
		t.Errorf("came back as %v", back)
	}
}

func TestEndOfContext(t *testing.T) {
	t.Parallel()
	for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
		if back := FromError(ToError(fmt.Errorf("wait: %w", want), "r1")); !errors.Is(back, want) {
			t.Errorf("%v came back as %v", want, back)
		}
	}
}

func TestErrorsOfConnectStay(t *testing.T) {
	t.Parallel()
	sent := connect.NewError(connect.CodeResourceExhausted, errors.New("message is larger than the limit"))
	if got := ToError(fmt.Errorf("receive: %w", sent), "r1"); got != sent {
		t.Errorf("became %v", got)
	}
}

func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	for code, want := range map[connect.Code]problem.Code{
		connect.CodeUnavailable:       problem.DaemonUnavailable,
		connect.CodeUnimplemented:     problem.IncompatibleAPI,
		connect.CodeUnauthenticated:   problem.Forbidden,
		connect.CodePermissionDenied:  problem.Forbidden,
		connect.CodeResourceExhausted: problem.RequestTooLarge,
		connect.CodeInvalidArgument:   problem.InvalidParameter,
	} {
		if back := FromError(connect.NewError(code, errors.New("proxy"))); !problem.Has(back, want) {
			t.Errorf("%s became %v, want %s", code, back, want)
		}
	}
	// A proxy's or another server's 404 must not remove a resource from a state.
	for _, code := range []connect.Code{connect.CodeNotFound, connect.CodeInternal, connect.CodeUnknown, connect.CodeAborted} {
		back := FromError(connect.NewError(code, errors.New("proxy")))
		if back == nil || len(problem.From(back)) > 0 {
			t.Errorf("%s became the problem %v", code, back)
		}
	}
	if FromError(nil) != nil {
		t.Error("an error came out of none")
	}
	plain := errors.New("plain")
	if got := FromError(plain); got != plain { //nolint:errorlint // identity is what is tested
		t.Errorf("a plain error became %v", got)
	}
}
