package distribution_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/distributiontest"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// TestDebianRegistry: what Debian's registry has is listed and resolved; a tag that moved or was deleted is seen, and so are a wrong
// password and a wrong certificate, each with its code.
func TestDebianRegistry(t *testing.T) {
	t.Parallel()
	d := distributiontest.Start(t)
	a := access(d.Port, d.CA)
	first := d.Push("team/base", "v1", "amd64")
	d.Push("team/arm", "v1", "arm64")
	repositories, err := client().Repositories(t.Context(), a)
	if slices.Sort(repositories); err != nil || !slices.Equal(repositories, []string{"team/arm", "team/base"}) {
		t.Errorf("repositories = %v, %v", repositories, err)
	}
	tags, err := client().Tags(t.Context(), a, "team/base")
	if err != nil || !slices.Equal(tags, []string{"v1"}) {
		t.Errorf("tags = %v, %v", tags, err)
	}
	for _, reference := range []string{"v1", first} {
		got, err := client().Resolve(t.Context(), a, "team/base", reference)
		if err != nil || got.Digest != first || got.Manifest != first || got.Layers != 1 || got.Size != int64(len(distributiontest.Layer("amd64"))) {
			t.Errorf("%s: got %+v, %v, want %s", reference, got, err, first)
		}
	}
	_, err = client().Resolve(t.Context(), a, "team/arm", "v1")
	refused(t, err, problem.ArchitectureNotSupported)
	for _, path := range [][2]string{{"team/base", "gone"}, {"team/gone", "v1"}, {"team/base", digest(nil)}} {
		_, err = client().Resolve(t.Context(), a, path[0], path[1])
		refused(t, err, problem.ManifestUnknown)
	}
	_, err = client().Tags(t.Context(), a, "team/gone")
	refused(t, err, problem.ManifestUnknown)

	moved := d.Push("team/base", "v1", "amd64 again") // another content under the same tag
	if moved == first {
		t.Fatal("the tag has not moved")
	}
	_, err = client().Resolve(t.Context(), a, "team/base", "v1")
	refused(t, err, problem.ArchitectureNotSupported)
	if got, err := client().Resolve(t.Context(), a, "team/base", first); err != nil || got.Digest != first {
		t.Errorf("by its digest: got %+v, %v", got, err)
	}
	d.Delete("team/base", first)
	_, err = client().Resolve(t.Context(), a, "team/base", first)
	refused(t, err, problem.ManifestUnknown)

	wrong := a
	wrong.Password = "wrong"
	_, err = client().Repositories(t.Context(), wrong)
	refused(t, err, problem.RegistryAuthFailed)
	wrong = a
	_, wrong.Registry.CACert = distributiontest.Certify(t, time.Hour)
	_, err = client().Repositories(t.Context(), wrong)
	refused(t, err, problem.TLSUnknownAuthority)
}
