package resourcegroup_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

func codes(list problem.List) (codes []string) {
	for _, p := range list {
		codes = append(codes, fmt.Sprintf("%s %s", p.Code, p.Field))
	}
	return codes
}

func valid(change func(*resourcegroup.ResourceGroup)) resourcegroup.ResourceGroup {
	g := resourcegroup.ResourceGroup{
		Name: "default", Type: resourcegroup.TypeServerless, NetworkID: "net-1", CU: 2, TimeZone: "Asia/Shanghai",
	}
	change(&g)
	return g
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*resourcegroup.ResourceGroup)
		want   []string
	}{
		{"OK", func(*resourcegroup.ResourceGroup) {}, nil},
		{"exclusive", func(g *resourcegroup.ResourceGroup) { g.Type = resourcegroup.TypeExclusiveScheduler }, nil},
		{"smallest", func(g *resourcegroup.ResourceGroup) { g.CU = 0.25 }, nil},
		{"largest", func(g *resourcegroup.ResourceGroup) { g.CU = 64 }, nil},
		{"UTC", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "UTC" }, nil},
		{"three parts", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "America/Argentina/Buenos_Aires" }, nil},
		{"with a sign", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "Etc/GMT+8" }, nil},
		{"no name", func(g *resourcegroup.ResourceGroup) { g.Name = "" }, []string{"InvalidName name"}},
		{"unknown type", func(g *resourcegroup.ResourceGroup) { g.Type = "Serverless" }, []string{"InvalidParameter type"}},
		{"no cu", func(g *resourcegroup.ResourceGroup) { g.CU = 0 }, []string{"InvalidCu cu"}},
		{"no zone", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "" }, []string{"InvalidTimeZone time_zone"}},
		{"the machine's zone", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "Local" }, []string{"InvalidTimeZone time_zone"}},
		{"no such zone", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "Asia/Beijing" }, []string{"InvalidTimeZone time_zone"}},
		{"an offset", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "+08:00" }, []string{"InvalidTimeZone time_zone"}},
		{"a path", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "../../etc/passwd" }, []string{"InvalidTimeZone time_zone"}},
		{"an absolute path", func(g *resourcegroup.ResourceGroup) { g.TimeZone = "/usr/share/zoneinfo/UTC" }, []string{"InvalidTimeZone time_zone"}},
		{
			"everything", func(g *resourcegroup.ResourceGroup) { *g = resourcegroup.ResourceGroup{} },
			[]string{"InvalidName name", "InvalidParameter type", "InvalidCu cu", "InvalidTimeZone time_zone"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, codes(valid(test.change).Validate())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidateCU(t *testing.T) {
	t.Parallel()
	for cu, ok := range map[float64]bool{
		0.25: true, 0.5: true, 0.75: true, 1: true, 1.25: true, 63.75: true, 64: true,
		0: false, 0.1: false, 0.3: false, 0.249: false, -1: false, 64.25: false, 1e9: false, math.Inf(1): false, math.Inf(-1): false, math.NaN(): false,
	} {
		if found := resourcegroup.ValidateCU("test.cu", cu); ok != (len(found) == 0) {
			t.Errorf("ValidateCU(%v) = %v, want accepted = %v", cu, found, ok)
		} else if !ok && (found[0].Code != problem.InvalidCu || found[0].Field != "test.cu") {
			t.Errorf("ValidateCU(%v) = %v", cu, found)
		}
	}
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	exclusive := func(g *resourcegroup.ResourceGroup) { g.Type = resourcegroup.TypeExclusiveScheduler }
	for _, test := range []struct {
		name  string
		group resourcegroup.ResourceGroup
		field string
		cu    float64
		want  []string
	}{
		{"OK", valid(func(*resourcegroup.ResourceGroup) {}), "test.resource_group_id", 2, nil},
		{"too much", valid(func(*resourcegroup.ResourceGroup) {}), "test.resource_group_id", 2.25, []string{"CuExceedsResourceGroup test.cu"}},
		{"too much for a build", valid(func(*resourcegroup.ResourceGroup) {}), "resource_group_id", 4, []string{"CuExceedsResourceGroup cu"}},
		{"type", valid(exclusive), "test.resource_group_id", 1, []string{"ResourceGroupTypeNotSupported test.resource_group_id"}},
		{"both", valid(exclusive), "resource_group_id", 3, []string{"ResourceGroupTypeNotSupported resource_group_id", "CuExceedsResourceGroup cu"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, codes(test.group.Admit(test.field, test.cu))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOutgrown(t *testing.T) {
	t.Parallel()
	g := resourcegroup.ResourceGroup{Name: "default", CU: 1}
	users := []resourcegroup.User{{Name: "image b", CU: 2}, {Name: "image c", CU: 1}, {Name: "image a", CU: 1.25}}
	found := g.Outgrown(users)
	if len(found) != 1 || found[0].Code != problem.CuExceedsResourceGroup || found[0].Limit != "asked for by image a (1.25), image b (2)" {
		t.Errorf("got %v", found)
	}
	if found := g.Outgrown(users[1:2]); len(found) > 0 {
		t.Errorf("got %v", found)
	}
}
