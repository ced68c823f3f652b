package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// RequestIDHeader carries the id under which the daemon's log has a request.
const RequestIDHeader = "Kiln-Request-Id"

// The attributes of a log line: ids, codes and durations, never content.
const (
	keyRequestID = "request_id"
	keyProcedure = "procedure"
	keyOwner     = "owner"
	keyCode      = "code"
	keyProblems  = "problems"
	keyDuration  = "duration"
	keyError     = "error"
	keyStack     = "stack"
)

type requestIDKey struct{}

func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		w.Header().Set(RequestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// withWriteTimeout limits each write and not the answer, as a watch may last for hours.
func withWriteTimeout(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&impatient{ResponseWriter: w, control: http.NewResponseController(w)}, r)
	})
}

type impatient struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Write fails when the client takes too long to take it.
func (w *impatient) Write(p []byte) (int, error) {
	err := w.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return 0, fmt.Errorf("set write deadline: %w", err)
	}
	return w.ResponseWriter.Write(p)
}

// Flush hands on what was written, for streams.
func (w *impatient) Flush() {
	_ = w.control.Flush() // the next write reports what is wrong
}

// Unwrap gives the writer beneath, as http.ResponseController wants it.
func (w *impatient) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// edge surrounds every call: it turns a panic into an error and an error into an answer, and logs both, once.
type edge struct {
	log    *slog.Logger
	region func(name string) error // nil: every region is one
}

// WrapUnary surrounds calls with one message each way.
func (e *edge) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (response connect.AnyResponse, err error) {
		err = e.around(ctx, request.Spec(), func() (err error) {
			if err := e.known(request.Any()); err != nil {
				return err
			}
			response, err = next(ctx, request)
			return err
		})
		return response, err
	}
}

// known refuses a request that names a region which is none; an empty one is every region, or the default.
func (e *edge) known(message any) error {
	named, ok := message.(interface{ GetRegion() string })
	if !ok || e.region == nil || named.GetRegion() == "" {
		return nil
	}
	return e.region(named.GetRegion())
}

// WrapStreamingHandler surrounds streams.
func (e *edge) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		return e.around(ctx, conn.Spec(), func() error { return next(ctx, conn) })
	}
}

// WrapStreamingClient does nothing: this is a server.
func (e *edge) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (e *edge) around(ctx context.Context, spec connect.Spec, call func() error) error {
	log := e.log.With(
		slog.String(keyRequestID, requestID(ctx)), slog.String(keyProcedure, spec.Procedure), slog.String(keyOwner, owner(ctx)))
	start := time.Now()
	err := recovered(ctx, log, call)
	if err != nil && ctx.Err() != nil && len(problem.From(err)) == 0 {
		err = ctx.Err() // what follows from the end of a request is no error of its own
	}
	took := slog.Duration(keyDuration, time.Since(start))
	if err == nil {
		log.Log(ctx, level(spec), "request done", took)
		return nil
	}
	sent := api.ToError(err, requestID(ctx))
	code := slog.String(keyCode, sent.Code().String())
	switch found := problem.From(err); {
	case len(found) > 0:
		log.InfoContext(ctx, "request refused", code, slog.Any(keyProblems, codes(found)), took)
	case sent.Code() == connect.CodeInternal:
		log.ErrorContext(ctx, "request failed", code, slog.String(keyError, err.Error()), took)
	default:
		log.DebugContext(ctx, "request ended early", code, took)
	}
	return sent
}

// recovered makes a panic an error, so that one request cannot end the daemon.
func recovered(ctx context.Context, log *slog.Logger, call func() error) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value == http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
			panic(value)
		}
		log.ErrorContext(ctx, "request panicked", slog.String(keyStack, string(debug.Stack())))
		err = fmt.Errorf("recover panic: %v", value)
	}()
	return call()
}

// level keeps reads, of which one plan makes many, out of a log at its usual level.
func level(spec connect.Spec) slog.Level {
	method := spec.Procedure[strings.LastIndexByte(spec.Procedure, '/')+1:]
	for _, prefix := range []string{"Get", "List", "Find", "Watch"} {
		if strings.HasPrefix(method, prefix) {
			return slog.LevelDebug
		}
	}
	return slog.LevelInfo
}

func codes(found problem.List) []string {
	var codes []string
	for _, p := range found {
		if !slices.Contains(codes, string(p.Code)) {
			codes = append(codes, string(p.Code))
		}
	}
	return codes
}
