//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/daemon/distributiontest"
	"github.com/kilnhq/kiln/internal/domain/network"
)

// TestRegistry declares Debian's docker-registry and reads what it has, over TLS and with its user; a wrong password, a wrong
// certificate, a network that does not lead there and a registry that was stopped have a code each. The password is in no file.
func TestRegistry(t *testing.T) {
	t.Parallel()
	d, r := daemon(t), distributiontest.Start(t)
	first := r.Push("team/base", "v1", "amd64")
	_, other := distributiontest.Certify(t, 1)
	endpoint := network.HostName + ":" + r.Port
	config := func(allow, ca, password string, version int) string {
		return surroundings("registry", allow) + fmt.Sprintf(`
resource "kiln_registry" "test" {
  name                = "registry"
  endpoint            = %q
  edition             = "enterprise"
  network_ids         = [kiln_network.test.id]
  ca_cert             = %s
  username            = %q
  password_wo         = %q
  password_wo_version = %d
}
data "kiln_registry_image" "test" {
  registry_id = kiln_registry.test.id
  repository  = "team/base"
  reference   = "v1"
}
output "digest" { value = data.kiln_registry_image.test.digest }
`, endpoint, strconv.Quote(ca), distributiontest.User, password, version)
	}
	good := config(endpoint, r.CA, distributiontest.Password, 1)
	w := d.workspace(t, mainTool(), good)
	w.apply(t)
	digest := func() string {
		t.Helper()
		out, err := w.run(t, "output", "-raw", "digest")
		if err != nil {
			t.Fatalf("output: %v\n%s", err, out)
		}
		return out
	}
	if got := digest(); got != first {
		t.Errorf("the tag stands for %s, want %s", got, first)
	}
	w.settled(t)
	for _, tt := range []struct{ code, config string }{
		{"RegistryAuthFailed", config(endpoint, r.CA, "wrong", 2)},
		{"TLSUnknownAuthority", config(endpoint, other, distributiontest.Password, 3)},
		{"RegistryUnreachableFromVpc", config(mirror, r.CA, distributiontest.Password, 4)},
	} {
		w.write(t, tt.config)
		if found := w.applyFails(t); !strings.HasSuffix(found.Summary, ": "+tt.code) {
			t.Errorf("got %s, want %s:\n%s", found.Summary, tt.code, found.Detail)
		}
	}
	w.write(t, config(endpoint, r.CA, distributiontest.Password, 5))
	w.apply(t)
	w.settled(t)
	state, err := os.ReadFile(w.dir + "/terraform.tfstate")
	if err != nil || strings.Contains(string(state)+d.log(), distributiontest.Password) {
		t.Errorf("the password is in the state or in the daemon's log, %v", err)
	}
	r.Stop()
	if out, err := w.run(t, "plan", "-input=false", "-no-color"); err == nil || !strings.Contains(out, "RegistryUnreachable") {
		t.Errorf("the plan without the registry: %v\n%s", err, out)
	}
	alone, _, _ := strings.Cut(good, "data \"") // Terraform reads data sources even for a destroy
	w.write(t, alone)
	w.destroy(t)
}
