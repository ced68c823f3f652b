//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
)

const pythonImage = "dataworks_pyodps_task_pod"

// TestPip installs from an index of its own, and counts: without a persistent build the packages are fetched again at
// every run; with one, never, and the index may be gone.
func TestPip(t *testing.T) {
	t.Parallel()
	d := daemon(t)
	x := ownIndex(t)
	packages := fmt.Sprintf("packages = [{ type = \"python3\", names = [\"kilnwheel==1.2.3\"], index = %q }]", x.url())
	test := `commands = ["/home/tops/bin/python3 -c 'import kilnwheel'"]`
	config := surroundings("pip", x.host()) + customImage("pip", pythonImage, "pyodps3", packages, test)
	w := d.workspace(t, mainTool(), config)
	w.apply(t)
	x.downloaded(t, "after the test", "kilnwheel", 1)
	says := func(when string) {
		t.Helper()
		said, err := d.kiln(t, "run", "pip", "--", "/home/tops/bin/python3", "-c", "import kilnwheel; print(kilnwheel.version)")
		if err != nil || said != wheelVersion+"\n" {
			t.Errorf("%s: kiln run: %q, %v", when, said, err)
		}
	}
	says("first run")
	x.downloaded(t, "after the first run", "kilnwheel", 2)
	says("second run")
	x.downloaded(t, "after the second run", "kilnwheel", 3)

	w.write(t, config+persistentBuild)
	w.apply(t)
	x.downloaded(t, "after the baking", "kilnwheel", 4)
	says("baked run")
	x.downloaded(t, "after the baked run", "kilnwheel", 4)
	if err := x.server.Close(); err != nil {
		t.Fatal(err)
	}
	says("run without an index")
	w.settled(t)
	w.destroy(t)
}

// TestPipConfigured installs from the index of the daemon's configuration, which no entry names.
func TestPipConfigured(t *testing.T) {
	t.Parallel()
	d := daemon(t)
	x, err := sharedIndex()
	if err != nil {
		t.Fatal(err)
	}
	packages := `packages = [{ type = "python3", names = ["kilnconfigured==1.2.3"] }]`
	test := `commands = ["/home/tops/bin/python3 -c 'import kilnconfigured'", "test ! -e /etc/pip.conf"]`
	w := d.workspace(t, mainTool(), surroundings("pipconfigured", x.host())+customImage("pipconfigured", pythonImage, "pyodps3", packages, test))
	w.apply(t)
	x.downloaded(t, "after the test", "kilnconfigured", 1)
	w.settled(t)
	w.destroy(t)
}

// TestIndexTLS: an index whose certificate nobody has signed is refused by what pip says, and nothing is published.
func TestIndexTLS(t *testing.T) {
	t.Parallel()
	d := daemon(t)
	x := ownIndex(t)
	closed := httptest.NewTLSServer(x.server.Handler)
	t.Cleanup(closed.Close)
	_, port, _ := net.SplitHostPort(closed.Listener.Addr().String()) // an address of a listener is good
	host := "host.kiln.internal:" + port
	config := func(url string) string {
		packages := fmt.Sprintf("packages = [{ type = \"python3\", names = [\"kilnwheel==1.2.3\"], index = %q }]", url)
		return surroundings("piptls", x.host(), host) + customImage("piptls", pythonImage, "pyodps3", packages, "")
	}
	w := d.workspace(t, mainTool(), config("https://"+host+"/simple/"))
	found := w.applyFails(t)
	if !strings.HasSuffix(found.Summary, ": IndexTLSFailed") {
		t.Errorf("the diagnostic is not that of IndexTLSFailed:\n%s\n%s", found.Summary, found.Detail)
	}
	for _, want := range []string{"Field: packages[0]", "Value: kilnwheel==1.2.3", "The last lines of the log:\n", "CERTIFICATE_VERIFY_FAILED"} {
		if !strings.Contains(found.Detail, want) {
			t.Errorf("the diagnostic lacks %q:\n%s", want, found.Detail)
		}
	}
	x.downloaded(t, "over a connection that is not trusted", "kilnwheel", 0)
	w.write(t, config(x.url()))
	w.apply(t)
	w.settled(t)
	w.destroy(t)
}
