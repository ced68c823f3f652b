package recipe_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

func TestOldOpenSSL(t *testing.T) {
	t.Parallel()
	python3 := func(names ...string) pkgmanager.Entry {
		return pkgmanager.Entry{Type: pkgmanager.Python3, Names: names}
	}
	for _, test := range []struct {
		name     string
		openssl  string
		packages []pkgmanager.Entry
		fields   []string
	}{
		{"urllib3", "1.0.2k-fips", []pkgmanager.Entry{python3("six", "urllib3")}, []string{"packages[0].names[1]"}},
		{"urllib3 2", "1.1.0l", []pkgmanager.Entry{python3("urllib3==2.0.7")}, []string{"packages[0].names[0]"}},
		{"an open range", "1.0.2", []pkgmanager.Entry{python3("urllib3>=1.21.1")}, []string{"packages[0].names[0]"}},
		{"urllib3 1", "1.0.2k", []pkgmanager.Entry{python3("urllib3==1.26.16")}, nil},
		{"a bounded one", "1.0.2k", []pkgmanager.Entry{python3("urllib3<2")}, nil},
		{"what brings it", "1.0.2k", []pkgmanager.Entry{python3("six"), python3("Requests==2.31.0")}, []string{"packages[1].names[0]"}},
		{"what brings it, held", "1.0.2k", []pkgmanager.Entry{python3("urllib3==1.26.16"), python3("requests==2.31.0")}, nil},
		{"what brought it not yet", "1.0.2k", []pkgmanager.Entry{python3("requests==2.28.2")}, nil},
		{"Python 2", "1.0.2k", []pkgmanager.Entry{{Type: pkgmanager.Python2, Names: []string{"urllib3"}}}, nil},
		{"a new one", "1.1.1", []pkgmanager.Entry{python3("urllib3")}, nil},
		{"a newer one", "3.0.17", []pkgmanager.Entry{python3("urllib3")}, nil},
		{"a newer minor one", "1.2", []pkgmanager.Entry{python3("urllib3")}, nil},
		{"an old one, shortly", "1.1", []pkgmanager.Entry{python3("urllib3")}, []string{"packages[0].names[0]"}},
		{"an unknown one", "", []pkgmanager.Entry{python3("urllib3")}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var fields []string
			for _, p := range (recipe.Recipe{Packages: test.packages}).OldOpenSSL(official.Image{Name: "old", OpenSSL: test.openssl}) {
				if p.Code != problem.OpenSSLTooOld {
					t.Errorf("got %v", p)
				}
				fields = append(fields, p.Field)
			}
			if diff := cmp.Diff(test.fields, fields); diff != "" {
				t.Error(diff)
			}
		})
	}
}
