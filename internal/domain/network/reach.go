package network

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Refuses says that a step on the network surely cannot reach HOST:PORT. It is false where that depends on what names resolve
// to, and for the step's own loopback.
func (n Network) Refuses(hostPort string) bool {
	at := strings.LastIndexByte(hostPort, ':')
	if at < 0 {
		return false
	}
	host, number := strings.ToLower(strings.Trim(hostPort[:at], "[]")), hostPort[at+1:]
	port, err := strconv.ParseUint(number, 10, 16)
	address, notAddress := netip.ParseAddr(host)
	if err != nil || host == "" || host == "localhost" || notAddress == nil && address.IsLoopback() {
		return false
	}
	switch n.Egress {
	case EgressNone:
		return true
	case EgressRestricted:
		rules, problems := Rules(n.Allow)
		if len(problems) > 0 {
			return false
		}
		if notAddress == nil {
			return refusesAddress(rules, address, uint16(port))
		}
		return refusesName(rules, host, uint16(port))
	case EgressPublic:
	}
	return false
}

// Opens says whether the network lets a connection to a port of an address through. Host is the name that the address was found by,
// and empty when it was given itself. It decides for the daemon's own requests as a worker's rules do for a step; an address of
// host.kiln.internal is taken for the daemon's machine, whatever it is.
func (n Network) Opens(host string, address netip.Addr, port uint16) bool {
	address, host = address.Unmap(), strings.ToLower(host)
	switch n.Egress {
	case EgressPublic:
		within := func(p netip.Prefix) bool { return p.Contains(address) }
		return host != HostName && address.Is4() && !slices.ContainsFunc(private, within)
	case EgressRestricted:
		rules, problems := Rules(n.Allow)
		if len(problems) > 0 {
			return false
		}
		if host == HostName {
			return slices.Contains(rules, Rule{Host: HostName, Port: port})
		}
		named := func(r Rule) bool { return r.Host == host }
		if IsReserved(address) || host != "" && !slices.ContainsFunc(rules, named) {
			return false // a name that is not listed does not resolve
		}
		return slices.ContainsFunc(rules, func(r Rule) bool {
			return r.opens(port) && (host != "" && named(r) || r.Prefix.IsValid() && r.Prefix.Contains(address))
		})
	case EgressNone:
	}
	return false
}

func (r Rule) opens(port uint16) bool { return r.Port == 0 || r.Port == port }

// refusesAddress: a name that opens the port may stand for the address.
func refusesAddress(rules []Rule, address netip.Addr, port uint16) bool {
	for _, r := range rules {
		if r.opens(port) && (r.Host != "" && r.Host != HostName || r.Prefix.IsValid() && r.Prefix.Contains(address)) {
			return false
		}
	}
	return true
}

// refusesName: a name that is not listed does not resolve. For one that is, whatever else opens the port may stand for its address.
func refusesName(rules []Rule, host string, port uint16) bool {
	listed, open := false, false
	for _, r := range rules {
		if r.Host == host {
			listed = true
		}
		if r.opens(port) && (r.Host == host || host != HostName && r.Host != HostName) {
			open = true
		}
	}
	return !listed || !open
}
