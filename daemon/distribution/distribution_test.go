package distribution_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/distribution"
	"github.com/kilnhq/kiln/daemon/distributiontest"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

const (
	user     = distributiontest.User
	password = distributiontest.Password
	manifest = "application/vnd.oci.image.manifest.v1+json"
	index    = "application/vnd.oci.image.index.v1+json"
	config   = "application/vnd.oci.image.config.v1+json"
	layer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// fake is a registry over TLS, named host.kiln.internal, that remembers what it was asked.
type fake struct {
	*httptest.Server
	port string
	ca   string

	mu    sync.Mutex
	asked []string // METHOD PATH AUTHORIZATION
}

// serve runs a registry until the test ends. The handler sees every request.
func serve(t *testing.T, handler http.HandlerFunc) *fake {
	t.Helper()
	return serveUntil(t, time.Hour, handler)
}

// serveUntil is serve with a certificate that is valid until then, from now.
func serveUntil(t *testing.T, until time.Duration, handler http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked = append(f.asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		f.mu.Unlock()
		handler(w, r)
	}))
	certificate, ca := distributiontest.Certify(t, until)
	f.ca, f.TLS = ca, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	f.Config.ErrorLog = nil
	f.StartTLS()
	t.Cleanup(f.Close)
	_, f.port, _ = net.SplitHostPort(f.Listener.Addr().String())
	return f
}

func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// access is the way to a port of this machine, with user and password.
func access(port, ca string) registry.Access {
	endpoint := network.HostName + ":" + port
	return registry.Access{
		Registry: registry.Registry{
			Name: "acr", Endpoint: endpoint, CACert: ca, Credential: registry.Credential{Username: user, PasswordVersion: 1},
		},
		Password: password,
		Networks: []network.Network{{Name: "registry", Egress: network.EgressRestricted, Allow: []string{endpoint}}},
	}
}

