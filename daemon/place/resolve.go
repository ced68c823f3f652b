package place

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/network"
)

// Lookup finds the addresses of a name, as net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// Resolve turns a network into what a worker enforces. Every name is resolved once, here, and pinned for the job: a step
// has no name service of its own on a restricted network. A name that does not resolve is left out and reported.
func Resolve(ctx context.Context, n domain.Network, lookup Lookup) (resolved worker.Network, remarks []string, err error) {
	resolved = worker.Network{Egress: worker.Egress(n.Egress), Hosts: map[string]string{}}
	if n.Egress != domain.EgressRestricted {
		return resolved, nil, nil
	}
	rules, problems := domain.Rules(n.Allow)
	if err := problems.Err(); err != nil {
		return worker.Network{}, nil, err
	}
	for _, rule := range rules {
		if rule.Host == "" {
			resolved.Allow = append(resolved.Allow, worker.Allow{Prefix: rule.Prefix, Port: rule.Port})
			continue
		}
		addresses, err := addressesOf(ctx, rule.Host, lookup)
		if err != nil {
			remarks = append(remarks, fmt.Sprintf("%s does not resolve and cannot be reached: %v", rule.Host, err))
			continue
		}
		resolved.Hosts[rule.Host] = addresses[0].String()
		for _, a := range addresses {
			resolved.Allow = append(resolved.Allow, worker.Allow{Prefix: netip.PrefixFrom(a, a.BitLen()), Port: rule.Port})
		}
	}
	return resolved, remarks, nil
}

func addressesOf(ctx context.Context, host string, lookup Lookup) ([]netip.Addr, error) {
	if host == worker.HostName {
		return []netip.Addr{netip.MustParseAddr(worker.HostAddress)}, nil
	}
	// IPv4 only: the worker's way out has no IPv6 address.
	addresses, err := lookup(ctx, "ip4", host)
	if err != nil {
		return nil, err
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("no IPv4 address for %s", host)
	}
	for i, a := range addresses {
		addresses[i] = a.Unmap()
	}
	return addresses, nil
}
