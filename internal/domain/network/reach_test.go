package network_test

import (
	"net/netip"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/network"
)

func TestRefuses(t *testing.T) {
	t.Parallel()
	restricted := func(allow ...string) network.Network {
		return network.Network{Egress: network.EgressRestricted, Allow: allow}
	}
	none, public := network.Network{Egress: network.EgressNone}, network.Network{Egress: network.EgressPublic}
	for _, test := range []struct {
		name   string
		n      network.Network
		target string
		want   bool
	}{
		{"nothing goes out", none, "pypi.org:443", true},
		{"nothing goes out, not to the machine either", none, "host.kiln.internal:80", true},
		{"its own loopback", none, "localhost:8080", false},
		{"its own loopback by address", none, "127.0.0.1:8080", false},
		{"its own loopback by IPv6", none, "[::1]:8080", false},
		{"public", public, "pypi.org:443", false},
		{"host and port", restricted("mirror.internal:443"), "mirror.internal:443", false},
		{"case", restricted("Mirror.Internal:443"), "mirror.internal:443", false},
		{"every port", restricted("mirror.internal"), "mirror.internal:8443", false},
		{"another port", restricted("mirror.internal:443"), "mirror.internal:80", true},
		{"another port, that another name opens", restricted("mirror.internal:443", "other.internal:80"), "mirror.internal:80", false},
		{"another port, that a range opens", restricted("mirror.internal:443", "10.0.0.0/8:80"), "mirror.internal:80", false},
		{"another host", restricted("mirror.internal:443"), "pypi.org:443", true},
		{"a name below", restricted("internal:443"), "mirror.internal:443", true},
		{"a name does not resolve for a range", restricted("0.0.0.0/0"), "pypi.org:443", true},
		{"nothing is listed", restricted(), "pypi.org:443", true},
		{"an address in a range", restricted("10.8.0.0/16:5000"), "10.8.1.2:5000", false},
		{"an address in a range, another port", restricted("10.8.0.0/16:5000"), "10.8.1.2:80", true},
		{"an address out of the range", restricted("10.8.0.0/16"), "10.9.0.1:80", true},
		{"an address that a name may have", restricted("mirror.internal:80"), "10.9.0.1:80", false},
		{"an address that a name may have, another port", restricted("mirror.internal:443"), "10.9.0.1:80", true},
		{"IPv6", restricted("[fd00::/8]:443"), "[fd00::1]:443", false},
		{"the machine", restricted("host.kiln.internal:8081"), "host.kiln.internal:8081", false},
		{"the machine, another port", restricted("host.kiln.internal:8081", "mirror.internal"), "host.kiln.internal:80", true},
		{"a port of the machine is no one else's", restricted("host.kiln.internal:80", "mirror.internal:443"), "mirror.internal:80", true},
		{"what cannot be read", restricted("http://x"), "pypi.org:443", false},
		{"no port", none, "pypi.org", false},
		{"no number", none, "pypi.org:https", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.n.Refuses(test.target); got != test.want {
				t.Errorf("%v refuses %s: %v, want %v", test.n.Allow, test.target, got, test.want)
			}
		})
	}
}

func TestOpens(t *testing.T) {
	t.Parallel()
	restricted := func(allow ...string) network.Network {
		return network.Network{Egress: network.EgressRestricted, Allow: allow}
	}
	none, public := network.Network{Egress: network.EgressNone}, network.Network{Egress: network.EgressPublic}
	for _, test := range []struct {
		name    string
		n       network.Network
		host    string
		address string
		want    bool
	}{
		{"nothing goes out", none, "registry.internal", "192.0.2.7", false},
		{"no policy", network.Network{}, "registry.internal", "192.0.2.7", false},
		{"public", public, "registry.example", "192.0.2.7", true},
		{"public by address", public, "", "192.0.2.7", true},
		{"public, a private address", public, "registry.example", "10.8.0.3", false},
		{"public, loopback", public, "registry.example", "127.0.0.1", false},
		{"public, loopback in another spelling", public, "registry.example", "::ffff:127.0.0.1", false},
		{"public, a metadata service", public, "registry.example", "169.254.169.254", false},
		{"public, IPv6", public, "registry.example", "2001:db8::1", false},
		{"public, the machine", public, "host.kiln.internal", "127.0.0.1", false},
		{"listed", restricted("registry.internal:5000"), "registry.internal", "10.8.0.3", true},
		{"listed, in capitals", restricted("Registry.Internal"), "REGISTRY.internal", "10.8.0.3", true},
		{"listed, another port", restricted("registry.internal:443"), "registry.internal", "10.8.0.3", false},
		{"listed, and leads to loopback", restricted("registry.internal"), "registry.internal", "127.0.0.1", false},
		{"listed, and leads to a metadata service", restricted("registry.internal"), "registry.internal", "169.254.169.254", false},
		{"not listed", restricted("mirror.internal"), "registry.internal", "10.8.0.3", false},
		{"not listed, in a range", restricted("10.8.0.0/16"), "registry.internal", "10.8.0.3", false},
		{"listed at another port, and in a range", restricted("registry.internal:443", "10.8.0.0/16:5000"), "registry.internal", "10.8.0.3", true},
		{"by address, in a range", restricted("10.8.0.0/16:5000"), "", "10.8.0.3", true},
		{"by address, out of the range", restricted("10.8.0.0/16:5000"), "", "10.9.0.3", false},
		{"by address, a wide range", restricted("0.0.0.0/0"), "", "127.0.0.1", false},
		{"IPv6", restricted("[2001:db8::/32]:5000"), "", "2001:db8::1", true},
		{"the machine", restricted("host.kiln.internal:5000"), "host.kiln.internal", "127.0.0.1", true},
		{"the machine, another port", restricted("host.kiln.internal:443", "127.0.0.0/7"), "host.kiln.internal", "127.0.0.1", false},
		{"a list that cannot be read", restricted("registry.internal:5000", "http://x"), "registry.internal", "10.8.0.3", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.n.Opens(test.host, netip.MustParseAddr(test.address), 5000); got != test.want {
				t.Errorf("%v opens %s %s: %v, want %v", test.n.Allow, test.host, test.address, got, test.want)
			}
		})
	}
}
