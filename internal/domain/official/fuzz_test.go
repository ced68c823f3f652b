package official_test

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/official"
)

// FuzzFind checks that an official image is found by its name, NAME:VERSION and its tag, and by nothing else; and that what is found by
// name or tag is what resolving gives.
func FuzzFind(f *testing.F) {
	for _, seed := range [][3]string{
		{"dataworks_shell_task_pod", "20261101", "dataworks_shell_task_pod:20261101"},
		{"a", "1", "localhost/kiln/a:1"},
		{"a", "1", "a"},
		{"a", "1", "a:"},
		{"a", "1", "a:2"},
		{"a", "", "a:"},
		{"", "", ""},
		{"a", "1", "docker.io/kiln/a:1"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, name, version, id string) {
		older := official.Image{Name: name, Version: version, Status: official.StatusReadOnly}
		newer := official.Image{Name: name, Version: version + "1", Status: official.StatusReadOnly}
		other := official.Image{Name: name + "_other", Version: version, Status: official.StatusReadOnly}
		catalogue := []official.Image{older, newer, other}
		found, ok := official.Find(catalogue, id)
		known := false
		for _, i := range catalogue {
			known = known || id == i.Name || id == i.Name+":"+i.Version || id == "localhost/kiln/"+i.Name+":"+i.Version
		}
		if ok != known || ok && !strings.Contains(id, found.Name) {
			t.Errorf("Find(%q) = %q, %v", id, found.Tag(), ok)
		}
		for _, i := range catalogue {
			if found, ok := official.Find(catalogue, i.Tag()); !ok || found.Tag() != i.Tag() {
				t.Errorf("Find(%q) = %q, %v", i.Tag(), found.Tag(), ok)
			}
			if resolved, err := official.Resolve(catalogue, i.Name, i.Version); i.Version != "" && (err != nil || resolved.Tag() != i.Tag()) {
				t.Errorf("Resolve(%q, %q) = %q, %v", i.Name, i.Version, resolved.Tag(), err)
			}
		}
		if resolved, err := official.Resolve(catalogue, name, ""); err != nil || resolved.Version != newer.Version {
			t.Errorf("Resolve(%q) = %q, %v; want the newest", name, resolved.Version, err)
		}
	})
}
