package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"connectrpc.com/connect"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/system"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
	"github.com/kilnhq/kiln/internal/gen/kiln/v1/kilnv1connect"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, base := range map[string]string{
		"unix:///run/kiln/kilnd.sock": "http://kilnd",
		"https://kiln.example:8443":   "https://kiln.example:8443",
		"https://kiln.example:8443/":  "https://kiln.example:8443",
		"http://127.0.0.1:80":         "http://127.0.0.1:80",
	} {
		if got, err := parseEndpoint(endpoint); err != nil || got.base != base {
			t.Errorf("%s: got %+v, %v", endpoint, got, err)
		}
	}
	for _, endpoint := range []string{
		"/run/kiln/kilnd.sock", "unix://run/kilnd.sock", "unix://", "unix:///" + strings.Repeat("x", 107), "ftp://host", "https://",
		"https://host/path", "https://host?q", "https://user:secret@host", "host:80", "://", "http://a b", "http://secret@host:1",
		"http://host:1/?token=secret", "http://host:1/#secret", "secret@host", "http://user:secret@host:port", "unix://secret@host/x",
	} {
		_, err := New(Config{Endpoint: endpoint})
		if !problem.Has(err, problem.InvalidParameter) || problem.From(err)[0].Field != "endpoint" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", endpoint, err)
		}
	}
}

