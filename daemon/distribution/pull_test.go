package distribution_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/distributiontest"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// files gives what is in a directory, by the names of the files.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(content)
	}
	return found
}

// TestPull: what Debian's registry has is brought whole, each part under its digest; what was deleted is not, and a wrong password brings
// nothing.
func TestPull(t *testing.T) {
	t.Parallel()
	d := distributiontest.Start(t)
	a := access(d.Port, d.CA)
	first := d.Push("team/base", "v1", "amd64")
	dir := t.TempDir()
	got, err := client().Pull(t.Context(), a, registry.Pull{Repository: "team/base", Digest: first, Dir: dir})
	if err != nil || got.Digest != first || got.Manifest != first || got.Layers != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	there := files(t, dir)
	layer := distributiontest.Layer("amd64")
	if digest([]byte(there["manifest.json"])) != first || there[strings.TrimPrefix(digest(layer), "sha256:")] != string(layer) || len(there) != 4 {
		t.Errorf("there is %v", maps.Keys(there))
	}
	wrong := a
	wrong.Password = "wrong"
	empty := t.TempDir()
	_, err = client().Pull(t.Context(), wrong, registry.Pull{Repository: "team/base", Digest: first, Dir: empty})
	refused(t, err, problem.RegistryAuthFailed)
	if diff := cmp.Diff(map[string]string{}, files(t, empty)); diff != "" {
		t.Error(diff)
	}
	d.Delete("team/base", first)
	_, err = client().Pull(t.Context(), a, registry.Pull{Repository: "team/base", Digest: first, Dir: t.TempDir()})
	refused(t, err, problem.ManifestUnknown)
}

// TestPullLies: a layer with another content, one that is too short or too long, and one that never comes to its end are no layers.
func TestPullLies(t *testing.T) {
	t.Parallel()
	good := []byte("what the layer is")
	for name, tt := range map[string]struct {
		body []byte // of the layer; nil: the registry sends a byte, and then nothing
		code problem.Code
	}{
		"good":  {good, ""},
		"other": {[]byte("what the layer IS"), problem.RegistryBadAnswer},
		"short": {good[:5], problem.RegistryBadAnswer},
		"long":  {append([]byte("x"), good...), problem.RegistryBadAnswer},
		"stall": {nil, problem.RegistryUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{}
			described := c.add("", config, encode(t, object{"os": "linux", "architecture": "amd64", "rootfs": object{"diff_ids": []string{digest(nil)}}}))
			m := c.add("", manifest, encode(t, object{
				"schemaVersion": 2, "mediaType": manifest, "config": described,
				"layers": []object{{"mediaType": layer, "digest": digest(good), "size": len(good)}},
			}))
			f := serve(t, func(w http.ResponseWriter, r *http.Request) {
				key := filepath.Base(r.URL.Path)
				if key != digest(good) {
					w.Header().Set("Content-Type", c[key].mediaType)
					_, _ = w.Write(c[key].body)
					return
				}
				if tt.body != nil {
					_, _ = w.Write(tt.body)
					return
				}
				_, _ = w.Write(good[:1])
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})
			client := client()
			client.Stall = 200 * time.Millisecond
			pinned, _ := m["digest"].(string)
			_, err := client.Pull(t.Context(), access(f.port, f.ca), registry.Pull{Repository: "team/base", Digest: pinned, Dir: t.TempDir()})
			if tt.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, err, tt.code)
		})
	}
}
