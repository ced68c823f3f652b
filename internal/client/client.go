// Package client is the typed client of a daemon: it speaks domain types, over
// a unix socket or HTTP with TLS. Refusals come back as problems. It must not
// know Terraform, the services or the store.
package client

import (
	"cmp"
	"context"
	"net/http"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/gen/kiln/v1/kilnv1connect"
)

// maxAnswer is the largest message that is accepted from a daemon, in bytes: a region full of images with their package lists.
const maxAnswer = 64 << 20

// Config says where the daemon is and who is asking. The zero value is the daemon of this user on this machine.
type Config struct {
	// Endpoint is unix:///PATH, https://HOST:PORT or http://HOST:PORT. Empty: the environment's KILN_ENDPOINT, then the first of
	// $XDG_RUNTIME_DIR/kiln/kilnd.sock, $XDG_STATE_HOME/kiln/kilnd.sock and /run/kiln/kilnd.sock that exists.
	Endpoint string
	// Token is sent with every request over HTTP. Empty: the environment's KILN_TOKEN.
	Token string
	// CACert, ClientCert and ClientKey are PEM texts for https.
	CACert, ClientCert, ClientKey string
	// UserAgent names the program in the daemon's log.
	UserAgent string
}

// Client calls one daemon. It may be used by several goroutines at a time.
type Client struct {
	endpoint  string
	transport *http.Transport
	retry     retry
	largest   int // bytes of one file

	system        kilnv1connect.SystemServiceClient
	official      kilnv1connect.OfficialImageServiceClient
	workspace     kilnv1connect.WorkspaceServiceClient
	network       kilnv1connect.NetworkServiceClient
	resourceGroup kilnv1connect.ResourceGroupServiceClient
	registry      kilnv1connect.RegistryServiceClient
	image         kilnv1connect.ImageServiceClient
	binding       kilnv1connect.BindingServiceClient
	build         kilnv1connect.BuildServiceClient
	process       kilnv1connect.ProcessServiceClient
}

// New makes a client. It connects to nothing; the errors are problems in the configuration, their fields named as the provider's.
func New(config Config) (*Client, error) {
	target, err := parseEndpoint(cmp.Or(config.Endpoint, defaultEndpoint()))
	if err != nil {
		return nil, err
	}
	token, err := target.token(config.Token)
	if err != nil {
		return nil, err
	}
	tls, err := tlsConfig(config)
	if err != nil {
		return nil, err
	}
	c := &Client{endpoint: target.text, transport: target.transport(tls), retry: defaultRetry, largest: recipe.MaxFileSize}
	caller := &http.Client{
		Transport: &headers{next: c.transport, token: token, userAgent: cmp.Or(config.UserAgent, "kiln-client")},
		// A redirect would carry the request, and what it asks for, to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	limit := connect.WithReadMaxBytes(maxAnswer)
	c.system = kilnv1connect.NewSystemServiceClient(caller, target.base, limit)
	c.official = kilnv1connect.NewOfficialImageServiceClient(caller, target.base, limit)
	c.workspace = kilnv1connect.NewWorkspaceServiceClient(caller, target.base, limit)
	c.network = kilnv1connect.NewNetworkServiceClient(caller, target.base, limit)
	c.resourceGroup = kilnv1connect.NewResourceGroupServiceClient(caller, target.base, limit)
	c.registry = kilnv1connect.NewRegistryServiceClient(caller, target.base, limit)
	c.image = kilnv1connect.NewImageServiceClient(caller, target.base, limit)
	c.binding = kilnv1connect.NewBindingServiceClient(caller, target.base, limit)
	c.build = kilnv1connect.NewBuildServiceClient(caller, target.base, limit)
	c.process = kilnv1connect.NewProcessServiceClient(caller, target.base, limit)
	return c, nil
}

// Endpoint says which daemon is called: unix:///PATH, https://HOST:PORT or http://HOST:PORT.
func (c *Client) Endpoint() string { return c.endpoint }

// Close drops the idle connections; the client may be used again.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// call makes one unary call; its error is for the user of the client.
func call[Q, A any](
	ctx context.Context, c *Client, method func(context.Context, *connect.Request[Q]) (*connect.Response[A], error), message *Q,
) (*A, error) {
	answer, err := method(ctx, connect.NewRequest(message))
	if err != nil {
		return nil, c.failure(ctx, err)
	}
	return answer.Msg, nil
}

// headers adds what every request carries.
type headers struct {
	next             http.RoundTripper
	token, userAgent string
}

// RoundTrip sends a copy of the request, since a RoundTripper may not change what it is given.
func (h *headers) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", h.userAgent)
	if h.token != "" {
		request.Header.Set("Authorization", "Bearer "+h.token)
	}
	return h.next.RoundTrip(request)
}
