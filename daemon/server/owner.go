package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"connectrpc.com/connect"
	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/internal/api"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

type (
	peerKey  struct{}
	ownerKey struct{}
)

// peer is who is at the other end of a connection, as the kernel says.
type peer struct {
	uid uint32
	err error // nobody can be told apart
}

// ConnContext notes who has connected; http.Server.ConnContext must be set to it. Only unix sockets tell.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	uid, err := peerUID(c)
	return context.WithValue(ctx, peerKey{}, peer{uid: uid, err: err})
}

func peerUID(c net.Conn) (uint32, error) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return 0, errors.New("read peer credentials: not a unix socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("read peer credentials: %w", err)
	}
	var credentials *unix.Ucred
	var optErr error
	err = raw.Control(func(fd uintptr) {
		credentials, optErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, optErr); err != nil {
		return 0, fmt.Errorf("read peer credentials: %w", err)
	}
	return credentials.Uid, nil
}

// gate admits a call before its message is read.
type gate struct {
	refuse func(uid uint32) bool
	log    *slog.Logger
}

func (g *gate) admit(ctx context.Context, spec connect.Spec, _ connect.Peer, _ http.Header) (context.Context, error) {
	p, known := ctx.Value(peerKey{}).(peer)
	refusal := problem.Problem{Code: problem.Forbidden, Remedy: "Call the daemon over its unix socket, from outside of a container."}
	switch {
	case !known || p.err != nil:
		refusal.Detail = "the daemon cannot tell who is calling"
	case g.refuse != nil && g.refuse(p.uid):
		refusal.Value, refusal.Detail = identity(p.uid), "subordinate uids, behind which containers run, may not call the daemon"
	default:
		return context.WithValue(ctx, ownerKey{}, identity(p.uid)), nil
	}
	attributes := []any{
		slog.String(keyRequestID, requestID(ctx)), slog.String(keyProcedure, spec.Procedure), slog.String(keyOwner, refusal.Value),
	}
	if p.err != nil {
		attributes = append(attributes, slog.String(keyError, p.err.Error()))
	}
	g.log.WarnContext(ctx, "caller refused", attributes...)
	return nil, api.ToError(refusal, requestID(ctx))
}

// identity is how an owner is written in the store.
func identity(uid uint32) string { return "uid:" + strconv.FormatUint(uint64(uid), 10) }

// owner is the identity of the caller; the gate has set it.
func owner(ctx context.Context) string {
	id, _ := ctx.Value(ownerKey{}).(string)
	return id
}
