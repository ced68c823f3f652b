package provider_test

import (
	"context"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/provider/acctest"
)

// TestProxy: an ordinary proxy in front of the daemon's socket serves https, streams too, as the provider's page says. It is the
// proxy that sees the token.
func TestProxy(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if r.In.Header.Get("Authorization") != "Bearer secret" {
				t.Errorf("%s came without the token", r.In.URL.Path)
			}
			r.SetURL(&url.URL{Scheme: "http", Host: "kilnd"})
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(d.Endpoint, "unix://"))
		}},
		FlushInterval: -1,
	}
	front := httptest.NewTLSServer(proxy)
	t.Cleanup(front.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	c, err := client.New(client.Config{Endpoint: front.URL, CACert: string(authority), Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	id, err := c.PrepareOfficialImage(t.Context(), acctest.Official, "")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := c.Wait(t.Context(), id, func(client.Event) {}); err != nil || p.State != process.StateCompleted {
		t.Errorf("the process ended %s, %v", p.State, err)
	}
}
