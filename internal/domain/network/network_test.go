package network_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

var comparePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestRules(t *testing.T) {
	t.Parallel()
	prefix := netip.MustParsePrefix
	for _, test := range []struct {
		entry string
		want  network.Rule
	}{
		{"mirror.internal:443", network.Rule{Host: "mirror.internal", Port: 443}},
		{"mirror.internal", network.Rule{Host: "mirror.internal"}},
		{"Mirror.Internal:443", network.Rule{Host: "mirror.internal", Port: 443}},
		{"host.kiln.internal:8081", network.Rule{Host: "host.kiln.internal", Port: 8081}},
		{"xn--fiq228c.example:80", network.Rule{Host: "xn--fiq228c.example", Port: 80}},
		{"1password.com:443", network.Rule{Host: "1password.com", Port: 443}},
		{"mirror.internal:1", network.Rule{Host: "mirror.internal", Port: 1}},
		{"mirror.internal:65535", network.Rule{Host: "mirror.internal", Port: 65535}},
		{"10.8.0.0/16:5000", network.Rule{Prefix: prefix("10.8.0.0/16"), Port: 5000}},
		{"10.8.0.0/16", network.Rule{Prefix: prefix("10.8.0.0/16")}},
		{"10.8.3.7/16", network.Rule{Prefix: prefix("10.8.0.0/16")}},
		{"10.8.0.3", network.Rule{Prefix: prefix("10.8.0.3/32")}},
		{"10.8.0.3:80", network.Rule{Prefix: prefix("10.8.0.3/32"), Port: 80}},
		{"0.0.0.0/0:443", network.Rule{Prefix: prefix("0.0.0.0/0"), Port: 443}},
		{"fd00::/8", network.Rule{Prefix: prefix("fd00::/8")}},
		{"fd01::1", network.Rule{Prefix: prefix("fd01::1/128")}},
		{"10.0.0.0/8", network.Rule{Prefix: prefix("10.0.0.0/8")}},
		{"0.0.0.0/0", network.Rule{Prefix: prefix("0.0.0.0/0")}},
		{"::/0", network.Rule{Prefix: prefix("::/0")}},
		{"10.0.3.2:80", network.Rule{Prefix: prefix("10.0.3.2/32"), Port: 80}},
		{"[fd00::/8]:443", network.Rule{Prefix: prefix("fd00::/8"), Port: 443}},
		{"[fd01::1]:443", network.Rule{Prefix: prefix("fd01::1/128"), Port: 443}},
		{"[fd01::1]", network.Rule{Prefix: prefix("fd01::1/128")}},
	} {
		t.Run(test.entry, func(t *testing.T) {
			t.Parallel()
			got, found := network.Rules([]string{test.entry})
			if len(found) > 0 {
				t.Fatalf("refused: %v", found)
			}
			if diff := cmp.Diff([]network.Rule{test.want}, got, comparePrefix); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRulesRefused(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		"", ":", ":443", " ", "mirror.internal:", "mirror.internal:0", "mirror.internal:65536", "mirror.internal:-1", "mirror.internal:+80",
		"mirror.internal:http", "mirror.internal:80 ", " mirror.internal:80", "mirror.internal :80", "mirror.internal:80-90",
		"https://mirror.internal", "https://mirror.internal:443", "http://10.8.0.3/simple", "mirror.internal/simple", "mirror.internal:443/simple",
		"*.internal:443", "*", "-mirror.internal", "mirror-.internal", "mirror..internal", ".internal", "mirror.internal.", "mirror_1.internal:80",
		"10.8.0.300", "10.8.0.300:80", "10.8.0", "10.8.0.0.1", "10.8.0.0/33", "10.8.0.0/-1", "10.8.0.0/", "10.8.0.0/16/16", "10.8.0.0-10.8.0.9",
		"[fd00::1", "fd00::1]:443", "[fd00::1]443", "[fd00::1]:", "[]:443", "[fd00::/129]:443", "[fe80::1%eth0]:443", "fe80::1%eth0",
		"[mirror.internal]:443", "[10.8.0.0/16]:5000", "user@mirror.internal:22", "镜像.internal", "mirror.internal\n", "a" + strings.Repeat(".a", 127),
		strings.Repeat("a", 64) + ".internal", "mirror.internal,pypi.internal",
		// Reserved: the daemon's machine has one name, and needs a port.
		"host.kiln.internal", "HOST.kiln.internal", "10.0.2.2", "10.0.2.2:5398", "10.0.2.3:53", "10.0.2.0/24", "10.0.2.2/31:80", "localhost",
		"LocalHost:80", "127.0.0.1", "127.0.0.1:80", "127.8.0.0/16", "0.0.0.0", "0.0.0.0:80", "169.254.169.254", "169.254.169.254:80",
		"169.254.0.0/16", "::1", "[::1]:80", "::", "fe80::1", "[fe80::/64]:80", "fd00::2", "[fd00::2]:80", "fd00::/64", "fd00::/65:80", "::ffff:10.0.2.2",
		"[::ffff:127.0.0.1]:80", "::ffff:10.8.0.1", "::ffff:0:0/96", "fd00:ec2::254",
	} {
		t.Run(entry, func(t *testing.T) {
			t.Parallel()
			rules, found := network.Rules([]string{"ok.internal", entry})
			if len(rules) != 1 || len(found) != 1 {
				t.Fatalf("rules = %v, problems = %v, want the first rule and one problem", rules, found)
			}
			if p := found[0]; p.Code != problem.InvalidAllowEntry || p.Field != "allow[1]" || p.Value != entry {
				t.Errorf("problem = %v", p)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		in   network.Network
		want []string // code and field of each problem
	}{
		{"none", network.Network{Name: "closed", Egress: network.EgressNone}, nil},
		{"public", network.Network{Name: "open", Egress: network.EgressPublic}, nil},
		{"restricted", network.Network{Name: "mirror", Egress: network.EgressRestricted, Allow: []string{"mirror.internal:443"}}, nil},
		{"restricted to nothing", network.Network{Name: "mirror", Egress: network.EgressRestricted}, nil},
		{"allow without effect", network.Network{Name: "open", Egress: network.EgressPublic, Allow: []string{"a:1"}}, []string{"ConflictingAttribute allow"}},
		{"allow with none", network.Network{Name: "n", Egress: network.EgressNone, Allow: []string{"a:1"}}, []string{"ConflictingAttribute allow"}},
		{"no egress", network.Network{Name: "n"}, []string{"InvalidParameter egress"}},
		{"unknown egress", network.Network{Name: "n", Egress: "Public"}, []string{"InvalidParameter egress"}},
		{
			"everything",
			network.Network{Name: "my net", Egress: network.EgressRestricted, Allow: []string{"x:0", "ok:1", "10.0.0.0/99"}},
			[]string{"InvalidName name", "InvalidAllowEntry allow[0]", "InvalidAllowEntry allow[2]"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, p := range test.in.Validate() {
				got = append(got, fmt.Sprintf("%s %s", p.Code, p.Field))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestReserved checks that addresses are judged as ranges are, and IPv4-mapped ones as what they mean.
func TestReserved(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"10.0.2.2": true, "10.0.2.3": true, "127.0.0.1": true, "127.255.0.1": true, "0.0.0.0": true, "169.254.169.254": true, "::1": true, "::": true,
		"fe80::1": true, "fd00::2": true, "::ffff:10.0.2.2": true, "::ffff:169.254.169.254": true, "fd00:ec2::254": true,
		"10.0.3.2": false, "10.8.0.1": false, "203.0.113.80": false, "::ffff:10.8.0.1": false, "fd01::2": false, "2001:db8::1": false,
	} {
		if got := network.IsReserved(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: reserved = %v", address, got)
		}
	}
}

// FuzzAllowEntry checks that what is accepted says one thing only, and says it again when it is written out.
func FuzzAllowEntry(f *testing.F) {
	for _, seed := range []string{
		"mirror.internal:443", "10.8.0.0/16:5000", "[fd00::/8]:443", "fd01::1", "10.8.0.300", "http://x", "[::]:1", "::ffff:10.0.0.1", "a:b:c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		rules, found := network.Rules([]string{entry})
		if len(rules)+len(found) != 1 {
			t.Fatalf("%q gives %v and %v", entry, rules, found)
		}
		if len(rules) == 0 {
			return
		}
		rule := rules[0]
		if (rule.Host == "") != rule.Prefix.IsValid() {
			t.Fatalf("%q gives %+v: either a host or a prefix", entry, rule)
		}
		if strings.ContainsAny(rule.Host, " \t\r\n:/@*[]'\"$;") || rule.Host != strings.ToLower(rule.Host) {
			t.Fatalf("%q gives the host %q", entry, rule.Host)
		}
		again, found := network.Rules([]string{write(rule)})
		if len(found) > 0 {
			t.Fatalf("%q is read as %+v, which is refused: %v", entry, rule, found)
		}
		if diff := cmp.Diff([]network.Rule{rule}, again, comparePrefix); diff != "" {
			t.Error(diff)
		}
	})
}

func write(r network.Rule) string {
	address := r.Host
	if r.Prefix.IsValid() {
		address = r.Prefix.String()
		if r.Prefix.Addr().Is6() {
			address = "[" + address + "]"
		}
	}
	if r.Port == 0 {
		return address
	}
	return fmt.Sprintf("%s:%d", address, r.Port)
}

func TestSame(t *testing.T) {
	t.Parallel()
	restricted := func(allow ...string) network.Network {
		return network.Network{Name: "n", Egress: network.EgressRestricted, Allow: allow}
	}
	for _, test := range []struct {
		name         string
		tested, made network.Network
		same         bool
	}{
		{"itself", restricted("a:1"), restricted("a:1"), true},
		{"another order", restricted("a:1", "b:1"), restricted("b:1", "a:1"), true},
		{"less", restricted("a:1", "b:1"), restricted("a:1"), false},
		{"another policy", network.Network{Egress: network.EgressNone}, network.Network{Egress: network.EgressPublic}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if found := network.Same("resource_group_id", test.tested, test.made); test.same != (len(found) == 0) {
				t.Errorf("found = %v", found)
			}
		})
	}
}
