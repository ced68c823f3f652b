// Package network holds the rules of networks: what a step may reach.
package network

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Egress is the policy of a network.
type Egress string

// The policies.
const (
	EgressNone       Egress = "none"
	EgressRestricted Egress = "restricted"
	EgressPublic     Egress = "public"
)

// Egresses lists the policies.
var Egresses = []Egress{EgressNone, EgressRestricted, EgressPublic}

// Network stands in for a VPC.
type Network struct {
	ID         string
	Owner      string
	Region     string
	Name       string
	Egress     Egress
	Allow      []string // HOST[:PORT] or CIDR[:PORT]; with restricted only
	Generation int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Rule is one parsed entry of Allow. Either Host or Prefix is set; port 0 is every port.
type Rule struct {
	Host   string
	Prefix netip.Prefix
	Port   uint16
}

var host = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$`)

// Validate checks what needs no store.
func (n Network) Validate() problem.List {
	found := name.General("name", n.Name)
	switch n.Egress {
	case EgressRestricted:
		_, problems := Rules(n.Allow)
		found = append(found, problems...)
	case EgressNone, EgressPublic:
		if len(n.Allow) > 0 {
			found = append(found, problem.Problem{
				Code: problem.ConflictingAttribute, Field: "allow", Value: strings.Join(n.Allow, ", "),
				Limit: `egress = "restricted"`, Remedy: `Set egress = "restricted", or remove the allow-list.`,
			})
		}
	default:
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "egress", Value: string(n.Egress), Limit: "none, restricted, public",
			Remedy: "Choose one of the three.",
		})
	}
	return found
}

// Rules parses an allow-list; the problems name the entries that are none.
func Rules(allow []string) ([]Rule, problem.List) {
	var rules []Rule
	var found problem.List
	for i, entry := range allow {
		rule, ok := parse(entry)
		p := problem.Problem{Code: problem.InvalidAllowEntry, Field: "allow[" + strconv.Itoa(i) + "]", Value: entry}
		switch {
		case !ok:
			p.Limit = "HOST:PORT, HOST, CIDR:PORT, CIDR or [IPV6-CIDR]:PORT; ports 1 to 65535"
			p.Remedy = "Name a host or an address range, for example mirror.internal:443 or 10.8.0.0/16:5000; no scheme, no path."
		case rule.Host == HostName && rule.Port == 0:
			p.Limit = HostName + ":PORT"
			p.Remedy = "Say which port of the daemon's machine is meant, for example " + HostName + ":8081."
		case rule.Host == "localhost" || rule.Prefix.IsValid() && reservedPrefix(rule.Prefix):
			p.Limit = "no loopback, link-local, metadata or IPv4-mapped address, and none of 10.0.2.0/24 and fd00::/64, which every worker has itself"
			p.Remedy = "Name what is to be reached by its own address; a port of the daemon's machine is " + HostName + ":PORT."
		default:
			rules = append(rules, rule)
			continue
		}
		found = append(found, p)
	}
	return rules, found
}

func parse(entry string) (Rule, bool) {
	address, port, ok := split(entry)
	if !ok {
		return Rule{}, false
	}
	if prefix, err := netip.ParsePrefix(address); err == nil {
		return Rule{Prefix: prefix.Masked(), Port: port}, true
	}
	if addr, err := netip.ParseAddr(address); err == nil && addr.Zone() == "" {
		return Rule{Prefix: netip.PrefixFrom(addr, addr.BitLen()), Port: port}, true
	}
	if len(address) > 253 || !host.MatchString(address) || looksNumeric(address) {
		return Rule{}, false
	}
	return Rule{Host: strings.ToLower(address), Port: port}, true
}

// looksNumeric catches 10.8.0.300, 10.8.0.1-10.8.0.9 and the like, which would otherwise pass as host names: no top-level
// domain is a number.
func looksNumeric(address string) bool {
	return strings.Trim(address[strings.LastIndexByte(address, '.')+1:], "0123456789") == ""
}

func split(entry string) (address string, port uint16, ok bool) {
	rest := ""
	switch {
	case strings.HasPrefix(entry, "["):
		end := strings.IndexByte(entry, ']')
		if end < 0 {
			return "", 0, false
		}
		address, rest = entry[1:end], entry[end+1:]
		if !strings.Contains(address, ":") {
			return "", 0, false // brackets keep the colons of IPv6 apart from that of the port; nothing else has them
		}
	case strings.Count(entry, ":") == 1:
		at := strings.IndexByte(entry, ':')
		address, rest = entry[:at], entry[at:]
	default:
		address = entry
	}
	if rest == "" {
		return address, 0, address != ""
	}
	if !strings.HasPrefix(rest, ":") {
		return "", 0, false
	}
	n, err := strconv.ParseUint(rest[1:], 10, 16)
	if err != nil || n == 0 {
		return "", 0, false
	}
	return address, uint16(n), address != ""
}

// Same warns when what was tested on one network is made on another one that lets something else through. Field names the
// attribute that has led there.
func Same(field string, tested, made Network) problem.List {
	if tested.Egress == made.Egress && slices.Equal(slices.Sorted(slices.Values(tested.Allow)), slices.Sorted(slices.Values(made.Allow))) {
		return nil
	}
	return problem.List{{
		Code: problem.NetworkConfigDrift, Field: field, Value: made.describe(), Limit: tested.describe(),
		Detail: "the network is another than the one of the test: an installation may find something else, or nothing",
		Remedy: "Use the resource group of the test, or one with the same network.",
	}}
}

func (n Network) describe() string {
	text := n.Name + " (" + string(n.Egress)
	if len(n.Allow) > 0 {
		text += ": " + strings.Join(n.Allow, ", ")
	}
	return text + ")"
}
