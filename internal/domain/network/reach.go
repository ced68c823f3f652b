package network

import (
	"net/netip"
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
