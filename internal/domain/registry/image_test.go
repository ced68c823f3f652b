package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

func TestValidateReference(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0f", 32)
	for _, reference := range [][2]string{
		{"base", "v1"}, {"team/base", "latest"}, {"a/b/c", "V1.0_x-y"}, {"a.b/c__d/e-f", digest}, {strings.Repeat("a", 255), strings.Repeat("t", 128)},
	} {
		if found := registry.ValidateReference(reference[0], reference[1]); len(found) != 0 {
			t.Errorf("%q: %v", reference, found)
		}
	}
	for _, repository := range []string{
		"", "/", "a/", "/a", "a//b", "A", "team/Base", "a..b", "a___b", "-a", "a:b", "a@b", "a b", "../a", "a/../b", "a?n=1", "a%2fb", "a\n", strings.Repeat("a", 256),
	} {
		if found := registry.ValidateReference(repository, "v1"); len(found) != 1 || found[0].Field != "repository" {
			t.Errorf("%q: %v", repository, found)
		}
	}
	for _, reference := range []string{
		"", ".", "-v", "a/b", "a b", "v1\n", strings.Repeat("t", 129), "sha256:00", strings.ToUpper(digest), "sha512:" + strings.Repeat("0f", 64), digest + "0",
	} {
		if found := registry.ValidateReference("base", reference); len(found) != 1 || found[0].Field != "reference" {
			t.Errorf("%q: %v", reference, found)
		}
	}
}

// TestLimitsOfManifests: what is at a limit passes, and what is beyond it does not.
func TestLimitsOfManifests(t *testing.T) {
	t.Parallel()
	parse := func(layers int, size int64) error {
		layer := fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%064d","size":%%d}`, 1)
		list := []string{fmt.Sprintf(layer, size)}
		for range layers - 1 {
			list = append(list, fmt.Sprintf(layer, 0))
		}
		_, err := registry.ParseManifest("a", "application/vnd.oci.image.manifest.v1+json", fmt.Appendf(nil,
			`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%064d"},"layers":[%s]}`, 1, strings.Join(list, ",")))
		return err
	}
	if err := parse(registry.MaxLayers, registry.MaxSize); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	if err := parse(1, registry.MaxSize+1); !problem.Has(err, problem.ImageTooLarge) {
		t.Errorf("a byte more: %v", err)
	}
	if err := parse(registry.MaxLayers+1, 1); !problem.Has(err, problem.RegistryBadAnswer) {
		t.Errorf("a layer more: %v", err)
	}
}

// FuzzManifest feeds the parser with anything: it refuses with a problem, or gives what holds to every limit.
func FuzzManifest(f *testing.F) {
	for _, mediaType := range registry.MediaTypes() {
		f.Add(mediaType, []byte(`{"schemaVersion":2,"mediaType":"`+mediaType+`","manifests":[],"layers":[{"urls":["x"]}],"config":{}}`))
	}
	f.Add(registry.MediaTypes()[0], fmt.Appendf(nil,
		`{"schemaVersion":2,"manifests":[{"digest":"sha256:%064d","size":1,"platform":{"os":"linux","architecture":"amd64"}}]}`, 1))
	f.Fuzz(func(t *testing.T, mediaType string, content []byte) {
		m, err := registry.ParseManifest("a", mediaType, content)
		if err != nil {
			if len(problem.From(err)) != 1 {
				t.Fatalf("%v is no problem", err)
			}
			return
		}
		if m.IsIndex() {
			if one, err := m.Select("a"); err == nil && !registry.ValidDigest(one.Digest) {
				t.Errorf("selected %+v", one)
			}
			return
		}
		if len(m.Layers) == 0 || len(m.Layers) > registry.MaxLayers || m.Size() < 0 || m.Size() > registry.MaxSize || !registry.ValidDigest(m.Config.Digest) ||
			slices.ContainsFunc(m.Layers, func(l registry.Descriptor) bool {
				return l.Size < 0 || len(l.URLs) > 0 || !registry.ValidDigest(l.Digest)
			}) {
			t.Errorf("accepted %+v", m)
		}
		if err := m.CheckConfig("a", content); err != nil && len(problem.From(err)) != 1 {
			t.Errorf("%v is no problem", err)
		}
	})
}
