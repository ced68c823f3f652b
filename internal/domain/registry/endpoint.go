package registry

import (
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/redact"
)

// The ports of a registry that names none.
const (
	portTLS   = 443
	portPlain = 80
)

// maxCertificates is the most that the text of certificates may be, in bytes.
const maxCertificates = 64 << 10

// ValidateEndpoint checks HOST[:PORT]. There is one way to write each, so that credentials have one place where they are sent to.
func ValidateEndpoint(field, endpoint string) problem.List {
	p := problem.Problem{Code: problem.InvalidEndpoint, Field: field, Value: redact.Host(endpoint)}
	host, port, ok := splitEndpoint(endpoint)
	switch {
	case !ok:
		p.Limit = "HOST, HOST:PORT, IPV4[:PORT] or [IPV6]:PORT in lower case; ports 1 to 65535"
		p.Remedy = "Name the registry as image references do, for example registry.internal:5000; no scheme, no user, no path."
	case !strings.ContainsAny(endpoint, ".:"):
		p.Limit = "a name with a dot, or with a port"
		p.Remedy = "Add the port or the domain: in an image reference, a word without them is no registry."
	default:
		target := host
		if strings.Contains(host, ":") {
			target = "[" + host + "]"
		}
		if port != 0 {
			target += ":" + strconv.Itoa(int(port))
		}
		if _, refused := network.Rules([]string{target}); len(refused) == 0 {
			return nil
		}
		p.Limit = "an address that a network can open: no loopback, link-local or metadata address"
		p.Remedy = "A registry on the daemon's machine is " + network.HostName + ":PORT, with that name in its certificate."
	}
	return problem.List{p}
}

// splitEndpoint gives the parts of an endpoint in its one form; port 0 is none.
func splitEndpoint(endpoint string) (host string, port uint16, ok bool) {
	host, digits, named := endpoint, "", false
	if rest, bracket := strings.CutPrefix(endpoint, "["); bracket {
		address, after, closed := strings.Cut(rest, "]")
		parsed, err := netip.ParseAddr(address)
		if !closed || err != nil || !parsed.Is6() || parsed.Zone() != "" || parsed.String() != address {
			return "", 0, false
		}
		host = address
		if digits, named = strings.CutPrefix(after, ":"); !named && after != "" {
			return "", 0, false
		}
	} else if host, digits, named = strings.Cut(endpoint, ":"); !validHost(host) {
		return "", 0, false
	}
	if !named {
		return host, 0, true
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return host, uint16(n), err == nil && n > 0 && strconv.FormatUint(n, 10) == digits
}

// validHost says whether a text is a host name or an IPv4 address, in lower case.
func validHost(host string) bool {
	if host == "" || host != strings.ToLower(host) || strings.ContainsAny(host, "/:") {
		return false
	}
	if parsed, err := netip.ParseAddr(host); err == nil {
		return parsed.Is4()
	}
	if host == "localhost" {
		return true // refused for what it means, and not for how it is written
	}
	_, refused := network.Rules([]string{host + ":1"}) // the form of names is that of allow-lists
	return len(refused) == 0
}

// Address gives the host and the port at which the registry answers.
func (r Registry) Address() (host string, port uint16) {
	host, port, _ = splitEndpoint(r.Endpoint)
	if port != 0 {
		return host, port
	}
	if r.Insecure {
		return host, portPlain
	}
	return host, portTLS
}

// HostPort gives the address in the form of an allow-list's entry.
func (r Registry) HostPort() string {
	host, port := r.Address()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}

// validateCertificates checks a text of certificates. It is never repeated: somebody may have taken the key for it.
func validateCertificates(field, text string) problem.List {
	p := problem.Problem{
		Code: problem.InvalidCertificate, Field: field, Limit: "certificates in PEM, at most " + strconv.Itoa(maxCertificates>>10) + " KiB",
		Remedy: "Give the certificate of the authority that has signed the registry's: file(\"ca.pem\").",
	}
	if len(text) > maxCertificates {
		p.Value = strconv.Itoa(len(text)) + " bytes"
		return problem.List{p}
	}
	rest := []byte(text)
	for n := 0; ; n++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil && n > 0 && strings.TrimSpace(string(rest)) == "":
			return nil
		case block == nil:
			p.Detail = "what is there is no PEM"
		case strings.Contains(block.Type, "KEY"):
			p.Detail = "there is a key in it, which belongs to nobody but the authority"
		case block.Type != "CERTIFICATE":
			p.Detail = "there is something else than a certificate in it"
		default:
			if _, err := x509.ParseCertificate(block.Bytes); err == nil {
				continue
			}
			p.Detail = "certificate " + strconv.Itoa(n+1) + " cannot be read"
		}
		return problem.List{p}
	}
}
