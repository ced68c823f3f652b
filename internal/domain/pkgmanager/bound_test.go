package pkgmanager_test

import (
	"testing"

	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

func TestAdmits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		requirement string
		name        string
		admits      bool // 2.0 or later
	}{
		{"urllib3", "urllib3", true},
		{"URLlib3[socks]", "urllib3", true},
		{"urllib3==1.26.16", "urllib3", false},
		{"urllib3 === 1.26.16", "urllib3", false},
		{"urllib3==2", "urllib3", true},
		{"urllib3==2.0.7", "urllib3", true},
		{"urllib3==1.*", "urllib3", false},
		{"urllib3==1.26.*", "urllib3", false},
		{"urllib3==2.*", "urllib3", true},
		{"urllib3==2.1.*", "urllib3", true},
		{"urllib3<2", "urllib3", false},
		{"urllib3<2.0", "urllib3", false},
		{"urllib3>=1.21.1, <2.1", "urllib3", true},
		{"urllib3>=1.21.1,<1.27", "urllib3", false},
		{"urllib3<=1.26", "urllib3", false},
		{"urllib3<=2.0", "urllib3", true},
		{"urllib3~=1.26", "urllib3", false},
		{"urllib3~=1.26.5", "urllib3", false},
		{"urllib3~=2.0", "urllib3", true},
		{"urllib3~=1.9,!=2.0.1", "urllib3", false},
		{"urllib3>1", "urllib3", true},
		{"urllib3!=2.0", "urllib3", true},
		{"zope.interface_x<2", "zope-interface-x", false},
		{"urllib3 @ https://x/y.whl", "", false},
		{"", "", false},
	} {
		t.Run(test.requirement, func(t *testing.T) {
			t.Parallel()
			if name, ok := pkgmanager.Admits(test.requirement, "2.0"); name != test.name || ok != test.admits {
				t.Errorf("got %q, %v", name, ok)
			}
		})
	}
}
