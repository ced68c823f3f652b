// Package distributiontest runs Debian's docker-registry, with TLS and basic
// authentication on a port of this machine, for tests of who asks registries
// of others. It knows nothing of Kiln but the name of the machine.
package distributiontest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/domain/network"
)

// Who may ask the registry. Bcrypted is the password as htpasswd -B keeps it.
const (
	User     = "ci"
	Password = "c4nary-password"
	bcrypted = "$2a$04$XpK3pW4XQ1oA0ko46fOKD.s4P.1yRAVsX.GJBKSf2hZoaYcmea.Ki"
)

// The media types of what it is given.
const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// Registry is a registry that runs.
type Registry struct {
	Port string // of this machine
	CA   string // its certificate, which names host.kiln.internal, in PEM

	tb     testing.TB
	client *http.Client
	stop   func()
}

// Certify makes a certificate for host.kiln.internal that is valid until then, from now, and its text in PEM.
func Certify(tb testing.TB, until time.Duration) (certificate tls.Certificate, text string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{network.HostName}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(until),
		IsCA: true, BasicConstraintsValid: true,
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}))
}

// Start runs a registry until the test ends.
func Start(tb testing.TB) *Registry {
	tb.Helper()
	binary, err := exec.LookPath("docker-registry")
	if err != nil {
		tb.Fatalf("Debian's docker-registry is missing: run make deps: %v", err)
	}
	dir := tb.TempDir()
	certificate, ca := Certify(tb, time.Hour)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(ca))
	r := &Registry{tb: tb, CA: ca, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: network.HostName, MinVersion: tls.VersionTLS12},
	}}}
	for range 5 {
		r.Port = freePort(tb)
		r.configure(dir, key)
		if r.run(binary, filepath.Join(dir, "config.yml")) {
			return r
		}
	}
	tb.Fatal("docker-registry does not run")
	return nil
}

// freePort gives a port that nothing listens at. Another program may take it before the registry does, which then ends.
func freePort(tb testing.TB) string {
	tb.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if err := listener.Close(); err != nil {
		tb.Fatal(err)
	}
	return port
}

// configure writes the registry's configuration, with its certificate and its user.
func (r *Registry) configure(dir string, key []byte) {
	r.tb.Helper()
	config := fmt.Sprintf(`version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: %[1]s/data }, delete: { enabled: true } }
http: { addr: "127.0.0.1:%[2]s", secret: s, tls: { certificate: %[1]s/cert.pem, key: %[1]s/key.pem } }
auth: { htpasswd: { realm: registry, path: %[1]s/htpasswd } }
`, dir, r.Port)
	for name, text := range map[string]string{
		"cert.pem": r.CA, "key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), "config.yml": config,
		"htpasswd": User + ":" + bcrypted + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			r.tb.Fatal(err)
		}
	}
}

// run starts the registry, which ends with the test, and says whether it answers: with a port that was taken it ends at once.
func (r *Registry) run(binary, config string) bool {
	r.tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.tb.Context()))
	command := exec.CommandContext(ctx, binary, "serve", config)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		r.tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // it is killed at the end
		close(ended)
	}()
	r.stop = func() {
		cancel()
		<-ended
		r.client.CloseIdleConnections()
	}
	r.tb.Cleanup(r.stop)
	tick, patience := time.NewTicker(50*time.Millisecond), time.NewTimer(time.Minute)
	defer tick.Stop()
	defer patience.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:"+r.Port+"/v2/", nil)
		if err != nil {
			r.tb.Fatal(err)
		}
		if answer, err := r.client.Do(request); err == nil {
			_ = answer.Body.Close()
			return true
		}
		select {
		case <-tick.C:
		case <-ended:
			r.tb.Logf("docker-registry has ended:\n%s", output.String())
			return false
		case <-patience.C:
			r.tb.Fatal("docker-registry does not answer after a minute")
		}
	}
}

// Stop ends the registry before the test does.
func (r *Registry) Stop() { r.stop() }

// do makes a request as the user, and gives the answer's headers.
func (r *Registry) do(method, path, mediaType string, body []byte) http.Header {
	r.tb.Helper()
	request, err := http.NewRequestWithContext(r.tb.Context(), method, "https://127.0.0.1:"+r.Port+path, bytes.NewReader(body))
	if err != nil {
		r.tb.Fatal(err)
	}
	request.SetBasicAuth(User, Password)
	request.Header.Set("Content-Type", mediaType)
	answer, err := r.client.Do(request)
	if err != nil {
		r.tb.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= 300 {
		r.tb.Fatalf("%s %s: %s", method, path, answer.Status)
	}
	return answer.Header
}

// Delete removes what has a digest.
func (r *Registry) Delete(repository, digest string) {
	r.tb.Helper()
	r.do(http.MethodDelete, "/v2/"+repository+"/manifests/"+digest, "", nil)
}

// Layer is the only layer of the images that Push makes: its text says nothing but whose it is.
func Layer(architecture string) []byte { return []byte("a layer of " + architecture) }

// Push gives the registry an image of an architecture, with one layer, and gives its digest.
func (r *Registry) Push(repository, tag, architecture string) string {
	r.tb.Helper()
	layer := Layer(architecture)
	return r.PushImage(repository, tag, Image{Architecture: architecture, Layers: []Blob{{Content: layer, DiffID: digest(layer)}}})
}

// Image is an image to push.
type Image struct {
	Architecture string
	Config       map[string]any // of what runs in it
	Layers       []Blob
}

// Blob is a layer: what is sent, and the digest of what is in that.
type Blob struct {
	Content []byte
	DiffID  string
}

// PushImage gives the registry an image, and gives its digest.
func (r *Registry) PushImage(repository, tag string, i Image) string {
	r.tb.Helper()
	type object = map[string]any
	var diffIDs []string
	var layers []object
	for _, l := range i.Layers {
		diffIDs, layers = append(diffIDs, l.DiffID), append(layers, r.upload(repository, layerType, l.Content))
	}
	config := r.encode(object{
		"os": "linux", "architecture": i.Architecture, "config": i.Config, "rootfs": object{"type": "layers", "diff_ids": diffIDs},
	})
	manifest := r.encode(object{
		"schemaVersion": 2, "mediaType": manifestType, "config": r.upload(repository, configType, config), "layers": layers,
	})
	r.do(http.MethodPut, "/v2/"+repository+"/manifests/"+tag, manifestType, manifest)
	return digest(manifest)
}

// upload gives the registry a blob, and gives its descriptor.
func (r *Registry) upload(repository, mediaType string, blob []byte) map[string]any {
	r.tb.Helper()
	target, err := url.Parse(r.do(http.MethodPost, "/v2/"+repository+"/blobs/uploads/", "", nil).Get("Location"))
	if err != nil {
		r.tb.Fatal(err)
	}
	query := target.Query()
	query.Set("digest", digest(blob))
	r.do(http.MethodPut, target.Path+"?"+query.Encode(), "application/octet-stream", blob)
	return map[string]any{"mediaType": mediaType, "digest": digest(blob), "size": len(blob)}
}

func (r *Registry) encode(value any) []byte {
	r.tb.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		r.tb.Fatal(err)
	}
	return text
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
