package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/registry"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

const repository = "local/segmenter_123456"

// bench is a registry that answers.
type bench struct {
	*registry.Registry
	t      *testing.T
	dir    string
	reader string // http://HOST:PORT
	client *http.Client
	stop   func()
}

func newBench(t *testing.T, dir string) *bench {
	t.Helper()
	r, err := registry.Open(t.Context(), registry.Config{Dir: dir, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	host, _, _ := strings.Cut(r.Reference("x", "y"), "/")
	transport := &http.Transport{}
	b := &bench{Registry: r, t: t, dir: dir, reader: "http://" + host, client: &http.Client{Transport: transport, Timeout: 3 * time.Minute}}
	b.stop = func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the registry has ended: %v", err)
		}
		b.stop = func() {}
	}
	t.Cleanup(func() { b.stop() })
	return b
}

// grant gives the address of the writers' side as the test reaches it, and a password.
func (b *bench) grant() (base, password string, revoke func()) {
	b.t.Helper()
	address, password, revoke := b.Grant()
	host, port, err := net.SplitHostPort(address)
	if err != nil || host != worker.HostAddress {
		b.t.Fatalf("the address is %q, %v", address, err)
	}
	return "http://" + net.JoinHostPort("127.0.0.1", port), password, revoke
}

type request struct {
	method, url, password, contentType string
	body                               []byte
}

func (b *bench) do(r request) (status int, header http.Header, body []byte) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		b.t.Fatal(err)
	}
	if r.password != "" {
		req.SetBasicAuth("kiln", r.password)
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	req.Header.Set("Accept", manifestType)
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// blob uploads a content as clients do: it begins an upload, and sends all in the closing request.
func (b *bench) blob(base, password string, content []byte) string {
	b.t.Helper()
	status, header, body := b.do(request{method: http.MethodPost, url: base + "/v2/" + repository + "/blobs/uploads/", password: password})
	if status != http.StatusAccepted {
		b.t.Fatalf("begin upload: %d %s", status, body)
	}
	location := header.Get("Location")
	if strings.HasPrefix(location, "/") {
		location = base + location
	}
	separator := "?"
	if strings.Contains(location, "?") {
		separator = "&"
	}
	status, _, body = b.do(request{
		method: http.MethodPut, url: location + separator + "digest=" + digest(content), password: password,
		contentType: "application/octet-stream", body: content,
	})
	if status != http.StatusCreated {
		b.t.Fatalf("end upload: %d %s", status, body)
	}
	return digest(content)
}

// push uploads an image of a layer, a configuration and a manifest, and gives the digests of all three.
func (b *bench) push(base, password, text string) (layer, config, manifest string) {
	b.t.Helper()
	layerContent, configContent := []byte("a layer with "+text), []byte(`{"architecture":"amd64","os":"linux","text":"`+text+`"}`)
	layer, config = b.blob(base, password, layerContent), b.blob(base, password, configContent)
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int    `json:"size"`
	}
	content, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": descriptor{"application/vnd.oci.image.config.v1+json", config, len(configContent)},
		"layers": []descriptor{{"application/vnd.oci.image.layer.v1.tar", layer, len(layerContent)}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	status, _, body := b.do(request{
		method: http.MethodPut, url: base + "/v2/" + repository + "/manifests/v1", password: password, contentType: manifestType, body: content,
	})
	if status != http.StatusCreated {
		b.t.Fatalf("put manifest: %d %s", status, body)
	}
	return layer, config, digest(content)
}

func TestPushAndPull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newBench(t, dir)
	base, password, revoke := b.grant()
	layer, _, manifest := b.push(base, password, "one")
	revoke()
	if err := b.Verify(t.Context(), repository, manifest); err != nil {
		t.Error(err)
	}
	read := func() {
		t.Helper()
		for path, want := range map[string]string{"/manifests/" + manifest: manifest, "/manifests/v1": manifest, "/blobs/" + layer: layer} {
			status, _, body := b.do(request{method: http.MethodGet, url: b.reader + "/v2/" + repository + path})
			if status != http.StatusOK || digest(body) != want {
				t.Errorf("%s: %d, digest %s, want %s", path, status, digest(body), want)
			}
			if status, _, _ := b.do(request{method: http.MethodHead, url: b.reader + "/v2/" + repository + path}); status != http.StatusOK {
				t.Errorf("HEAD %s: %d", path, status)
			}
		}
	}
	read()
	if status, _, _ := b.do(request{method: http.MethodGet, url: b.reader + "/v2/"}); status != http.StatusOK {
		t.Errorf("/v2/ answers %d", status)
	}
	if status, _, _ := b.do(request{method: http.MethodGet, url: b.reader + "/v2/local/gone/manifests/v1"}); status != http.StatusNotFound {
		t.Errorf("what is not there answers %d", status)
	}
	b.stop()
	b = newBench(t, dir) // the next daemon
	read()
	if err := b.Verify(t.Context(), repository, manifest); err != nil {
		t.Error(err)
	}
}

