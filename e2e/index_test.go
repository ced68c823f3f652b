//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// index is a package index on the loopback of the machine. Each package name has one wheel, of version 1.2.3.
type index struct {
	listener net.Listener
	server   *http.Server

	mu        sync.Mutex
	downloads map[string]int // of wheels, by package
}

const wheelVersion = "1.2.3"

func newIndex() (*index, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	x := &index{listener: l, downloads: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /simple/{name}/", func(w http.ResponseWriter, r *http.Request) {
		file := wheelName(r.PathValue("name"))
		_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><body><a href=\"/wheels/%s/%s\">%s</a></body></html>", r.PathValue("name"), file, file)
	})
	mux.HandleFunc("GET /wheels/{name}/{file}", func(w http.ResponseWriter, r *http.Request) {
		wheel, err := newWheel(r.PathValue("name"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		x.mu.Lock()
		x.downloads[r.PathValue("name")]++
		x.mu.Unlock()
		_, _ = w.Write(wheel)
	})
	x.server = &http.Server{Handler: mux, ReadHeaderTimeout: soon}
	go func() { _ = x.server.Serve(l) }()
	return x, nil
}

// host is how a step names the index, and a network has to allow it.
func (x *index) host() string {
	_, port, _ := net.SplitHostPort(x.listener.Addr().String()) // an address of a listener is good
	return "host.kiln.internal:" + port
}

func (x *index) url() string { return "http://" + x.host() + "/simple/" }

// downloaded checks how often the wheel of a package was fetched.
func (x *index) downloaded(t *testing.T, when, name string, want int) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if got := x.downloads[name]; got != want {
		t.Errorf("%s: %d downloads of %s, want %d", when, got, name, want)
	}
}

func wheelName(name string) string { return name + "-" + wheelVersion + "-py3-none-any.whl" }

// newWheel makes a package of one module, which says its version.
func newWheel(name string) ([]byte, error) {
	info := name + "-" + wheelVersion + ".dist-info/"
	files := []struct{ path, text string }{
		{name + ".py", "version = '" + wheelVersion + "'\n"},
		{info + "METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + wheelVersion + "\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: kiln\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	var record strings.Builder
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.text))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.path, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.text))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	files = append(files, struct{ path, text string }{info + "RECORD", record.String()})
	var wheel bytes.Buffer
	archive := zip.NewWriter(&wheel)
	for _, f := range files {
		w, err := archive.Create(f.path)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(f.text)); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return wheel.Bytes(), err
}
