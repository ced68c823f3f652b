package distribution

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// The limits of one request.
const (
	handshakeTimeout = 10 * time.Second
	headerTimeout    = 15 * time.Second
	maxHeader        = 64 << 10 // bytes
	maxRedirects     = 3
	maxToken         = 64 << 10 // bytes of the answer of a token service
)

// session is one question: its requests, its connections and its token.
type session struct {
	ctx      context.Context //nolint:containedctx // a session is one question, and ends with its context
	access   registry.Access
	base     *url.URL
	client   *http.Client
	basic    bool   // the registry has asked for user name and password
	token    string // that its token service gave
	answered bool   // a challenge was answered: another one means that it was answered wrong
}

// ask is one request.
type ask struct {
	url    *url.URL
	what   string // as users know it
	accept []string
	max    int64 // bytes of the answer
}

// got is an answer, whole.
type got struct {
	header  http.Header
	content []byte
}

// session begins a question. What it returns ends it.
func (c *Client) session(ctx context.Context, a registry.Access, limit time.Duration) (s *session, stop func()) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	scheme := "https"
	if a.Registry.Insecure {
		scheme = "http"
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.Registry.CACert != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(a.Registry.CACert)) // judged when the registry was declared
	}
	transport := &http.Transport{
		// No proxy: the environment's would be asked from another network than the registry's.
		DialContext: c.dialer(a), TLSClientConfig: config, TLSHandshakeTimeout: handshakeTimeout, ResponseHeaderTimeout: headerTimeout,
		MaxResponseHeaderBytes: maxHeader, DisableCompression: true, // what is small on the way may be large here
	}
	s = &session{
		ctx: ctx, access: a, base: &url.URL{Scheme: scheme, Host: a.Registry.Endpoint}, client: &http.Client{
			Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	return s, func() {
		cancel()
		transport.CloseIdleConnections()
	}
}

func (s *session) at(path string) *url.URL {
	return &url.URL{Scheme: s.base.Scheme, Host: s.base.Host, Path: path}
}

// errClosed says that no network opens a way.
var errClosed = errors.New("no network that the registry is bound to lets this through")

// dialer connects to what one of the networks opens, by the address that was judged.
func (c *Client) dialer(a registry.Access) func(ctx context.Context, kind, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		host, digits, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("read address: %w", err)
		}
		port, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("read port: %w", err)
		}
		networks := slices.DeleteFunc(slices.Clone(a.Networks), func(n network.Network) bool { return n.Refuses(address) })
		if len(networks) == 0 {
			return nil, errClosed // before a name service hears of it
		}
		addresses, name, err := c.addresses(ctx, host)
		if err != nil {
			return nil, err
		}
		failed := error(errClosed)
		for _, addr := range addresses {
			if !slices.ContainsFunc(networks, func(n network.Network) bool { return n.Opens(name, addr, uint16(port)) }) {
				continue
			}
			connection, err := (&net.Dialer{Timeout: handshakeTimeout}).DialContext(ctx, "tcp", netip.AddrPortFrom(addr, uint16(port)).String())
			if err == nil {
				return connection, nil
			}
			failed = err
		}
		return nil, failed
	}
}

// addresses gives where a host is, and the name that it was found by.
func (c *Client) addresses(ctx context.Context, host string) (found []netip.Addr, name string, err error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, "", nil
	}
	if host == network.HostName {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, host, nil
	}
	// IPv4 only, as for workers.
	found, err = c.Lookup(ctx, "ip4", host)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no IPv4 address for %s", host)
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found, host, err
}

// get makes a request and reads the answer whole.
func (s *session) get(a ask) (got, error) {
	answer, err := s.open(a)
	if err != nil {
		return got{}, err
	}
	return s.read(a, answer)
}

