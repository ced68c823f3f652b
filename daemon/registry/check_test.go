package registry_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/build"
)

// TestCheck does to what was pushed what people, disks and other programs do, before it was ever looked at and after.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		what  func(layer, config, manifest string) string
		spoil func(t *testing.T, path string)
		want  build.Presence
	}{
		{"nothing", manifestOf, func(*testing.T, string) {}, build.PresenceAvailable},
		{"touched", manifestOf, func(t *testing.T, path string) { write(t, path, func(c []byte) []byte { return c }) }, build.PresenceAvailable}, //nolint:thelper // one of the cases
		{"manifest gone", manifestOf, remove, build.PresenceMissing},
		{"manifest with another size", manifestOf, func(t *testing.T, path string) { //nolint:thelper // one of the cases
			write(t, path, func(c []byte) []byte { return bytes.Replace(c, []byte(`"size":`), []byte(`"size":  `), 1) })
		}, build.PresenceChanged},
		{"half a manifest", manifestOf, halve, build.PresenceChanged},
		{"layer gone", layerOf, remove, build.PresenceMissing},
		{"half a layer", layerOf, halve, build.PresenceChanged},
		{"configuration gone", configOf, remove, build.PresenceMissing},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, before := range []bool{false, true} {
				b := newBench(t, t.TempDir())
				base, password, revoke := b.grant()
				layer, config, manifest := b.push(base, password, "one")
				if before {
					b.found(manifest, build.PresenceAvailable)
				}
				test.spoil(t, b.data(test.what(layer, config, manifest)))
				b.found(manifest, test.want)
				b.found(manifest, test.want)
				if err := b.Mend(manifest); err != nil {
					t.Error(err)
				}
				b.push(base, password, "one")
				b.found(manifest, build.PresenceAvailable)
				if err := b.Verify(t.Context(), repository, manifest); err != nil {
					t.Errorf("what was pushed again: %v", err)
				}
				revoke()
			}
		})
	}
}

// TestCheckDeleted: a manifest that was deleted through the API, or pushed by nobody, is missing.
func TestCheckDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir())
	base, password, revoke := b.grant()
	defer revoke()
	_, _, manifest := b.push(base, password, "one")
	b.found(manifest, build.PresenceAvailable)
	if err := b.Delete(t.Context(), repository, manifest); err != nil {
		t.Fatal(err)
	}
	b.found(manifest, build.PresenceMissing)
	b.found(digest([]byte("another")), build.PresenceMissing)
}

// TestCheckCannotTell: what cannot be read is neither there nor gone.
func TestCheckCannotTell(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir())
	base, password, revoke := b.grant()
	defer revoke()
	_, _, manifest := b.push(base, password, "one")
	path := b.data(manifest)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, path); err != nil { // a loop stops root, too, unlike a mode
		t.Fatal(err)
	}
	if found, err := b.Check(t.Context(), repository, manifest); err == nil {
		t.Errorf("found = %s, want an error", found)
	}
}

func manifestOf(_, _, manifest string) string { return manifest }
func layerOf(layer, _, _ string) string       { return layer }
func configOf(_, config, _ string) string     { return config }

func (b *bench) found(manifest string, want build.Presence) {
	b.t.Helper()
	if found, err := b.Check(b.t.Context(), repository, manifest); err != nil || found != want {
		b.t.Errorf("found = %q, %v; want %s", found, err, want)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func halve(t *testing.T, path string) {
	t.Helper()
	write(t, path, func(c []byte) []byte { return c[:len(c)/2] })
}

func write(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(content), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
