package sandbox

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/network"
)

// slirpDNS is where slirp4netns answers as a name service inside a sandbox. All its addresses, in 10.0.2.0/24 and fd00::/64, are reserved.
const slirpDNS = "10.0.2.3"

// Network is the egress policy of a sandbox, worked out.
type Network struct {
	Tap          bool   `json:"tap"`           // a way out exists at all
	HostLoopback bool   `json:"host_loopback"` // a port of the host's loopback is open
	IPv6         bool   `json:"ipv6"`
	Ruleset      string `json:"ruleset"` // for nft -f -; empty when there is no way out
	Hosts        string `json:"hosts"`   // the text of /etc/hosts
	Resolver     string `json:"resolver"`
}

// NewNetwork works out the egress policy. A restricted network opens what Allow names and rejects all else; a
// public one rejects what is not on the public internet. An Allow entry for worker.HostAddress opens one TCP port
// of the host's loopback, and must name a port.
func NewNetwork(n worker.Network) (Network, error) {
	hosts, err := hostsFile(n.Hosts)
	if err != nil {
		return Network{}, err
	}
	network := Network{Hosts: hosts, Resolver: "127.0.0.1"}
	switch n.Egress {
	case worker.EgressNone, "":
		return network, nil
	case worker.EgressPublic:
		network.Tap, network.Resolver = true, slirpDNS
		network.Ruleset = ruleset(publicRules())
		return network, nil
	case worker.EgressRestricted:
	default:
		return Network{}, fmt.Errorf("unknown egress %q", n.Egress)
	}
	network.Tap = true
	var host, other []string
	for _, allow := range n.Allow {
		if !allow.Prefix.IsValid() {
			return Network{}, fmt.Errorf("invalid prefix %q in allow list", allow.Prefix)
		}
		if isHost(allow.Prefix) {
			if allow.Port == 0 {
				return Network{}, fmt.Errorf("allow entry for %s must name a port", worker.HostAddress)
			}
			network.HostLoopback = true
			host = append(host, fmt.Sprintf("ip daddr %s tcp dport %d accept", worker.HostAddress, allow.Port))
			continue
		}
		family := "ip"
		if allow.Prefix.Addr().Is6() {
			family, network.IPv6 = "ip6", true
		}
		other = append(other, allowRule(family, allow))
	}
	network.Ruleset = ruleset(restrictedRules(host, other))
	return network, nil
}

func isHost(prefix netip.Prefix) bool {
	return prefix.IsSingleIP() && prefix.Addr() == netip.MustParseAddr(worker.HostAddress)
}

func allowRule(family string, allow worker.Allow) string {
	rule := fmt.Sprintf("%s daddr %s ", family, allow.Prefix.Masked())
	if allow.Port == 0 {
		return rule + "accept"
	}
	return rule + fmt.Sprintf("meta l4proto { tcp, udp } th dport %d accept", allow.Port)
}

// restrictedRules put what no allow-list opens, slirp's own addresses above all, between the host's ports and the rest: a wide
// prefix such as 10.0.0.0/8 must open neither the host's loopback nor the name service.
func restrictedRules(host, other []string) []string {
	var reserved4, reserved6 []string
	for _, prefix := range domain.Reserved() {
		if prefix.Addr().Is4() {
			reserved4 = append(reserved4, prefix.String())
		} else {
			reserved6 = append(reserved6, prefix.String())
		}
	}
	rules := append(
		slices.Clone(host), "ip daddr { "+strings.Join(reserved4, ", ")+" } goto refuse", "ip6 daddr { "+strings.Join(reserved6, ", ")+" } goto refuse",
	)
	return append(rules, other...)
}

func publicRules() []string {
	var private []string
	for _, prefix := range domain.Private() {
		private = append(private, prefix.String())
	}
	return []string{
		"ip daddr " + slirpDNS + " meta l4proto { tcp, udp } th dport 53 accept",
		"ip daddr { " + strings.Join(private, ", ") + " } goto refuse",
		// slirp4netns is started without IPv6 for this policy; the rule holds even if an address appeared.
		"meta nfproto ipv6 goto refuse",
		"accept",
	}
}

// ruleset is a table whose output chain ends in a fast refusal, so that nobody waits for a timeout.
func ruleset(rules []string) string {
	var b strings.Builder
	b.WriteString("table inet kiln {\n\tchain refuse {\n")
	b.WriteString("\t\tmeta l4proto tcp reject with tcp reset\n\t\treject with icmpx admin-prohibited\n\t}\n")
	b.WriteString("\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n")
	b.WriteString("\tchain output {\n\t\ttype filter hook output priority filter; policy drop;\n")
	b.WriteString("\t\toifname \"lo\" accept\n\t\tct state established,related accept\n")
	b.WriteString("\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept\n")
	for _, rule := range rules {
		b.WriteString("\t\t" + rule + "\n")
	}
	b.WriteString("\t\tgoto refuse\n\t}\n}\n")
	return b.String()
}

// hostsFile is the text of /etc/hosts. A name or an address that would make more of a line is an error.
func hostsFile(hosts map[string]string) (string, error) {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		address, err := netip.ParseAddr(hosts[name])
		if err != nil || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '#' }) {
			return "", fmt.Errorf("invalid host %q with address %q", name, hosts[name])
		}
		fmt.Fprintf(&b, "%s %s\n", address, name)
	}
	return b.String(), nil
}
