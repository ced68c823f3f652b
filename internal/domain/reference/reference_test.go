package reference_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/reference"
)

func TestAdmitRegion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		target, region string
		admitted       bool
	}{
		{"local", "local", true},
		{"east", "local", false},
		{"local", "east", false},
		{"", "local", true},
		{"east", "", true},
	} {
		found := reference.AdmitRegion("network_id", reference.Target{Noun: "network", ID: "net-1", Region: test.target}, test.region)
		if (len(found) == 0) != test.admitted {
			t.Errorf("%+v: got %v", test, found)
		}
	}
	p := reference.AdmitRegion("network_id", reference.Target{Noun: "network", ID: "net-1", Region: "local"}, "east")[0]
	if p.Code != problem.RegionMismatch || p.Field != "network_id" || p.Value != "local" || p.Limit != "east" ||
		!strings.Contains(p.Detail, "network net-1") || p.Remedy != "Choose a network of the region east." {
		t.Errorf("got %+v", p)
	}
}

// TestNotFound checks that the refusals name the kind of thing, and that an id and a name are told apart.
func TestNotFound(t *testing.T) {
	t.Parallel()
	missing := reference.Missing("network_id", "network", "net-0")
	named := reference.ByName("network_id", reference.Target{Noun: "network", ID: "net-1"}, "office")
	for _, p := range []problem.Problem{missing, named} {
		if p.Code != problem.NotFound || p.Field != "network_id" || p.Limit != "the id of a network of yours" {
			t.Errorf("got %+v", p)
		}
	}
	if missing.Value != "net-0" || missing.Detail != "no such network" || named.Value != "office" || !strings.Contains(named.Remedy, "net-1") {
		t.Errorf("got %+v and %+v", missing, named)
	}
}