func client() *distribution.Client {
	return &distribution.Client{Timeout: 20 * time.Second, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

type object = map[string]any

// content is what a registry has, by the end of the path.
type content map[string]struct {
	mediaType string
	body      []byte
}

func (c content) add(key, mediaType string, body []byte) object {
	of := struct {
		mediaType string
		body      []byte
	}{mediaType, body}
	c[digest(body)] = of
	if key != "" {
		c[key] = of
	}
	return object{"mediaType": mediaType, "digest": digest(body), "size": len(body)}
}

// image adds an image of an architecture, with a layer of 42 bytes.
func (c content) image(t *testing.T, tag, architecture string) object {
	t.Helper()
	described := c.add("", config, encode(t, object{"os": "linux", "architecture": architecture, "rootfs": object{"diff_ids": []string{digest(nil)}}}))
	return c.add(tag, manifest, encode(t, object{
		"schemaVersion": 2, "mediaType": manifest, "config": described, "layers": []object{{"mediaType": layer, "digest": digest(nil), "size": 42}},
	}))
}

func (c content) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name, key, ok := r.BasicAuth(); !ok || name != user || key != password {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	found, ok := c[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", found.mediaType)
	_, _ = w.Write(found.body)
}

// refused checks the code of a refusal, and that no refusal repeats the password.
func refused(t *testing.T, err error, code problem.Code) {
	t.Helper()
	_ = refusal(t, err, code)
}

// refusal is refused for those who want to see more of the problem.
func refusal(t *testing.T, err error, code problem.Code) problem.Problem {
	t.Helper()
	found := problem.From(err)
	if len(found) != 1 || found[0].Code != code || found[0].Remedy == "" {
		t.Fatalf("got %v, want %s", err, code)
	}
	if strings.Contains(err.Error(), password) {
		t.Errorf("the password is repeated: %v", err)
	}
	return found[0]
}

func TestResolve(t *testing.T) {
	t.Parallel()
	c := content{}
	amd, arm := c.image(t, "amd64", "amd64"), c.image(t, "arm64", "arm64")
	on := func(described object, architecture string) object {
		return object{"mediaType": described["mediaType"], "digest": described["digest"], "size": described["size"], "platform": object{"os": "linux", "architecture": architecture}}
	}
	list := c.add("both", index, encode(t, object{"schemaVersion": 2, "mediaType": index, "manifests": []object{on(arm, "arm64"), on(amd, "amd64"), on(arm, "unknown")}}))
	f := serve(t, c.ServeHTTP)
	for reference, want := range map[string]registry.Resolved{
		"amd64":                 {Digest: amd["digest"].(string), Manifest: amd["digest"].(string), Size: 42, Layers: 1},  //nolint:forcetypeassert // made above
		"both":                  {Digest: list["digest"].(string), Manifest: amd["digest"].(string), Size: 42, Layers: 1}, //nolint:forcetypeassert // made above
		amd["digest"].(string):  {Digest: amd["digest"].(string), Manifest: amd["digest"].(string), Size: 42, Layers: 1},  //nolint:forcetypeassert // made above
		list["digest"].(string): {Digest: list["digest"].(string), Manifest: amd["digest"].(string), Size: 42, Layers: 1}, //nolint:forcetypeassert // made above
	} {
		got, err := client().Resolve(t.Context(), access(f.port, f.ca), "team/base", reference)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", reference, got, err, want)
		}
	}
	_, err := client().Resolve(t.Context(), access(f.port, f.ca), "team/base", "arm64")
	refused(t, err, problem.ArchitectureNotSupported)
	_, err = client().Resolve(t.Context(), access(f.port, f.ca), "team/base", "gone")
	refused(t, err, problem.ManifestUnknown)
	_, err = client().Resolve(t.Context(), access(f.port, f.ca), "../secret", "a/b")
	if found := problem.From(err); len(found) != 2 || found[0].Code != problem.InvalidParameter {
		t.Errorf("got %v", err)
	}
}

// TestNonsense: whatever a registry answers, it is refused with a code, and nothing is believed.
func TestNonsense(t *testing.T) {
	t.Parallel()
	good := content{}
	image := good.image(t, "good", "amd64")
	body := good["good"].body
	change := func(from, to string) []byte { return []byte(strings.ReplaceAll(string(body), from, to)) }
	layers := make([]object, 128)
	for i := range layers {
		layers[i] = object{"mediaType": layer, "digest": digest(nil), "size": 1}
	}
	on := func(of object, mediaType string) object {
		return object{"mediaType": mediaType, "digest": of["digest"], "size": of["size"], "platform": object{"os": "linux", "architecture": "amd64"}}
	}
	nested := good.add("", index, encode(t, object{"schemaVersion": 2, "mediaType": index, "manifests": []object{on(image, manifest)}}))
	for name, tt := range map[string]struct {
		mediaType string
		body      []byte
		code      problem.Code
	}{
		"HTML":                   {"text/html", []byte("<html>log in</html>"), ""},
		"NoType":                 {"", body, ""},
		"SchemaOne":              {"application/vnd.docker.distribution.manifest.v1+prettyjws", []byte(`{"schemaVersion":1}`), ""},
		"SchemaOneByAnotherName": {manifest, []byte(`{"schemaVersion":1}`), ""},
		"NoJSON":                 {manifest, []byte("{"), ""},
		"Empty":                  {manifest, nil, ""},
		"AnotherTypeInside":      {manifest, change(manifest, index), ""},
		"Huge":                   {manifest, append(body, bytes.Repeat([]byte(" "), registry.MaxManifest)...), ""},
		"NoLayers":               {manifest, encode(t, object{"schemaVersion": 2, "config": image, "layers": []object{}}), ""},
		"ManyLayers":             {manifest, change(`"layers":[`, `"layers":[`+strings.Trim(string(encode(t, layers)), "[]")+","), ""},
		"ForeignLayer":           {manifest, change(layer, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), ""},
		"Elsewhere":              {manifest, change(`"size":42`, `"size":42,"urls":["https://attacker.internal/layer"]`), ""},
		"UnknownLayer":           {manifest, change(layer, "application/x-shellscript"), ""},
		"NegativeSize":           {manifest, change(`"size":42`, `"size":-1`), ""},
		"NoDigest":               {manifest, change(digest(nil), "md5:abc"), ""},
		"NoConfig":               {manifest, change(config, "application/x-shellscript"), ""},
		"TooLarge":               {manifest, change(`"size":42`, fmt.Sprintf(`"size":%d`, registry.MaxSize+1)), problem.ImageTooLarge},
		"LargeAsAWhole": {manifest, change(`"size":42`, fmt.Sprintf(`"size":%d},{"mediaType":%q,"digest":%q,"size":%d`,
			registry.MaxSize, layer, digest(nil), int64(math.MaxInt64))), problem.ImageTooLarge},
		"ImageAndList":   {index, change(`"schemaVersion":2`, `"schemaVersion":2,"manifests":[]`), ""},
		"Nested":         {index, encode(t, object{"schemaVersion": 2, "manifests": []object{on(nested, index)}}), ""},
		"NestedAndLying": {index, encode(t, object{"schemaVersion": 2, "manifests": []object{on(nested, manifest)}}), ""},
		"Ambiguous":      {index, encode(t, object{"schemaVersion": 2, "manifests": []object{on(image, manifest), on(nested, manifest)}}), ""},
		"EmptyList":      {index, encode(t, object{"schemaVersion": 2, "manifests": []object{}}), problem.ArchitectureNotSupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/manifests/tag") {
					good.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", tt.mediaType)
				_, _ = w.Write(tt.body)
			})
			if tt.code == "" {
				tt.code = problem.RegistryBadAnswer
			}
			_, err := client().Resolve(t.Context(), access(f.port, f.ca), "team/base", "tag")
			refused(t, err, tt.code)
		})
	}
}

