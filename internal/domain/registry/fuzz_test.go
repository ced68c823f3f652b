package registry_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/redact"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// FuzzEndpoint checks that an endpoint that is accepted has one host and one port, which a network can open, and is the one way to
// write them.
func FuzzEndpoint(f *testing.F) {
	for _, seed := range []string{
		"registry.internal:5000", "registry.internal", "10.0.0.1:80", "[2001:db8::1]:443", "[2001:db8::1]", "host.kiln.internal:5000", "localhost:1",
		"127.0.0.1:1", "[::ffff:10.0.0.1]:1", "a:0", "a:01", "A.b", "user@a.b", "https://a.b", "a.b/c", "[fe80::1%eth0]:1", "a.b:", "10.1:1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		found := registry.ValidateEndpoint("endpoint", endpoint)
		if len(found) > 0 {
			for _, p := range found {
				if p.Field != "endpoint" || p.Value != redact.Host(endpoint) || p.Limit == "" || p.Remedy == "" {
					t.Errorf("%q: %+v", endpoint, p)
				}
			}
			return
		}
		r := registry.Registry{Endpoint: endpoint}
		host, port := r.Address()
		if host == "" || port == 0 || strings.ContainsAny(endpoint, " \t\r\n/@'\"$;%") || endpoint != strings.ToLower(endpoint) {
			t.Fatalf("%q is accepted, with host %q and port %d", endpoint, host, port)
		}
		if address, err := netip.ParseAddr(host); err == nil && address.String() != host {
			t.Errorf("%q is accepted; the address is written %s", endpoint, address)
		}
		if rules, refused := network.Rules([]string{r.HostPort()}); len(rules) != 1 || len(refused) > 0 || rules[0].Port != port {
			t.Errorf("%q is accepted, and no network can open %s: %v", endpoint, r.HostPort(), refused)
		}
		again := registry.Registry{Endpoint: r.HostPort()}
		if h, p := again.Address(); len(registry.ValidateEndpoint("endpoint", again.Endpoint)) > 0 || h != host || p != port {
			t.Errorf("%q is the same as %q, which is refused or another one", endpoint, again.Endpoint)
		}
	})
}