// TestReadersDoNotWrite tries everything that changes something on the readers' side, with a grant even.
func TestReadersDoNotWrite(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir())
	base, password, revoke := b.grant()
	defer revoke()
	layer, _, manifest := b.push(base, password, "one")
	for _, r := range []request{
		{method: http.MethodPost, url: "/blobs/uploads/"},
		{method: http.MethodPost, url: "/blobs/uploads/?mount=" + layer + "&from=" + repository},
		{method: http.MethodPut, url: "/manifests/v2", contentType: manifestType, body: []byte("{}")},
		{method: http.MethodPatch, url: "/blobs/uploads/x"},
		{method: http.MethodDelete, url: "/manifests/" + manifest},
		{method: http.MethodDelete, url: "/manifests/v1"},
		{method: http.MethodDelete, url: "/blobs/" + layer},
		{method: "MKCOL", url: "/"},
	} {
		r.url, r.password = b.reader+"/v2/"+repository+r.url, password
		if status, _, body := b.do(r); status != http.StatusMethodNotAllowed || !strings.Contains(string(body), "UNSUPPORTED") {
			t.Errorf("%s %s answers %d %s", r.method, r.url, status, body)
		}
	}
	if err := b.Verify(t.Context(), repository, manifest); err != nil {
		t.Error(err)
	}
}

func TestWritersNeedAGrant(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir())
	base, password, revoke := b.grant()
	_, other, revokeOther := b.grant()
	if password == other || len(password) < 20 {
		t.Errorf("the passwords are %q and %q", password, other)
	}
	upload := base + "/v2/" + repository + "/blobs/uploads/"
	for name, attempt := range map[string]string{"none": "", "wrong": "wrong", "half": password[:10], "longer": password + "x"} {
		status, header, body := b.do(request{method: http.MethodPost, url: upload, password: attempt})
		if status != http.StatusUnauthorized || header.Get("WWW-Authenticate") == "" || strings.Contains(string(body), password) {
			t.Errorf("password %s: %d %v %s", name, status, header, body)
		}
	}
	for name, value := range map[string]string{
		"a bearer": "Bearer " + password, "no base64": "Basic " + password, "no colon": "Basic " + "a2lsbg==", "nothing": "Basic ", "lower case": "basic x",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", value)
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers %d", name, resp.StatusCode)
		}
	}
	b.push(base, password, "one")
	revokeOther() // somebody else's end
	status, header, _ := b.do(request{method: http.MethodPost, url: upload, password: password})
	if status != http.StatusAccepted {
		t.Fatalf("the grant answers %d", status)
	}
	revoke()
	revoke() // twice is harmless
	if status, _, _ := b.do(request{method: http.MethodPost, url: upload, password: password}); status != http.StatusUnauthorized {
		t.Errorf("a revoked grant answers %d", status)
	}
	// An upload that was begun before does not go on.
	location := header.Get("Location")
	if strings.HasPrefix(location, "/") {
		location = base + location
	}
	if status, _, _ := b.do(request{method: http.MethodPatch, url: location, password: password, body: []byte("x")}); status != http.StatusUnauthorized {
		t.Errorf("a revoked grant's upload answers %d", status)
	}
}

// data is the file in which a content is kept.
func (b *bench) data(content string) (path string) {
	b.t.Helper()
	err := filepath.WalkDir(b.dir, func(name string, _ fs.DirEntry, err error) error {
		if filepath.Base(name) == "data" && filepath.Base(filepath.Dir(name)) == strings.TrimPrefix(content, "sha256:") {
			path = name
		}
		return err
	})
	if err != nil || path == "" {
		b.t.Fatalf("%s is nowhere below %s: %v", content, b.dir, err)
	}
	return path
}

