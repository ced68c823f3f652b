package sandbox_test

import (
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
)

var update = flag.Bool("update", false, "write the golden files")

func allow(prefix string, port uint16) worker.Allow {
	return worker.Allow{Prefix: netip.MustParsePrefix(prefix), Port: port}
}

var networks = map[string]worker.Network{
	"none":   {Egress: worker.EgressNone, Hosts: map[string]string{"b": "192.0.2.2", "a": "192.0.2.1"}},
	"public": {Egress: worker.EgressPublic, Allow: []worker.Allow{allow("10.0.0.0/8", 0)}},
	"restricted": {
		Egress: worker.EgressRestricted,
		Allow:  []worker.Allow{allow("203.0.113.7/24", 443), allow("10.0.0.0/8", 0), allow("10.0.2.2/32", 5000), allow("2001:db8::/32", 80)},
	},
	"nothing": {Egress: worker.EgressRestricted},
}

func TestNewNetwork(t *testing.T) {
	t.Parallel()
	for name, input := range networks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, err := sandbox.NewNetwork(input)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".nft")
			if *update {
				if err := os.WriteFile(golden, []byte(network.Ruleset), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), network.Ruleset); diff != "" {
				t.Error(diff)
			}
			if want := input.Egress != worker.EgressNone; network.Tap != want {
				t.Errorf("tap = %v, want %v", network.Tap, want)
			}
			if want := name == "restricted"; network.HostLoopback != want || network.IPv6 != want {
				t.Errorf("host loopback = %v, IPv6 = %v, want %v", network.HostLoopback, network.IPv6, want)
			}
		})
	}
}

// TestRulesetSyntax lets nft itself check the rules.
func TestRulesetSyntax(t *testing.T) {
	t.Parallel()
	if sandbox.Missing("nft", "unshare") != "" {
		t.Fatal("nft or unshare is not installed; `make deps` installs both")
	}
	for name, input := range networks {
		network, err := sandbox.NewNetwork(input)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(network.Ruleset), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("unshare", "--user", "--map-root-user", "--net", "/usr/sbin/nft", "--check", "-f", path).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	network, err := sandbox.NewNetwork(networks["none"])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("127.0.0.1 localhost\n::1 localhost\n192.0.2.1 a\n192.0.2.2 b\n", network.Hosts); diff != "" {
		t.Error(diff)
	}
}

func TestNewNetworkRefuses(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]worker.Network{
		"UnknownEgress":   {Egress: "open"},
		"NoPrefix":        {Egress: worker.EgressRestricted, Allow: []worker.Allow{{Port: 80}}},
		"AllOfTheMachine": {Egress: worker.EgressRestricted, Allow: []worker.Allow{allow("10.0.2.2/32", 0)}},
		"HostName":        {Egress: worker.EgressNone, Hosts: map[string]string{"a b": "192.0.2.1"}},
		"HostAddress":     {Egress: worker.EgressNone, Hosts: map[string]string{"a": "192.0.2.1\n192.0.2.2 b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := sandbox.NewNetwork(input); err == nil {
				t.Error("no error")
			}
		})
	}
}
