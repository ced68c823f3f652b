package distribution_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// bcrypted is the password as htpasswd -B keeps it.
const bcrypted = "$2a$04$XpK3pW4XQ1oA0ko46fOKD.s4P.1yRAVsX.GJBKSf2hZoaYcmea.Ki"

// debian is Debian's docker-registry with TLS and basic auth, on a port of this machine.
type debian struct {
	t      *testing.T
	port   string
	ca     string
	client *http.Client
}

// freePort gives a port that nothing listens at. Another program may take it before the registry does, which then ends.
func freePort(t *testing.T) string {
	t.Helper()
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

func startDebian(t *testing.T) *debian {
	t.Helper()
	binary, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Fatalf("Debian's docker-registry is missing: run make deps: %v", err)
	}
	dir := t.TempDir()
	certificate, ca := certify(t, time.Hour)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(ca))
	d := &debian{t: t, ca: ca, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: network.HostName, MinVersion: tls.VersionTLS12},
	}}}
	for range 5 {
		d.port = freePort(t)
		d.configure(dir, key)
		if d.run(binary, filepath.Join(dir, "config.yml")) {
			return d
		}
	}
	t.Fatal("docker-registry does not run")
	return nil
}

// configure writes the registry's configuration, with its certificate and its user.
func (d *debian) configure(dir string, key []byte) {
	d.t.Helper()
	config := fmt.Sprintf(`version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: %[1]s/data }, delete: { enabled: true } }
http: { addr: "127.0.0.1:%[2]s", secret: s, tls: { certificate: %[1]s/cert.pem, key: %[1]s/key.pem } }
auth: { htpasswd: { realm: registry, path: %[1]s/htpasswd } }
`, dir, d.port)
	for name, text := range map[string]string{
		"cert.pem": d.ca, "key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), "config.yml": config,
		"htpasswd": user + ":" + bcrypted + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
}

// run starts the registry, which ends with the test, and says whether it answers: with a port that was taken it ends at once.
func (d *debian) run(binary, config string) bool {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.t.Context()))
	command := exec.CommandContext(ctx, binary, "serve", config)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // it is killed at the end
		close(ended)
	}()
	d.t.Cleanup(func() {
		cancel()
		<-ended
		d.client.CloseIdleConnections()
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:"+d.port+"/v2/", nil)
		if err != nil {
			d.t.Fatal(err)
		}
		if answer, err := d.client.Do(request); err == nil {
			_ = answer.Body.Close()
			return true
		}
		select {
		case <-tick.C:
		case <-ended:
			d.t.Logf("docker-registry has ended:\n%s", output.String())
			return false
		case <-patience.C:
			d.t.Fatal("docker-registry does not answer after a minute")
		}
	}
}

// do makes a request as the user, and gives the answer's headers.
func (d *debian) do(method, path, mediaType string, body []byte) http.Header {
	d.t.Helper()
	target := path
	if !strings.HasPrefix(path, "https://") {
		target = "https://127.0.0.1:" + d.port + path
	}
	request, err := http.NewRequestWithContext(d.t.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	request.SetBasicAuth(user, password)
	request.Header.Set("Content-Type", mediaType)
	answer, err := d.client.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= 300 {
		d.t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
	return answer.Header
}

// push gives the registry an image of an architecture, and gives its digest.
func (d *debian) push(repository, tag, architecture string) string {
	d.t.Helper()
	c := content{}
	layers := []byte("a layer of " + architecture)
	described := c.add("", config, encode(d.t, object{"os": "linux", "architecture": architecture, "rootfs": object{"diff_ids": []string{digest(layers)}}}))
	stored := c.add("", layer, layers)
	body := encode(d.t, object{"schemaVersion": 2, "mediaType": manifest, "config": described, "layers": []object{stored}})
	for at, blob := range c {
		header := d.do(http.MethodPost, "/v2/"+repository+"/blobs/uploads/", "", nil)
		target, err := url.Parse(header.Get("Location"))
		if err != nil {
			d.t.Fatal(err)
		}
		query := target.Query()
		query.Set("digest", at)
		d.do(http.MethodPut, target.Path+"?"+query.Encode(), "application/octet-stream", blob.body)
	}
	d.do(http.MethodPut, "/v2/"+repository+"/manifests/"+tag, manifest, body)
	return digest(body)
}

// TestDebianRegistry: what Debian's registry has is listed and resolved; a tag that moved or was deleted is seen, and so are a wrong
// password, a wrong certificate and a registry that was stopped, each with its code.
func TestDebianRegistry(t *testing.T) {
	t.Parallel()
	d := startDebian(t)
	a := access(d.port, d.ca)
	first := d.push("team/base", "v1", "amd64")
	d.push("team/arm", "v1", "arm64")
	repositories, err := client().Repositories(t.Context(), a)
	if slices.Sort(repositories); err != nil || !slices.Equal(repositories, []string{"team/arm", "team/base"}) {
		t.Errorf("repositories = %v, %v", repositories, err)
	}
	tags, err := client().Tags(t.Context(), a, "team/base")
	if err != nil || !slices.Equal(tags, []string{"v1"}) {
		t.Errorf("tags = %v, %v", tags, err)
	}
	for _, reference := range []string{"v1", first} {
		got, err := client().Resolve(t.Context(), a, "team/base", reference)
		if err != nil || got.Digest != first || got.Manifest != first || got.Layers != 1 || got.Size != int64(len("a layer of amd64")) {
			t.Errorf("%s: got %+v, %v, want %s", reference, got, err, first)
		}
	}
	_, err = client().Resolve(t.Context(), a, "team/arm", "v1")
	refused(t, err, problem.ArchitectureNotSupported)
	for _, path := range [][2]string{{"team/base", "gone"}, {"team/gone", "v1"}, {"team/base", digest(nil)}} {
		_, err = client().Resolve(t.Context(), a, path[0], path[1])
		refused(t, err, problem.ManifestUnknown)
	}
	_, err = client().Tags(t.Context(), a, "team/gone")
	refused(t, err, problem.ManifestUnknown)

	moved := d.push("team/base", "v1", "amd64 again") // another content under the same tag
	if moved == first {
		t.Fatal("the tag has not moved")
	}
	_, err = client().Resolve(t.Context(), a, "team/base", "v1")
	refused(t, err, problem.ArchitectureNotSupported)
	if got, err := client().Resolve(t.Context(), a, "team/base", first); err != nil || got.Digest != first {
		t.Errorf("by its digest: got %+v, %v", got, err)
	}
	d.do(http.MethodDelete, "/v2/team/base/manifests/"+first, "", nil)
	_, err = client().Resolve(t.Context(), a, "team/base", first)
	refused(t, err, problem.ManifestUnknown)

	wrong := a
	wrong.Password = "wrong"
	_, err = client().Repositories(t.Context(), wrong)
	refused(t, err, problem.RegistryAuthFailed)
	wrong = a
	_, wrong.Registry.CACert = certify(t, time.Hour)
	_, err = client().Repositories(t.Context(), wrong)
	refused(t, err, problem.TLSUnknownAuthority)
}
