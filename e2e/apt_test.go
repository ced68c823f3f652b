//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestAptIndex installs a package from the repository that its entry names, which passes on what Debian's mirror has, on a network
// that reaches nothing else; nothing of the repository stays in the image.
func TestAptIndex(t *testing.T) {
	t.Parallel()
	var (
		mu      sync.Mutex
		fetched []string
	)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: strings.TrimSuffix(mirror, ":80")})
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		fetched = append(fetched, path.Base(r.URL.Path))
		mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	host := "host.kiln.internal:" + port
	d := daemon(t)
	packages := fmt.Sprintf(`packages = [{ type = "apt", names = ["hello=2.10-3"], index = "http://%s/debian bookworm main" }]`, host)
	test := fmt.Sprintf(`commands = ["hello", "! grep -r %s /etc /var/lib /var/cache/apt"]`, host)
	w := d.workspace(t, mainTool(), surroundings("aptindex", host)+shellImage("aptindex", packages, test))
	w.apply(t)
	mu.Lock()
	if !slices.Contains(fetched, "hello_2.10-3_amd64.deb") {
		t.Errorf("the repository of the entry has served %q", fetched)
	}
	mu.Unlock()
	w.settled(t)
	w.write(t, surroundings("aptindex", host)+shellImage("aptindex", strings.Replace(packages, "2.10-3", "2.10-0", 1), ""))
	if found := w.applyFails(t); !strings.Contains(found.Summary, "PackageVersionGone") || !strings.Contains(found.Detail, "there are 2.10-3") {
		t.Errorf("a version that is not there: %+v", found)
	}
	w.destroy(t)
}
