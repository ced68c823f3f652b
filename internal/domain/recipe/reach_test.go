package recipe_test

import (
	std "cmp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

func TestUnreachable(t *testing.T) {
	t.Parallel()
	const refused = "PublicAccessRequired packages"
	none := network.Network{Name: "closed", Egress: network.EgressNone}
	mirror := network.Network{Name: "mirror", Egress: network.EgressRestricted, Allow: []string{"mirror.internal:443"}}
	empty := network.Network{Name: "empty", Egress: network.EgressRestricted}
	base := official.Image{Name: "dataworks_pyodps_task_pod"}
	sources := recipe.Sources{Pip: recipe.Source{Host: "pypi.org:443"}, Apt: recipe.Source{Host: "deb.debian.org:80"}}
	pip := func(index string) pkgmanager.Entry {
		return pkgmanager.Entry{Type: pkgmanager.Python3, Names: []string{"jieba==0.42.1"}, Index: index}
	}
	apt := pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"curl=1"}}
	aptIndex := pkgmanager.Entry{Type: pkgmanager.Apt, Names: []string{"curl=1"}, Index: "https://mirror.internal/debian bookworm main"}
	for _, test := range []struct {
		name     string
		n        network.Network
		base     official.Image
		sources  recipe.Sources
		env      map[string]string
		files    []recipe.File
		packages []pkgmanager.Entry
		want     []string
	}{
		{"defaults on no network", none, base, sources, nil, nil, []pkgmanager.Entry{pip(""), apt}, []string{refused + "[0].type", refused + "[1].type"}},
		{"defaults on another mirror's network", mirror, base, sources, nil, nil, []pkgmanager.Entry{pip(""), apt}, []string{refused + "[0].type", refused + "[1].type"}},
		{"defaults on a public network", network.Network{Egress: network.EgressPublic}, base, sources, nil, nil, []pkgmanager.Entry{pip(""), apt}, nil},
		{"an index", none, base, sources, nil, nil, []pkgmanager.Entry{pip("https://mirror.internal/simple/")}, []string{refused + "[0].index"}},
		{"an index that is allowed", mirror, base, sources, nil, nil, []pkgmanager.Entry{pip("https://mirror.internal/simple/")}, nil},
		{"a network that nothing is allowed on", empty, base, sources, nil, nil, []pkgmanager.Entry{pip("")}, []string{refused + "[0].type"}},
		{"an index on another port", mirror, base, sources, nil, nil, []pkgmanager.Entry{pip("http://mirror.internal/simple/")}, []string{refused + "[0].index"}},
		{"an index, with nothing known", none, official.Image{}, recipe.Sources{}, nil, nil, []pkgmanager.Entry{pip("https://a.io")}, []string{refused + "[0].index"}},
		{"an index of apt", none, base, sources, nil, nil, []pkgmanager.Entry{aptIndex}, []string{refused + "[0].index"}},
		{"an index of apt that is allowed", mirror, base, sources, nil, nil, []pkgmanager.Entry{aptIndex}, nil},
		{"no index", none, base, sources, nil, nil, []pkgmanager.Entry{pip("nonsense")}, nil},
		{"a script", mirror, base, sources, nil, nil, []pkgmanager.Entry{script("curl -O https://a.io/x")}, []string{refused + "[0].script"}},
		{"a script that may do without", mirror, base, sources, nil, nil, []pkgmanager.Entry{script("curl -O https://a.io/x || true")}, nil},

		{"sources that are not known", none, base, recipe.Sources{}, nil, nil, []pkgmanager.Entry{pip(""), apt}, nil},
		{"internal sources", none, base, recipe.Sources{Pip: recipe.Source{Host: "a:1", Internal: true}}, nil, nil, []pkgmanager.Entry{pip("")}, nil},
		{"a base that is not known", none, official.Image{}, sources, nil, nil, []pkgmanager.Entry{pip("")}, nil},
		{"a base with sources of its own", none, official.Image{Name: "x", Reference: "r/x@y"}, sources, nil, nil, []pkgmanager.Entry{pip("")}, nil},
		{"after a script", none, base, sources, nil, nil, []pkgmanager.Entry{script("true"), pip("")}, nil},
		{"before a script", none, base, sources, nil, nil, []pkgmanager.Entry{pip(""), script("true")}, []string{refused + "[0].type"}},
		{"with files", none, base, sources, nil, []recipe.File{{Target: "/etc/pip.conf"}}, []pkgmanager.Entry{pip("")}, nil},
		{"with another file", none, base, sources, nil, []recipe.File{{Target: "/opt/dict.txt"}}, []pkgmanager.Entry{pip("")}, []string{refused + "[0].type"}},
		{"with a variable of pip", none, base, sources, map[string]string{"PIP_FIND_LINKS": "/w"}, nil, []pkgmanager.Entry{pip(""), pip("https://a.io")}, nil},
		{"with a proxy", none, base, sources, map[string]string{"https_proxy": "http://p:1"}, nil, []pkgmanager.Entry{pip("https://a.io"), apt}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := recipe.Recipe{Packages: test.packages, Env: test.env, Files: test.files}
			found := r.Unreachable(test.n, test.base, test.sources)
			if diff := cmp.Diff(test.want, codes(found)); diff != "" {
				t.Error(diff)
			}
			for i, p := range found {
				if e := test.packages[min(i, len(test.packages)-1)]; e.Type != pkgmanager.Script && p.Value != std.Or(e.Index, string(e.Type)) {
					t.Errorf("%+v has not the value of its field", p)
				}
				if p.Value == "" || p.Limit == "" || strings.HasSuffix(p.Limit, "reaches ") || p.Detail == "" || p.Remedy == "" {
					t.Errorf("%+v says too little", p)
				}
			}
		})
	}
}