func TestDefaultEndpoint(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	t.Setenv(EnvEndpoint, "")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("XDG_STATE_HOME", state)
	session, kept := filepath.Join(dir, "kiln", "kilnd.sock"), filepath.Join(state, "kiln", "kilnd.sock")
	if got := defaultEndpoint(); got != "unix://"+session {
		t.Errorf("with no socket at all: %s", got)
	}
	touch(t, kept)
	if got := defaultEndpoint(); got != "unix://"+kept {
		t.Errorf("with a socket beside the state: %s", got)
	}
	touch(t, session)
	if got := defaultEndpoint(); got != "unix://"+session {
		t.Errorf("with a socket of the session: %s", got)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	if got := defaultEndpoint(); got != "unix:///run/kiln/kilnd.sock" {
		t.Errorf("without a home: %s", got)
	}
	t.Setenv(EnvEndpoint, "https://kiln.example")
	c, err := New(Config{})
	if err != nil || c.Endpoint() != "https://kiln.example" {
		t.Errorf("with the environment: %v", err)
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config Config
		field  string
	}{
		"plain text":     {Config{Endpoint: "http://kiln.example", Token: "secret"}, "token"},
		"line feed":      {Config{Endpoint: "https://kiln.example", Token: "secret\n"}, "token"},
		"no key":         {Config{Endpoint: "https://kiln.example", ClientCert: "secret"}, "client_key"},
		"no certificate": {Config{Endpoint: "https://kiln.example", ClientKey: "secret"}, "client_cert"},
		"nonsense":       {Config{Endpoint: "https://kiln.example", ClientCert: "secret", ClientKey: "secret"}, "client_key"},
		"no CA":          {Config{Endpoint: "https://kiln.example", CACert: "secret"}, "ca_cert"},
	} {
		_, err := New(test.config)
		found := problem.From(err)
		if len(found) != 1 || found[0].Field != test.field || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWhatARequestCarries(t *testing.T) {
	t.Parallel()
	var seen http.Header
	c := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}), Config{Token: "kiln_1", UserAgent: "tester/1"})
	if _, err := c.Info(t.Context()); err == nil {
		t.Error("a redirect was followed")
	}
	if seen.Get("Authorization") != "Bearer kiln_1" || seen.Get("User-Agent") != "tester/1" {
		t.Errorf("it carried %v", seen)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	endpoint := "unix://" + filepath.Join(t.TempDir(), "none.sock")
	c, err := New(Config{Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	c.retry = retry{within: time.Millisecond, first: time.Millisecond, most: time.Millisecond}
	_, infoErr := c.Info(t.Context())
	_, watchErr := c.WatchProcess(t.Context(), Watch{ID: "p"}, nil)
	_, waitErr := c.Wait(t.Context(), "p", nil)
	uploadErr := c.UploadFile(t.Context(), "0", strings.NewReader("x"))
	for name, err := range map[string]error{"info": infoErr, "watch": watchErr, "wait": waitErr, "upload": uploadErr} {
		found := problem.From(err)
		if len(found) != 1 || found[0].Code != problem.DaemonUnavailable || found[0].Value != endpoint ||
			!strings.Contains(found[0].Remedy, "kilnd serve") || strings.Contains(err.Error(), "http://") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNoRightToCall(t *testing.T) {
	t.Parallel()
	c := &Client{endpoint: "unix:///x"}
	err := c.failure(t.Context(), connect.NewError(connect.CodeUnavailable, &net.OpError{Op: "dial", Err: os.ErrPermission}))
	if !problem.Has(err, problem.DaemonUnavailable) || !strings.Contains(err.Error(), "account") {
		t.Errorf("got %v", err)
	}
}

func TestTheCallersContext(t *testing.T) {
	t.Parallel()
	c := against(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, infoErr := c.Info(ctx)
	_, waitErr := c.Wait(ctx, "p", nil)
	for name, err := range map[string]error{"info": infoErr, "wait": waitErr} {
		if !errors.Is(err, context.Canceled) || len(problem.From(err)) > 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// What is not a kilnd must never pass for one that has lost a resource.
func TestOtherServers(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]problem.Code{
		http.StatusNotFound: problem.IncompatibleAPI, http.StatusBadGateway: problem.DaemonUnavailable,
		http.StatusForbidden: problem.Forbidden, http.StatusOK: "",
	} {
		c := against(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
		}), Config{})
		_, err := c.Image(t.Context(), "i1", "")
		if err == nil || problem.Has(err, problem.NotFound) || want != "" && (!problem.Has(err, want) || problem.From(err)[0].Remedy == "") {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

type otherVersion struct {
	kilnv1connect.UnimplementedSystemServiceHandler
}

func (otherVersion) GetInfo(
	context.Context, *connect.Request[kilnv1.GetInfoRequest],
) (*connect.Response[kilnv1.GetInfoResponse], error) {
	return connect.NewResponse(&kilnv1.GetInfoResponse{ApiVersion: system.APIVersion + 1, DaemonVersion: "9.9.9"}), nil
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	_, handler := kilnv1connect.NewSystemServiceHandler(otherVersion{})
	c := against(t, handler, Config{})
	info, err := c.Info(t.Context())
	if !problem.Has(err, problem.IncompatibleAPI) || info.DaemonVersion != "9.9.9" || !strings.Contains(err.Error(), "9.9.9") {
		t.Errorf("got %+v, %v", info, err)
	}
	// A procedure that the daemon does not have yet.
	if _, err := c.Snapshot(t.Context(), ""); !problem.Has(err, problem.IncompatibleAPI) {
		t.Errorf("got %v", err)
	}
}

type dropping struct {
	kilnv1connect.UnimplementedProcessServiceHandler
	watches *atomic.Int32
}

func (d dropping) WatchProcess(
	context.Context, *connect.Request[kilnv1.WatchProcessRequest], *connect.ServerStream[kilnv1.WatchProcessResponse],
) error {
	d.watches.Add(1)
	return nil // a stream that ends before its process does
}

func TestWaitGivesUp(t *testing.T) {
	t.Parallel()
	var watches atomic.Int32
	_, handler := kilnv1connect.NewProcessServiceHandler(dropping{watches: &watches})
	c := against(t, handler, Config{})
	c.retry = retry{within: 30 * time.Millisecond, first: time.Millisecond, most: 2 * time.Millisecond}
	if _, err := c.Wait(t.Context(), "p", nil); !problem.Has(err, problem.DaemonUnavailable) {
		t.Errorf("got %v", err)
	}
	if watches.Load() < 2 {
		t.Errorf("tried %d times", watches.Load())
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	seen := lines{}
	for range tail + 5 {
		seen.add(process.Line{Text: "x"})
	}
	for state, want := range map[process.State]problem.Code{
		process.StateCancelled: problem.Cancelled, process.StateFailed: problem.Internal,
	} {
		err := outcome(Process{Process: process.Process{ID: "p", State: state}}, seen)
		if !problem.Has(err, want) || len(problem.From(err)[0].Log) != tail {
			t.Errorf("%s: got %v", state, err)
		}
	}
	own := &problem.Problem{Code: problem.Unclassified, Log: []string{"own"}}
	err := outcome(Process{Process: process.Process{State: process.StateFailed, Problem: own}}, seen)
	if found := problem.From(err); len(found) != 1 || len(found[0].Log) != 1 {
		t.Errorf("the daemon's own log was replaced: %v", err)
	}
	if err := outcome(Process{Process: process.Process{State: process.StateCompleted}}, seen); err != nil {
		t.Errorf("completed: %v", err)
	}
}

func TestUploadOfTooMuch(t *testing.T) {
	t.Parallel()
	c := against(t, http.NotFoundHandler(), Config{})
	c.largest = 10
	if err := c.UploadFile(t.Context(), "0", iotest.HalfReader(strings.NewReader("12345678901"))); !problem.Has(err, problem.FileTooLarge) {
		t.Errorf("got %v", err)
	}
}

func against(t *testing.T, handler http.Handler, config Config) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	config.Endpoint = s.URL
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