// TestDigests: content with another digest than was asked for, or than is said, is refused, a configuration's too.
func TestDigests(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(w http.ResponseWriter, path string, body []byte) []byte{
		"Asked": func(_ http.ResponseWriter, path string, body []byte) []byte {
			if strings.Contains(path, "/blobs/") {
				return body
			}
			return append(body, ' ')
		},
		"Said": func(w http.ResponseWriter, _ string, body []byte) []byte {
			w.Header().Set("Docker-Content-Digest", digest(nil))
			return body
		},
		"Config": func(_ http.ResponseWriter, path string, body []byte) []byte {
			if strings.Contains(path, "/blobs/") {
				return []byte(strings.Replace(string(body), "linux", "LINUX", 1))
			}
			return body
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{}
			image := c.image(t, "tag", "amd64")
			f := serve(t, func(w http.ResponseWriter, r *http.Request) {
				found := c[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
				w.Header().Set("Content-Type", found.mediaType)
				_, _ = w.Write(lie(w, r.URL.Path, append([]byte{}, found.body...)))
			})
			_, err := client().Resolve(t.Context(), access(f.port, f.ca), "team/base", image["digest"].(string)) //nolint:forcetypeassert // made above
			refused(t, err, problem.RegistryBadAnswer)
		})
	}
}

