package engine_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/kilnhq/kiln/daemon/engine"
	"github.com/kilnhq/kiln/daemon/worker"
)

// registry is an empty registry on a port of loopback, as the daemon's is.
type registry struct {
	host    string // as workers call it
	network worker.Network
}

// serve starts a registry behind wrap, with TLS when config is not nil.
func serve(t *testing.T, wrap func(http.Handler) http.Handler, config *tls.Config) registry {
	t.Helper()
	logrus.SetOutput(io.Discard)
	app := handlers.NewApp(context.Background(), &configuration.Configuration{Storage: configuration.Storage{"inmemory": {}}})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP address")
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	server := &http.Server{Handler: wrap(app), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return registry{
		host: fmt.Sprintf("%s:%d", worker.HostAddress, address.Port),
		network: worker.Network{
			Egress: worker.EgressRestricted,
			Allow:  []worker.Allow{{Prefix: netip.MustParsePrefix(worker.HostAddress + "/32"), Port: uint16(address.Port)}},
		},
	}
}

func plain(h http.Handler) http.Handler { return h }

// tiny makes an image of a few bytes, so that a transfer takes no time.
func tiny(t *testing.T, e *engine.Engine, tag string) string {
	t.Helper()
	job := worker.Job{ID: tag, Kind: worker.KindImage, Image: &worker.Image{Containerfile: "FROM scratch\nLABEL a=b\nCOPY <<END /f\nx\nEND\n", Tag: tag}}
	if _, _, err := execute(t, e, job); err != nil {
		t.Fatal(err)
	}
	return tag
}

// TestCredentials looks for the password where others could see it, while the worker uses it.
func TestCredentials(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "credentials")
	const password = "canary-5e1f0b7a"
	var mu sync.Mutex
	var seen []string
	r := serve(t, func(app http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if _, given, _ := request.BasicAuth(); given != password {
				w.Header().Set("WWW-Authenticate", `Basic realm="kiln"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			mu.Lock()
			seen = append(seen, exposed(password)...)
			mu.Unlock()
			app.ServeHTTP(w, request)
		})
	}, nil)
	push := worker.Job{Kind: worker.KindPush, Network: r.network, Push: &worker.Push{
		Image: tiny(t, e, "localhost/kiln/tiny:1"), Destination: r.host + "/tiny:1", PlainHTTP: true, Username: "ci", Password: password,
	}}
	if _, _, err := execute(t, e, push); err != nil {
		t.Fatal(err)
	}
	push.Push.Password = "wrong"
	if _, _, err := execute(t, e, push); failureKind(err) != worker.FailureTransfer {
		t.Errorf("wrong password: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 0 {
		t.Errorf("the password is in %q", seen)
	}
}

// exposed lists the processes with secret among their arguments or in their environment, this one apart.
func exposed(secret string) []string {
	var found []string
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, _ := os.ReadFile(file)
			if bytes.Contains(text, []byte(secret)) {
				found = append(found, file)
			}
		}
	}
	return found
}

func TestAuthority(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "authority")
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	t.Cleanup(server.Close)
	r := serve(t, plain, server.TLS)
	// The certificate is for this name.
	r.network.Hosts = map[string]string{"example.com": worker.HostAddress}
	_, port, err := net.SplitHostPort(r.host)
	if err != nil {
		t.Fatal(err)
	}
	push := worker.Job{Kind: worker.KindPush, Network: r.network, Push: &worker.Push{
		Image: tiny(t, e, "localhost/kiln/tiny:1"), Destination: "example.com:" + port + "/tiny:1",
	}}
	if _, _, err := execute(t, e, push); failureKind(err) != worker.FailureTransfer || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("unknown authority: %v", err)
	}
	push.Push.CACert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if _, _, err := execute(t, e, push); err != nil {
		t.Errorf("known authority: %v", err)
	}
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	r := serve(t, plain, nil)
	host, network := r.host, r.network
	push := worker.Job{ID: "push", Kind: worker.KindPush, Network: network, Push: &worker.Push{
		Image: base, Destination: host + "/kiln/base:1", PlainHTTP: true,
	}}
	pushed, _, err := execute(t, e, push)
	if err != nil {
		t.Fatal(err)
	}
	push.ID = "push again"
	again, _, err := execute(t, e, push)
	if err != nil || again.Digest != pushed.Digest {
		t.Errorf("second push: %q, %v, want %q", again.Digest, err, pushed.Digest)
	}
	for i, source := range []string{host + "/kiln/base@" + pushed.Digest, host + "/kiln/base:1"} {
		tag := fmt.Sprintf("localhost/kiln/pulled:%d", i)
		pulled, _, err := execute(t, e, worker.Job{ID: tag, Kind: worker.KindPull, Network: network, Pull: &worker.Pull{
			Source: source, Tag: tag, PlainHTTP: true,
		}})
		if err != nil {
			t.Fatal(err)
		}
		if pulled.Digest != pushed.Digest || pulled.Architecture != "amd64" || pulled.ImageID == "" || pulled.SizeBytes == 0 {
			t.Errorf("pulled %+v, pushed %+v", pulled, pushed)
		}
		job := shell("exit 3")
		job.ID, job.Run.Image = "run "+tag, tag
		if result, _, err := execute(t, e, job); err != nil || result.ExitCode != 3 {
			t.Errorf("run pulled image: %+v, %v", result, err)
		}
		remove := worker.Job{ID: "remove " + tag, Kind: worker.KindRemove, Remove: &worker.Remove{Images: []string{tag, "localhost/kiln/absent:1"}}}
		if _, _, err := execute(t, e, remove); err != nil {
			t.Errorf("remove: %v", err)
		}
		if _, _, err := execute(t, e, job); failureKind(err) != worker.FailureImage {
			t.Errorf("the image is still there: %v", err)
		}
	}
}

// failureKind is the kind of a failed job, or empty.
func failureKind(err error) worker.FailureKind {
	if failure, ok := errors.AsType[*worker.Failure](err); ok {
		return failure.Kind
	}
	return ""
}

func TestTransferFailures(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	r := serve(t, plain, nil)
	host, network := r.host, r.network
	for name, test := range map[string]struct {
		job  worker.Job
		want worker.FailureKind
	}{
		"PushOfNothing": {worker.Job{Kind: worker.KindPush, Network: network, Push: &worker.Push{Image: "localhost/kiln/absent:1", Destination: host + "/x:1", PlainHTTP: true}}, worker.FailureImage},
		"PushToNobody":  {worker.Job{Kind: worker.KindPush, Network: network, Push: &worker.Push{Image: base, Destination: "10.0.2.2:1/x:1", PlainHTTP: true}}, worker.FailureTransfer},
		"PullOfNothing": {worker.Job{Kind: worker.KindPull, Network: network, Pull: &worker.Pull{Source: host + "/x:1", Tag: "localhost/kiln/x:1", PlainHTTP: true}}, worker.FailureTransfer},
		"NotPlain":      {worker.Job{Kind: worker.KindPush, Network: network, Push: &worker.Push{Image: base, Destination: host + "/x:1"}}, worker.FailureTransfer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := execute(t, e, test.job)
			if diff := cmp.Diff(test.want, failureKind(err)); diff != "" {
				t.Errorf("%s: %v", diff, err)
			}
		})
	}
}
