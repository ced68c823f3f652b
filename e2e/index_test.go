//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// index is a package index on the loopback of the machine. A package has the wheels that were put there; one of which there
// was never any has one of version 1.2.3.
type index struct {
	listener net.Listener
	server   *http.Server

	mu        sync.Mutex
	downloads map[string]int              // of wheels, by package
	wheels    map[string]map[string]wheel // by package and version
}

// wheel is what is in a package.
type wheel struct {
	requires []string
	text     string // of a constant of its module
}

const wheelVersion = "1.2.3"

func newIndex() (*index, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	x := &index{listener: l, downloads: map[string]int{}, wheels: map[string]map[string]wheel{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /simple/{name}/", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><html><body>")
		for _, version := range x.versions(name) {
			file := wheelName(name, version)
			_, _ = fmt.Fprintf(w, "<a href=\"/wheels/%s/%s/%s\">%s</a>", name, version, file, file)
		}
		_, _ = fmt.Fprint(w, "</body></html>")
	})
	mux.HandleFunc("GET /wheels/{name}/{version}/{file}", func(w http.ResponseWriter, r *http.Request) {
		wheel, err := newWheel(r.PathValue("name"), r.PathValue("version"), x.wheel(r.PathValue("name"), r.PathValue("version")))
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

// ownIndex starts a package index that the test may change.
func ownIndex(t *testing.T) *index {
	t.Helper()
	x, err := newIndex()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.server.Close() })
	return x
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

// put makes a version of a package what the index has, besides what it has; a version that is there is replaced.
func (x *index) put(name, version string, w wheel) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.wheels[name] == nil {
		x.wheels[name] = map[string]wheel{}
	}
	x.wheels[name][version] = w
}

func (x *index) versions(name string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.wheels[name] == nil {
		return []string{wheelVersion}
	}
	return slices.Sorted(maps.Keys(x.wheels[name]))
}

func (x *index) wheel(name, version string) wheel {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.wheels[name][version]
}

func wheelName(name, version string) string {
	return name + "-" + version + "-" + wheelTag(name) + ".whl"
}

// oldWheel is the package that is for Python 2 alone.
const oldWheel = "kilnold"

func wheelTag(name string) string {
	if name == oldWheel {
		return "py2-none-any"
	}
	return "py3-none-any"
}

// newWheel makes a package of one module, which says its version.
func newWheel(name, version string, content wheel) ([]byte, error) {
	info := name + "-" + version + ".dist-info/"
	metadata := "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n"
	for _, requirement := range content.requires {
		metadata += "Requires-Dist: " + requirement + "\n"
	}
	files := []struct{ path, text string }{
		{name + ".py", "version = '" + version + "'\ntext = '" + content.text + "'\n"},
		{info + "METADATA", metadata},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: kiln\nRoot-Is-Purelib: true\nTag: " + wheelTag(name) + "\n"},
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

// drop removes a version of a package.
func (x *index) drop(name, version string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.wheels[name], version)
}