// open makes a request, answers what the registry wants to know of the asker, and follows where it leads. The answer is one with a body.
func (s *session) open(a ask) (*http.Response, error) {
	for range maxRedirects {
		answer, err := s.send(a)
		if err != nil {
			return nil, s.failure(a, err)
		}
		switch {
		case answer.StatusCode == http.StatusUnauthorized && !s.answered && s.same(a.url):
			_ = answer.Body.Close() // nothing of it is read
			if err := s.challenge(a, answer.Header.Values("WWW-Authenticate")); err != nil {
				return nil, err
			}
			return s.open(a)
		case redirects(answer.StatusCode):
			_ = answer.Body.Close() // nothing of it is read
			next, err := a.url.Parse(answer.Header.Get("Location"))
			if err != nil || next.Host == "" || next.User != nil || next.Scheme != "https" && next.Scheme != s.base.Scheme {
				return nil, registry.BadAnswer(a.what, "it leads to %.100q", answer.Header.Get("Location"))
			}
			a.url = next
		case answer.StatusCode == http.StatusOK:
			return answer, nil
		default:
			_ = answer.Body.Close() // its text is the registry's own
			return nil, refusal(s.access, a, answer)
		}
	}
	return nil, registry.BadAnswer(a.what, "it leads from one place to the next")
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// send makes one request. Credentials go to the registry's own host and port, and nowhere else.
func (s *session) send(a ask) (*http.Response, error) {
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, a.url.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "kilnd")
	for _, mediaType := range a.accept {
		request.Header.Add("Accept", mediaType)
	}
	if s.same(a.url) {
		switch {
		case s.token != "":
			request.Header.Set("Authorization", "Bearer "+s.token)
		case s.basic:
			request.SetBasicAuth(s.access.Registry.Credential.Username, string(s.access.Password))
		}
	}
	return s.client.Do(request)
}

// same says whether a URL is of the registry itself: scheme, host and port.
func (s *session) same(u *url.URL) bool {
	port := func(u *url.URL) string {
		if u.Port() == "" && u.Scheme == "https" {
			return "443"
		}
		return cmp.Or(u.Port(), "80")
	}
	return u.Scheme == s.base.Scheme && u.Hostname() == s.base.Hostname() && port(u) == port(s.base)
}

func (s *session) read(a ask, answer *http.Response) (got, error) {
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, a.max+1))
	if err != nil {
		return got{}, s.failure(a, err)
	}
	if int64(len(content)) > a.max {
		return got{}, registry.BadAnswer(a.what, "it answers more than %d bytes", a.max)
	}
	return got{header: answer.Header, content: content}, nil
}

// challenge finds out how the registry wants to be asked.
func (s *session) challenge(a ask, challenges []string) error {
	s.answered = true
	for _, challenge := range challenges {
		scheme, parameters, _ := strings.Cut(challenge, " ")
		switch {
		case strings.EqualFold(scheme, "Basic") && s.access.Password != "":
			s.basic = true
			return nil
		case strings.EqualFold(scheme, "Bearer"):
			return s.fetchToken(a, parseParameters(parameters))
		}
	}
	if s.access.Password == "" {
		return denied(s.access, a, "it does not answer anonymously")
	}
	return denied(s.access, a, "it asks for credentials in a way that is not known")
}

// fetchToken asks the token service. With a password, only one at the registry's own host and port is asked: the registry does not
// decide who else gets to know it.
func (s *session) fetchToken(a ask, parameters map[string]string) error {
	realm, err := url.Parse(parameters["realm"])
	if err != nil || realm.Host == "" || realm.User != nil || realm.Scheme != "https" && realm.Scheme != s.base.Scheme {
		return registry.BadAnswer(a.what, "its token service is %.100q", parameters["realm"])
	}
	if s.access.Password != "" && !s.same(realm) {
		return denied(s.access, a, fmt.Sprintf("its token service is at another host, %.100q, which the password is not for", realm.Host))
	}
	query := realm.Query()
	for _, key := range []string{"service", "scope"} {
		if parameters[key] != "" {
			query.Set(key, parameters[key])
		}
	}
	realm.RawQuery = query.Encode()
	s.basic = s.access.Password != ""
	answer, err := s.get(ask{url: realm, what: a.what, accept: []string{"application/json"}, max: maxToken})
	s.basic = false
	if err != nil {
		return err
	}
	var token struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(answer.content, &token) != nil || cmp.Or(token.Token, token.AccessToken) == "" {
		return registry.BadAnswer(a.what, "its token service gives no token")
	}
	s.token = cmp.Or(token.Token, token.AccessToken)
	return nil
}

// parseParameters reads key="value" pairs, as WWW-Authenticate has them.
func parseParameters(text string) map[string]string {
	parameters := map[string]string{}
	for text != "" {
		key, rest, ok := strings.Cut(strings.TrimLeft(text, " ,"), "=")
		if !ok {
			break
		}
		value := ""
		if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			value, rest, _ = strings.Cut(quoted, `"`)
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		parameters[strings.ToLower(strings.TrimSpace(key))] = value
		text = rest
	}
	return parameters
}