func TestVerify(t *testing.T) {
	t.Parallel()
	flip := func(content []byte) []byte {
		content[len(content)/2] ^= 1
		return content
	}
	for _, test := range []struct {
		name   string
		what   func(layer, config, manifest string) string
		change func([]byte) []byte // nil: it is gone
	}{
		{"a bit of a layer", func(layer, _, _ string) string { return layer }, flip},
		{"a bit of the configuration", func(_, config, _ string) string { return config }, flip},
		{"a bit of the manifest", func(_, _, manifest string) string { return manifest }, flip},
		{"half a layer", func(layer, _, _ string) string { return layer }, func(c []byte) []byte { return c[:len(c)/2] }},
		{"an empty layer", func(layer, _, _ string) string { return layer }, func([]byte) []byte { return nil }},
		{"a layer that is gone", func(layer, _, _ string) string { return layer }, nil},
		{"a configuration that is gone", func(_, config, _ string) string { return config }, nil},
		{"a manifest that is gone", func(_, _, manifest string) string { return manifest }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, t.TempDir())
			base, password, revoke := b.grant()
			layer, config, manifest := b.push(base, password, "one")
			revoke()
			path := b.data(test.what(layer, config, manifest))
			var err error
			if test.change == nil {
				err = os.Remove(path)
			} else {
				var content []byte
				if content, err = os.ReadFile(path); err == nil {
					err = os.WriteFile(path, test.change(content), 0o600)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Verify(t.Context(), repository, manifest); err == nil {
				t.Error("nothing is found")
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir())
	base, password, revoke := b.grant()
	defer revoke()
	_, _, manifest := b.push(base, password, "one")
	for _, name := range [][2]string{
		{repository, digest([]byte("another"))},
		{"local/gone", manifest},
		{repository, "v1"},
		{"Local/UPPER", manifest},
		{"", manifest},
		{repository, ""},
		{"local/../../etc", manifest},
	} {
		if err := b.Verify(t.Context(), name[0], name[1]); err == nil {
			t.Errorf("%v is in order", name)
		}
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir())
	base, password, revoke := b.grant()
	defer revoke()
	_, _, first := b.push(base, password, "one")
	_, _, second := b.push(base, password, "two")
	if first == second {
		t.Fatal("the two are one")
	}
	for range 2 { // one that is not there is no error
		if err := b.Delete(t.Context(), repository, first); err != nil {
			t.Error(err)
		}
	}
	if err := b.Delete(t.Context(), "local/gone", first); err != nil {
		t.Error(err)
	}
	if err := b.Verify(t.Context(), repository, first); err == nil {
		t.Error("it is still there")
	}
	if status, _, _ := b.do(request{method: http.MethodGet, url: b.reader + "/v2/" + repository + "/manifests/" + first}); status != http.StatusNotFound {
		t.Errorf("it answers %d", status)
	}
	if err := b.Verify(t.Context(), repository, second); err != nil { // what it shared nothing with
		t.Error(err)
	}
	_, _, again := b.push(base, password, "one")
	if err := b.Verify(t.Context(), repository, again); again != first || err != nil {
		t.Errorf("pushed again: %s, %v", again, err)
	}
}

func TestReference(t *testing.T) {
	t.Parallel()
	r, err := registry.Open(t.Context(), registry.Config{Dir: t.TempDir(), Listen: "localhost:0", External: "kiln.example:5380"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Reference("local/a", "sha256:b"), "kiln.example:5380/local/a@sha256:b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Serve(ended); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]registry.Config{
		"all addresses":  {Dir: t.TempDir(), Listen: "0.0.0.0:0"},
		"no address":     {Dir: t.TempDir(), Listen: ":0"},
		"no port":        {Dir: t.TempDir(), Listen: "127.0.0.1"},
		"a port in use":  {Dir: t.TempDir(), Listen: strings.TrimPrefix(b.reader, "http://")},
		"no directory":   {Dir: filepath.Join(file, "x"), Listen: "127.0.0.1:0"},
		"nothing at all": {},
	} {
		r, err := registry.Open(t.Context(), cfg)
		if err == nil {
			t.Errorf("%s: it opens as %s", name, r.Reference("x", "y"))
		}
		if inUse := name == "a port in use"; problem.Has(err, problem.AddressInUse) != inUse {
			t.Errorf("%s: got %v, want AddressInUse = %v", name, err, inUse)
		}
	}
}
