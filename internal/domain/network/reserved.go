package network

import (
	"net/netip"
	"slices"
)

// HostName is the name by which a step reaches the machine that the daemon runs on, one port at a time. There is no other way to it.
const HostName = "host.kiln.internal"

// reserved lists what no allow-list opens. The addresses of the worker's own network stand for the daemon's machine and its name
// service; loopback and link-local ones mean another machine to whoever uses them, and the metadata services of clouds are among them.
// IPv4-mapped addresses are other spellings of what is judged as IPv4.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.2.0/24"), // the worker's own network
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("::/127"), // the unspecified address and loopback
	netip.MustParsePrefix("::ffff:0:0/96"),
	netip.MustParsePrefix("fd00::/64"),         // the worker's own network
	netip.MustParsePrefix("fd00:ec2::254/128"), // a metadata service
	netip.MustParsePrefix("fe80::/10"),
}

// private lists what is not on the public internet, IPv4 alone: a public network has no other.
var private = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("240.0.0.0/4"),
}

// Private lists the IPv4 address ranges that a public network does not reach.
func Private() []netip.Prefix { return slices.Clone(private) }

// Reserved lists the address ranges that no allow-list opens, whatever else it opens.
func Reserved() []netip.Prefix { return slices.Clone(reserved) }

// IsReserved says whether no allow-list opens an address. An IPv4-mapped address is judged as the IPv4 address that it means.
func IsReserved(addr netip.Addr) bool {
	addr = addr.Unmap()
	return slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// reservedPrefix says whether all of a prefix lies in one reserved range. What is wider opens the rest of it.
func reservedPrefix(prefix netip.Prefix) bool {
	return slices.ContainsFunc(reserved, func(p netip.Prefix) bool {
		return p.Bits() <= prefix.Bits() && p.Contains(prefix.Addr())
	})
}
