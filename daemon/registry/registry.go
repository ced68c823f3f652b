// Package registry is the embedded OCI registry: baked images are kept in it.
// Everybody may read it; only a worker that holds a grant writes. It is the
// only importer of the registry library.
package registry

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // the driver that New configures

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Config is what a registry needs.
type Config struct {
	Dir      string // where manifests and layers are kept
	Listen   string // HOST:PORT for readers; loopback
	External string // HOST:PORT that references name; empty: where readers are listened for
	Logger   *slog.Logger
}

// Registry is a running registry: one listener for readers, one for writers.
type Registry struct {
	cfg    Config
	app    *handlers.App
	reader net.Listener
	writer net.Listener

	mu     sync.Mutex
	grants map[string]bool   // SHA-256 of the passwords that may write
	intact map[string][]mark // by REPOSITORY@DIGEST, what Check has found in order
}

// Open makes a registry and listens; Serve answers.
func Open(ctx context.Context, cfg Config) (*Registry, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make registry directory: %w", err)
	}
	reader, err := listen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	writer, err := listen("127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	settings := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": cfg.Dir}, "delete": {"enabled": true},
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
		},
		Catalog: configuration.Catalog{MaxEntries: 1000},
	}
	settings.HTTP.Secret = rand.Text()
	forwardLogs(cfg.Logger)
	return &Registry{
		cfg: cfg, app: handlers.NewApp(context.WithoutCancel(ctx), settings), reader: reader, writer: writer, grants: map[string]bool{}, intact: map[string][]mark{},
	}, nil
}

func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, unlistenable(address, err)
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("listen on %s: the registry has no TLS yet and serves loopback addresses only", address), l.Close())
	}
	return l, nil
}

// unlistenable tells a port that is taken, which the operator can mend, from everything else.
func unlistenable(address string, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen for registry clients: %w", err)
	}
	return problem.Problem{
		Code: problem.AddressInUse, Field: "registry.listen", Value: address, Limit: "an address that nothing listens on",
		Detail: "the embedded registry cannot listen, because something else does",
		Remedy: "Stop that, or set registry { listen = \"127.0.0.1:PORT\" } in the configuration.",
	}
}

// Serve answers readers and writers until ctx ends.
func (r *Registry) Serve(ctx context.Context) error {
	servers := []*http.Server{
		{Handler: readOnly(r.app), ReadHeaderTimeout: 5 * time.Second},
		{Handler: r.guarded(r.app), ReadHeaderTimeout: 5 * time.Second},
	}
	failures := make(chan error, len(servers))
	for i, l := range []net.Listener{r.reader, r.writer} {
		go func() { failures <- servers[i].Serve(l) }()
	}
	var err error
	select {
	case err = <-failures:
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(closing))
	}
	return errors.Join(err, r.app.Shutdown())
}

// Reference is what a client pulls: HOST:PORT/REPOSITORY@DIGEST.
func (r *Registry) Reference(repository, digest string) string {
	host := r.cfg.External
	if host == "" {
		host = r.reader.Addr().String()
	}
	return build.Reference(host, repository, digest)
}

// Grant opens the registry to one writer: the address as seen from inside a worker, a password, and how to withdraw it.
func (r *Registry) Grant() (address, password string, revoke func()) {
	password = rand.Text()
	key := fingerprint(password)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grants[key] = true
	_, port, _ := net.SplitHostPort(r.writer.Addr().String()) // a TCP address always splits
	return net.JoinHostPort(worker.HostAddress, port), password, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.grants, key)
	}
}

// Verify reads a manifest back and checks it and all that it names against their digests.
func (r *Registry) Verify(ctx context.Context, repository, digest string) error {
	manifest, err := r.read(ctx, "/v2/"+repository+"/manifests/"+digest, digest)
	if err != nil {
		return err
	}
	var names struct {
		Config descriptor   `json:"config"`
		Layers []descriptor `json:"layers"`
	}
	if err := json.Unmarshal(manifest, &names); err != nil {
		return fmt.Errorf("read manifest %s: %w", digest, err)
	}
	for _, d := range append(names.Layers, names.Config) {
		if _, err := r.read(ctx, "/v2/"+repository+"/blobs/"+d.Digest, d.Digest); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a manifest; one that is not there is no error.
func (r *Registry) Delete(ctx context.Context, repository, digest string) error {
	answer := r.ask(ctx, http.MethodDelete, "/v2/"+repository+"/manifests/"+digest, io.Discard)
	if answer.Code != http.StatusAccepted && answer.Code != http.StatusNotFound {
		return fmt.Errorf("delete %s@%s: registry answers %d", repository, digest, answer.Code)
	}
	return nil
}

type descriptor struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// read gets a content through the registry's own handlers and checks its digest. Only small contents are kept.
func (r *Registry) read(ctx context.Context, path, digest string) ([]byte, error) {
	hash := sha256.New()
	var head bytes.Buffer
	answer := r.ask(ctx, http.MethodGet, path, io.MultiWriter(hash, &limited{&head}))
	if answer.Code != http.StatusOK {
		return nil, fmt.Errorf("read %s: registry answers %d", path, answer.Code)
	}
	if have := "sha256:" + hex.EncodeToString(hash.Sum(nil)); have != digest {
		return nil, fmt.Errorf("read %s: content has digest %s", path, have)
	}
	return head.Bytes(), nil
}

// maxManifest is how much of a content is kept for reading, in bytes.
const maxManifest = 4 << 20

type limited struct{ b *bytes.Buffer }

// Write implements io.Writer; it keeps the first maxManifest bytes and takes the rest for written.
func (l *limited) Write(p []byte) (int, error) {
	if room := maxManifest - l.b.Len(); room > 0 {
		l.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// recorder is a response whose body streams away.
type recorder struct {
	Code   int
	header http.Header
	body   io.Writer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(code int)        { r.Code = code }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func (r *Registry) ask(ctx context.Context, method, path string, body io.Writer) *recorder {
	answer := &recorder{Code: http.StatusOK, header: http.Header{}, body: body}
	request, err := http.NewRequestWithContext(ctx, method, "http://registry"+path, nil)
	if err != nil {
		answer.Code = http.StatusBadRequest
		return answer
	}
	for _, t := range []string{"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"} {
		request.Header.Add("Accept", t)
	}
	r.app.ServeHTTP(answer, request)
	return answer
}

// readOnly lets readers in, and nobody write.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry is read-only to clients")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// guarded lets those in who hold a grant.
func (r *Registry) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		encoded, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Basic ")
		credentials, err := base64.StdEncoding.DecodeString(encoded)
		_, password, split := strings.Cut(string(credentials), ":")
		if !ok || err != nil || !split || !r.granted(password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="kiln"`)
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "a grant is needed")
			return
		}
		next.ServeHTTP(w, req)
	})
}

func (r *Registry) granted(password string) bool {
	have := fingerprint(password)
	r.mu.Lock()
	defer r.mu.Unlock()
	found := 0
	for key := range r.grants {
		found |= subtle.ConstantTimeCompare([]byte(key), []byte(have))
	}
	return found == 1
}

func fingerprint(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client went away when this fails, and there is nobody to tell.
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}
