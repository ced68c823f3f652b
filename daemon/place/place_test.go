package place_test

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kilnhq/kiln/daemon/place"
	"github.com/kilnhq/kiln/daemon/sqlite"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

// lookup knows a few names.
func lookup(_ context.Context, kind, host string) ([]netip.Addr, error) {
	if kind != "ip4" {
		return nil, errors.New("only IPv4 is asked for")
	}
	switch host {
	case "mirror.internal":
		return []netip.Addr{netip.MustParseAddr("10.8.0.3"), netip.MustParseAddr("::ffff:10.8.0.4")}, nil
	case "v6.internal":
		return nil, nil
	case "rebound.internal":
		return []netip.Addr{
			netip.MustParseAddr("10.0.2.2"), netip.MustParseAddr("10.8.0.5"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("::ffff:127.0.0.1"),
		}, nil
	case "evil.internal":
		return []netip.Addr{netip.MustParseAddr("10.0.2.2")}, nil
	}
	return nil, errors.New("no such host")
}

func allow(prefix string, port uint16) worker.Allow {
	return worker.Allow{Prefix: netip.MustParsePrefix(prefix), Port: port}
}

var compare = cmp.Options{cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmpopts.EquateEmpty()}

func TestResolve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		in      network.Network
		want    worker.Network
		remarks int
	}{
		{"none", network.Network{Egress: network.EgressNone}, worker.Network{Egress: worker.EgressNone}, 0},
		{"public", network.Network{Egress: network.EgressPublic}, worker.Network{Egress: worker.EgressPublic}, 0},
		{"nothing is allowed", network.Network{Egress: network.EgressRestricted}, worker.Network{Egress: worker.EgressRestricted}, 0},
		{
			"addresses, a name with two, and the machine itself",
			network.Network{Egress: network.EgressRestricted, Allow: []string{
				"10.9.0.0/16:5000", "fd01::1", "Mirror.Internal:443", "mirror.internal:80", "host.kiln.internal:8081",
			}},
			worker.Network{
				Egress: worker.EgressRestricted,
				Allow: []worker.Allow{
					allow("10.9.0.0/16", 5000), allow("fd01::1/128", 0), allow("10.8.0.3/32", 443), allow("10.8.0.4/32", 443),
					allow("10.8.0.3/32", 80), allow("10.8.0.4/32", 80), allow(worker.HostAddress+"/32", 8081),
				},
				Hosts: map[string]string{"mirror.internal": "10.8.0.3", "host.kiln.internal": worker.HostAddress},
			},
			0,
		},
		{
			"names that lead nowhere",
			network.Network{Egress: network.EgressRestricted, Allow: []string{"gone.internal:443", "v6.internal", "10.9.0.1"}},
			worker.Network{Egress: worker.EgressRestricted, Allow: []worker.Allow{allow("10.9.0.1/32", 0)}},
			2,
		},
		{
			"names that lead to the machine itself",
			network.Network{Egress: network.EgressRestricted, Allow: []string{"rebound.internal:5398", "evil.internal:5398"}},
			worker.Network{
				Egress: worker.EgressRestricted, Allow: []worker.Allow{allow("10.8.0.5/32", 5398)},
				Hosts: map[string]string{"rebound.internal": "10.8.0.5"},
			},
			2,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, remarks, err := place.Resolve(t.Context(), test.in, lookup)
			if err != nil || len(remarks) != test.remarks {
				t.Fatalf("remarks = %v, err = %v", remarks, err)
			}
			if diff := cmp.Diff(test.want, got, compare); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, entry := range []string{"http://x", "10.0.2.2:5398", "host.kiln.internal"} {
		_, _, err := place.Resolve(t.Context(), network.Network{Egress: network.EgressRestricted, Allow: []string{entry}}, lookup)
		if !problem.Has(err, problem.InvalidAllowEntry) {
			t.Errorf("%s: got %v, want InvalidAllowEntry", entry, err)
		}
	}
	if !network.IsReserved(netip.MustParseAddr(worker.HostAddress)) {
		t.Errorf("%s can be opened by its address", worker.HostAddress)
	}
}

func TestFinder(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kiln.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f := place.NewFinder(store.Of[place.Tx]{
		Read: func(ctx context.Context, fn func(place.Tx) error) error {
			return db.Read(ctx, func(tx *sqlite.Tx) error { return fn(tx) })
		},
	}, lookup)
	_, err = f.Find(t.Context(), "rg-1")
	if !problem.Has(err, problem.NotFound) {
		t.Errorf("got %v, want NotFound", err)
	}
	g := resourcegroup.ResourceGroup{ID: "rg-1", NetworkID: "net-1", Name: "default", TimeZone: "UTC"}
	err = db.Write(t.Context(), func(tx *sqlite.Tx) error {
		n := network.Network{ID: "net-1", Egress: network.EgressRestricted, Allow: []string{"mirror.internal:443", "gone.internal"}}
		if err := tx.Networks().Insert(n); err != nil {
			return err
		}
		return tx.ResourceGroups().Insert(g)
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Find(t.Context(), "rg-1")
	if err != nil || got.Group != g || got.Egress != network.EgressRestricted || len(got.Network.Allow) != 2 || len(got.Remarks) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	n, remarks, err := f.Hosts(t.Context(), "mirror.internal:80")
	if err != nil || len(remarks) != 0 || n.Egress != worker.EgressRestricted || len(n.Allow) != 2 || n.Allow[0].Port != 80 {
		t.Errorf("got %+v, %v, %v", n, remarks, err)
	}
}