// TestFailures: each reason for which there is no answer has a code of its own.
func TestFailures(t *testing.T) {
	t.Parallel()
	answer := func(status int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
		}
	}
	_, other := distributiontest.Certify(t, time.Hour)
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		change  func(a *registry.Access)
		code    problem.Code
		limit   string
	}{
		"WrongPassword":   {content{}.ServeHTTP, func(a *registry.Access) { a.Password = "wrong" }, problem.RegistryAuthFailed, ""},
		"NoPassword":      {content{}.ServeHTTP, func(a *registry.Access) { a.Password = "" }, problem.RegistryAuthFailed, ""},
		"Forbidden":       {answer(http.StatusForbidden), nil, problem.RegistryAuthFailed, ""},
		"WrongCA":         {content{}.ServeHTTP, func(a *registry.Access) { a.Registry.CACert = other }, problem.TLSUnknownAuthority, ""},
		"NoCA":            {content{}.ServeHTTP, func(a *registry.Access) { a.Registry.CACert = "" }, problem.TLSUnknownAuthority, ""},
		"RateLimited":     {answer(http.StatusTooManyRequests, "Retry-After", "90"), nil, problem.RegistryRateLimited, "again after 1m30s"},
		"RateLimitedDate": {answer(http.StatusTooManyRequests, "Retry-After", "Sun, 22 Nov 2026 14:00:00 GMT"), nil, problem.RegistryRateLimited, "again after 2026-11-22T14:00:00Z"},
		"OutOfOrder":      {answer(http.StatusServiceUnavailable), nil, problem.RegistryUnreachable, ""},
		"Teapot":          {answer(http.StatusTeapot), nil, problem.RegistryBadAnswer, ""},
		"NotFound":        {answer(http.StatusNotFound), nil, problem.ManifestUnknown, ""},
		"Nowhere":         {answer(http.StatusFound, "Location", "ftp://x/"), nil, problem.RegistryBadAnswer, ""},
		"Round":           {answer(http.StatusFound, "Location", "/v2/"), nil, problem.RegistryBadAnswer, ""},
		"NoTLS":           {answer(http.StatusOK), func(a *registry.Access) { a.Registry.Insecure = true }, problem.RegistryBadAnswer, ""},
		"NoWay":           {answer(http.StatusOK), func(a *registry.Access) { a.Networks[0].Allow = []string{"mirror.internal:443"} }, problem.RegistryUnreachableFromVpc, "registry"},
		"NoNetwork":       {answer(http.StatusOK), func(a *registry.Access) { a.Networks = nil }, problem.RegistryUnreachableFromVpc, ""},
		"Challenge":       {answer(http.StatusUnauthorized, "WWW-Authenticate", "Negotiate"), nil, problem.RegistryAuthFailed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, tt.handler)
			a := access(f.port, f.ca)
			if tt.change != nil {
				tt.change(&a)
			}
			_, err := client().Resolve(t.Context(), a, "team/base", "tag")
			p := refusal(t, err, tt.code)
			if tt.limit != "" && p.Limit != tt.limit {
				t.Errorf("limit = %q, want %q", p.Limit, tt.limit)
			}
		})
	}
}

// TestNoNameService: a registry that no network reaches is refused before a name service hears of it.
func TestNoNameService(t *testing.T) {
	t.Parallel()
	a := access("443", "")
	a.Registry.Endpoint = "registry.internal"
	c := distribution.Client{Lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
		t.Errorf("%s was looked up", host)
		return nil, errors.New("no such host")
	}}
	_, err := c.Tags(t.Context(), a, "team/base")
	refused(t, err, problem.RegistryUnreachableFromVpc)
}

// TestStopped: a registry that is not there is said at once.
func TestStopped(t *testing.T) {
	t.Parallel()
	// Bound and not listening: nobody is there, and nobody else can take the port meanwhile.
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(socket) })
	if err := unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	address, ok := bound.(*unix.SockaddrInet4)
	if !ok {
		t.Fatalf("bound to %T", bound)
	}
	_, err = client().Tags(t.Context(), access(strconv.Itoa(address.Port), ""), "team/base")
	refused(t, err, problem.RegistryUnreachable)
}

// TestPatience: a registry that does not answer, or not to the end, is given up in time; and who asks can give up before.
func TestPatience(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "slow") {
			w.Header().Set("Content-Type", manifest)
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	})
	t.Cleanup(func() { close(release) })
	for _, repository := range []string{"silent", "slow"} {
		c := client()
		c.Timeout = 300 * time.Millisecond
		_, err := c.Resolve(t.Context(), access(f.port, f.ca), repository, "tag")
		refused(t, err, problem.RegistryUnreachable)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client().Resolve(ctx, access(f.port, f.ca), "silent", "tag"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	f := serveUntil(t, -time.Hour, content{}.ServeHTTP)
	_, err := client().Tags(t.Context(), access(f.port, f.ca), "team/base")
	refused(t, err, problem.CertificateTimeInvalid)
}
