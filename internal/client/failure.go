package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// failure turns the error of a call into what callers act on: the daemon's own problems first, then the end of their context,
// then an unreachable daemon.
func (c *Client) failure(ctx context.Context, err error) error {
	translated := api.FromError(err)
	code := connect.CodeOf(err)
	switch {
	case connect.IsWireError(err) && len(problem.From(translated)) > 0:
		return c.remedied(translated)
	case ctx.Err() != nil:
		return fmt.Errorf("call daemon at %s: %w", c.endpoint, ctx.Err())
	case code == connect.CodeDeadlineExceeded && connect.IsWireError(err):
		return translated // the daemon's clock was a little faster
	case code == connect.CodeUnavailable || code == connect.CodeCanceled || code == connect.CodeDeadlineExceeded:
		return c.unavailable(err)
	}
	return c.remedied(translated)
}

// broken is failure for a stream that ended early: whatever the daemon did not say itself is a lost connection.
func (c *Client) broken(ctx context.Context, err error) error {
	switch code := connect.CodeOf(err); {
	case connect.IsWireError(err) || ctx.Err() != nil:
	case code == connect.CodeUnimplemented || code == connect.CodePermissionDenied || code == connect.CodeUnauthenticated:
	default:
		return c.unavailable(err)
	}
	return c.failure(ctx, err)
}

// unavailable says that the daemon could not be reached, and what may be done about it.
func (c *Client) unavailable(err error) error {
	cause := err
	if sent, ok := errors.AsType[*connect.Error](err); ok && sent.Unwrap() != nil {
		cause = sent.Unwrap()
	}
	if request, ok := errors.AsType[*url.Error](cause); ok {
		cause = request.Err // without the URL, which names a made-up host for a socket
	}
	remedy := "Start it with `kilnd serve`, or name another one with endpoint or " + EnvEndpoint + "."
	if errors.Is(err, fs.ErrPermission) {
		remedy = "Use the account that the daemon runs for, or name another daemon with endpoint or " + EnvEndpoint + "."
	}
	return problem.Problem{
		Code: problem.DaemonUnavailable, Value: c.endpoint, Detail: "the daemon cannot be reached: " + cause.Error(), Remedy: remedy,
	}
}

// remedied adds what only the client knows to problems that the daemon did not send itself.
func (c *Client) remedied(err error) error {
	p, ok := errors.AsType[problem.Problem](err)
	if !ok || p.Remedy != "" {
		return err
	}
	p.Value = cmp.Or(p.Value, c.endpoint)
	switch p.Code {
	case problem.IncompatibleAPI:
		p.Remedy = "Check that the endpoint is a kilnd, and of the same version as this client."
	case problem.RequestTooLarge:
		p.Remedy = "Make the request smaller: move long scripts and values into files."
	case problem.Forbidden:
		p.Remedy = "Use an account or a token that the daemon admits."
	case problem.DaemonUnavailable:
		p.Remedy = "Try again when the daemon serves."
	default:
		p.Remedy = "Check that client and daemon are of the same version."
	}
	return p
}
