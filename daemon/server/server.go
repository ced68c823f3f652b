// Package server answers the API: it decodes, calls a service and encodes, one
// file a noun. What every call needs is here: who is asking, a request id, a
// log line, and an error that gives nothing away. It must not know the store
// or the engine.
package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/workspace"
	"github.com/kilnhq/kiln/internal/gen/kiln/v1/kilnv1connect"
)

// maxMessage is the largest message that a client may send, in bytes, once decompressed.
const maxMessage = 1 << 20

// The limits of a connection. There is none for a whole request: an upload and a watch last as long as they last.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	writeTimeout  = 30 * time.Second // of one write: a watcher that reads nothing is let go
	maxHeader     = 64 << 10         // bytes
)

// ResourceService is what the API needs of the plain declared resources. The owner is the caller's identity; an id may be a name
// where a region goes with it. Refusals are problems. Its methods are called by several goroutines at a time.
type ResourceService[T any] interface {
	Create(ctx context.Context, owner, key string, row T) (T, error)
	Get(ctx context.Context, owner, region, id string) (T, error)
	List(ctx context.Context, owner, region string) ([]T, error)
	Update(ctx context.Context, owner string, row T) (T, error)
	Delete(ctx context.Context, owner, id string) error
}

// Services is what the API consists of. All services must be set.
type Services struct {
	System        SystemService
	Catalogue     CatalogueService
	Workspace     ResourceService[workspace.Workspace]
	Network       ResourceService[network.Network]
	ResourceGroup ResourceService[resourcegroup.ResourceGroup]
	Registry      RegistryService
	Image         ImageService
	File          FileStore
	Binding       BindingService
	Build         BuildService
	Process       ProcessService

	// RefuseUID says whose calls are refused whatever they ask: the subordinate uids, behind which containers run. Nil: nobody's.
	RefuseUID func(uid uint32) bool
	// Region refuses a region that the configuration does not have, in whatever request names one. Nil: it refuses none.
	Region func(name string) error
}

// New makes the handler of the whole API, and of GET /healthz. It answers nobody whose connection did not pass ConnContext.
func New(s Services, log *slog.Logger) http.Handler {
	options := connect.WithHandlerOptions(
		connect.WithReadMaxBytes(maxMessage),
		connect.WithRequestGate((&gate{refuse: s.RefuseUID, log: log}).admit),
		connect.WithInterceptors(&edge{log: log, region: s.Region}),
	)
	mux := http.NewServeMux()
	handle := func(path string, handler http.Handler) { register(mux, path, handler) }
	handle(kilnv1connect.NewSystemServiceHandler(systemHandler{s.System}, options))
	handle(kilnv1connect.NewOfficialImageServiceHandler(catalogueHandler{s.Catalogue}, options))
	handle(kilnv1connect.NewWorkspaceServiceHandler(workspaceHandler{s.Workspace}, options))
	handle(kilnv1connect.NewNetworkServiceHandler(networkHandler{s.Network}, options))
	handle(kilnv1connect.NewResourceGroupServiceHandler(resourceGroupHandler{s.ResourceGroup}, options))
	handle(kilnv1connect.NewRegistryServiceHandler(registryHandler{s.Registry}, options))
	handle(kilnv1connect.NewImageServiceHandler(imageHandler{s.Image, s.File}, options))
	handle(kilnv1connect.NewBindingServiceHandler(bindingHandler{s.Binding}, options))
	handle(kilnv1connect.NewBuildServiceHandler(buildHandler{s.Build}, options))
	handle(kilnv1connect.NewProcessServiceHandler(processHandler{s.Process}, options))
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("/", unknown)
	return withRequestID(withWriteTimeout(mux))
}

// register adds the procedures of a service one by one, so that all the others end up in unknown.
func register(mux *http.ServeMux, path string, handler http.Handler) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.Trim(path, "/")))
	service, ok := found.(protoreflect.ServiceDescriptor)
	if err != nil || !ok {
		mux.Handle(path, handler)
		return
	}
	for i := range service.Methods().Len() {
		mux.Handle(path+string(service.Methods().Get(i).Name()), handler)
	}
}

// HTTPServer makes a server for the handler, with limits against clients that say little or nothing.
func HTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ConnContext: ConnContext, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // who has gone meanwhile is not told
}

// unknown answers in the form in which Connect clients expect an error.
func unknown(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode(map[string]string{ // who has gone meanwhile is not told
		"code": connect.CodeUnimplemented.String(), "message": "the daemon has no such procedure",
	})
}

// answer is the end of every unary procedure.
func answer[A any](message *A, err error) (*connect.Response[A], error) {
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(message), nil
}
