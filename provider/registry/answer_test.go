package registry_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/kilnhq/kiln/daemon/distributiontest"
	domain "github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/provider/acctest"
)

// answers is a registry that answers each repository in a way of its own.
func answers(w http.ResponseWriter, r *http.Request) {
	send := func(mediaType, body string) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write([]byte(body))
	}
	switch strings.Split(r.URL.Path, "/")[2] {
	case "forbidden":
		w.WriteHeader(http.StatusForbidden)
	case "busy":
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(http.StatusTooManyRequests)
	case "broken":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "nonsense":
		send("text/html", "<html>log in</html>")
	case "arm":
		send("application/vnd.oci.image.index.v1+json", fmt.Sprintf(
			`{"schemaVersion":2,"manifests":[{"digest":"sha256:%064d","size":1,"platform":{"os":"linux","architecture":"arm64"}}]}`, 1))
	case "large":
		send("application/vnd.oci.image.manifest.v1+json", fmt.Sprintf(`{"schemaVersion":2,`+
			`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%064d"},`+
			`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%064d","size":%d}]}`, 1, 1, domain.MaxSize+1))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// listen runs the registry with a certificate that is valid until then, and gives its endpoint and its certificate.
func listen(t *testing.T, until time.Duration) (endpoint, ca string) {
	t.Helper()
	certificate, ca := distributiontest.Certify(t, until)
	server := httptest.NewUnstartedServer(http.HandlerFunc(answers))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	return "host.kiln.internal:" + port, ca
}

// TestAccAnswers: what a registry answers, or why it does not, is said in the plan, each with a code of its own.
func TestAccAnswers(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	d.Stop()
	d.Upstream = nil
	d.Run()
	endpoint, ca := listen(t, time.Hour)
	old, expired := listen(t, -time.Hour)
	_, other := distributiontest.Certify(t, time.Hour)
	config := d.Provider() + fmt.Sprintf(`
resource "kiln_network" "n" {
  name   = "registry"
  egress = "restricted"
  allow  = [%q, %q]
}
resource "kiln_network" "closed" {
  name   = "closed"
  egress = "none"
}
`, endpoint, old)
	for _, r := range []struct{ name, endpoint, ca, network string }{
		{"good", endpoint, ca, "n"}, {"other", endpoint, other, "n"}, {"old", old, expired, "n"}, {"closed", endpoint, ca, "closed"},
	} {
		config += fmt.Sprintf(`
resource "kiln_registry" %[1]q {
  name        = %[1]q
  endpoint    = %[2]q
  edition     = "enterprise"
  ca_cert     = %[3]s
  network_ids = [kiln_network.%[4]s.id]
}
`, r.name, r.endpoint, strconv.Quote(r.ca), r.network)
	}
	steps := []resource.TestStep{{Config: config}}
	for _, tt := range []struct{ registry, repository, code, says string }{
		{"good", "forbidden", "RegistryAuthFailed", "Field: username"},
		{"good", "busy", "RegistryRateLimited", "Limit: again after 1m30s"},
		{"good", "broken", "RegistryUnreachable", "Field: endpoint"},
		{"good", "nonsense", "RegistryBadAnswer", "text/html"},
		{"good", "arm", "ArchitectureNotSupported", "linux/arm64"},
		{"good", "large", "ImageTooLarge", "Limit: 5 GiB"},
		{"good", "gone", "ManifestUnknown", "Field: reference"},
		{"other", "gone", "TLSUnknownAuthority", "Field: ca_cert"},
		{"old", "gone", "CertificateTimeInvalid", "Field: endpoint"},
		{"closed", "gone", "RegistryUnreachableFromVpc", "Limit: closed"},
	} {
		data := fmt.Sprintf("data \"kiln_registry_image\" \"d\" {\n  registry_id = kiln_registry.%s.id\n  repository = %q\n  reference = \"v1\"\n}\n",
			tt.registry, tt.repository)
		steps = append(steps, acctest.Refused(config+data, "Cannot read the image", ": "+tt.code, tt.says))
	}
	acctest.Run(t, steps...)
}
