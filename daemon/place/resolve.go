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
// has no name service of its own on a restricted network. A name that does not resolve is left out and reported, and so is an
// address that no allow-list opens.
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
		addresses, refused, err := addressesOf(ctx, rule.Host, lookup)
		if len(refused) > 0 {
			remarks = append(remarks, fmt.Sprintf("%s has addresses that no allow-list opens, and is not reached at them: %v", rule.Host, refused))
		}
		if err != nil {
			remarks = append(remarks, fmt.Sprintf("%s does not resolve and cannot be reached: %v", rule.Host, err))
		}
		if len(addresses) == 0 {
			continue
		}
		resolved.Hosts[rule.Host] = addresses[0].String()
		for _, a := range addresses {
			resolved.Allow = append(resolved.Allow, worker.Allow{Prefix: netip.PrefixFrom(a, a.BitLen()), Port: rule.Port})
		}
	}
	return resolved, remarks, nil
}

// addressesOf gives the addresses of a name, and apart those that a name service must not open: else whoever writes its records
// could lead a step to the daemon's own machine.
func addressesOf(ctx context.Context, host string, lookup Lookup) (addresses, refused []netip.Addr, err error) {
	if host == domain.HostName {
		return []netip.Addr{netip.MustParseAddr(worker.HostAddress)}, nil, nil
	}
	// IPv4 only: the worker's way out has no IPv6 address.
	found, err := lookup(ctx, "ip4", host)
	if err != nil {
		return nil, nil, err
	}
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("no IPv4 address for %s", host)
	}
	for _, a := range found {
		if a = a.Unmap(); domain.IsReserved(a) {
			refused = append(refused, a)
		} else {
			addresses = append(addresses, a)
		}
	}
	return addresses, refused, nil
}
