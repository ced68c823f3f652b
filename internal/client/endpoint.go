package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/redact"
)

// The environment variables that stand in for an empty configuration.
const (
	EnvEndpoint = "KILN_ENDPOINT"
	EnvToken    = "KILN_TOKEN"
)

// maxSocketPath is the longest path that a unix socket address can hold on Linux, in bytes.
const maxSocketPath = 107

const dialTimeout = 10 * time.Second

// target is where requests go.
type target struct {
	text   string // as a user writes it
	base   string // what the URLs of requests begin with
	socket string // path; empty when it is no unix socket
	secure bool   // nobody on the way can read: a socket, TLS, or this machine
}

// defaultEndpoint is the environment's, or the first usual socket that exists, or else the first that should.
func defaultEndpoint() string {
	if endpoint := os.Getenv(EnvEndpoint); endpoint != "" {
		return endpoint
	}
	sockets := usualSockets()
	for _, socket := range sockets {
		if exists(socket) {
			return "unix://" + socket
		}
	}
	return "unix://" + sockets[0]
}

// usualSockets are a daemon of this user's session, one without a session, and the system's.
func usualSockets() []string {
	var sockets []string
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		sockets = append(sockets, path.Join(runtime, "kiln", "kilnd.sock"))
	}
	state := os.Getenv("XDG_STATE_HOME")
	if home, err := os.UserHomeDir(); state == "" && err == nil {
		state = path.Join(home, ".local", "state")
	}
	if state != "" {
		sockets = append(sockets, path.Join(state, "kiln", "kilnd.sock"))
	}
	return append(sockets, "/run/kiln/kilnd.sock")
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func parseEndpoint(endpoint string) (target, error) {
	if socket, ok := strings.CutPrefix(endpoint, "unix://"); ok {
		if !path.IsAbs(socket) || len(socket) > maxSocketPath {
			return target{}, invalid("endpoint", redact.URL(endpoint), "unix:// and an absolute path of at most "+strconv.Itoa(maxSocketPath)+" bytes")
		}
		return target{text: endpoint, base: "http://kilnd", socket: socket, secure: true}, nil
	}
	const limit = "unix:///PATH, https://HOST:PORT or http://HOST:PORT"
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return target{}, invalid("endpoint", redact.URL(endpoint), limit)
	case u.User != nil:
		return target{}, invalid("endpoint", redact.URL(endpoint), limit+", without a user")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", strings.Trim(u.Path, "/") != "", u.RawQuery != "", u.Fragment != "":
		return target{}, invalid("endpoint", redact.URL(endpoint), limit)
	}
	base := u.Scheme + "://" + u.Host
	return target{text: base, base: base, secure: u.Scheme == "https" || loopback(u.Hostname())}, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// token gives the token to send; one that anybody on the way could read is refused.
func (t target) token(configured string) (string, error) {
	token := cmp.Or(configured, os.Getenv(EnvToken))
	switch {
	case t.socket != "" || token == "":
		return "", nil
	case !t.secure:
		return "", problem.Problem{
			Code: problem.ConflictingAttribute, Field: "token", Value: "token", Limit: "https, a unix socket, or http on this machine",
			Detail: "the token would travel in plain text", Remedy: "Use an https endpoint, or no token.",
		}
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", invalid("token", "", "printable ASCII without spaces")
	}
	return token, nil
}

func (t target) transport(config *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: config, TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
	}
	switch {
	case t.socket != "":
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", t.socket)
		}
	default:
		transport.Proxy = http.ProxyFromEnvironment // which leaves out this machine
	}
	return transport
}

func tlsConfig(config Config) (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS13}
	if config.CACert != "" {
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM([]byte(config.CACert)) {
			return nil, invalid("ca_cert", "", "certificates in PEM form")
		}
	}
	switch {
	case config.ClientCert == "" && config.ClientKey == "":
		return settings, nil
	case config.ClientCert == "":
		return nil, missing("client_cert", "Give the certificate that belongs to client_key.")
	case config.ClientKey == "":
		return nil, missing("client_key", "Give the key that belongs to client_cert.")
	}
	pair, err := tls.X509KeyPair([]byte(config.ClientCert), []byte(config.ClientKey))
	if err != nil {
		// The error's text is left out: it may quote what was given for a key.
		return nil, invalid("client_key", "", "a key in PEM form that belongs to client_cert")
	}
	settings.Certificates = []tls.Certificate{pair}
	return settings, nil
}

func missing(field, remedy string) problem.Problem {
	return problem.Problem{Code: problem.MissingRequired, Field: field, Limit: "client_cert and client_key, or none of them", Remedy: remedy}
}

func invalid(field, value, limit string) problem.Problem {
	return problem.Problem{Code: problem.InvalidParameter, Field: field, Value: value, Limit: limit, Remedy: "Correct the value."}
}
