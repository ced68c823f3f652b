package layout_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/kilnhq/kiln/daemon/distributiontest"
	"github.com/kilnhq/kiln/daemon/engine/layout"
)

const mb = 1 << 20

// write puts an image of these layers into a directory. Change may lie about it before the manifest is written.
func write(t *testing.T, architecture string, layers []distributiontest.Blob, change func(manifest, config map[string]any)) layout.Image {
	t.Helper()
	dir := t.TempDir()
	put := func(content []byte) map[string]any {
		sum := digest.FromBytes(content)
		if err := os.WriteFile(filepath.Join(dir, sum.Encoded()), content, 0o600); err != nil {
			t.Fatal(err)
		}
		return map[string]any{"digest": sum.String(), "size": len(content)}
	}
	var blobs []map[string]any
	var diffIDs []string
	for _, l := range layers {
		blob := put(l.Content)
		blob["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip"
		blobs, diffIDs = append(blobs, blob), append(diffIDs, l.DiffID)
	}
	config := map[string]any{
		"os": "linux", "architecture": architecture, "config": map[string]any{}, "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	}
	manifest := map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": blobs}
	if change != nil {
		change(manifest, config)
	}
	encode := func(value any) []byte {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	blob := put(encode(config))
	blob["mediaType"] = "application/vnd.oci.image.config.v1+json"
	manifest["config"] = blob
	text := encode(manifest)
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return layout.Image{Dir: dir, Digest: digest.FromBytes(text), Architecture: "amd64", MaxBytes: mb}
}

func entry(kind byte, name, link string) distributiontest.Entry {
	return distributiontest.Entry{Header: tar.Header{Typeflag: kind, Name: name, Linkname: link}}
}

// TestEntries: what would lie, or lead, outside of the image is refused, and so is what is no file; what images have is not.
func TestEntries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		entries []distributiontest.Entry
		says    string // empty: it is good
	}{
		"good": {[]distributiontest.Entry{
			entry(tar.TypeDir, "./", ""), entry(tar.TypeDir, "etc/", ""), distributiontest.File("etc/passwd", "root"),
			entry(tar.TypeSymlink, "bin", "/usr/bin"), entry(tar.TypeLink, "etc/group", "etc/passwd"), entry(tar.TypeFifo, "run/pipe", ""),
			entry(tar.TypeSymlink, "usr/out", "../../../../etc"), distributiontest.File("etc/.wh.shadow", ""),
		}, ""},
		"no entries":    {nil, ""},
		"parent":        {[]distributiontest.Entry{distributiontest.File("../etc/passwd", "x")}, "not inside"},
		"deep parent":   {[]distributiontest.Entry{distributiontest.File("a/../../etc/passwd", "x")}, "not inside"},
		"hard link out": {[]distributiontest.Entry{entry(tar.TypeLink, "a", "../../etc/passwd")}, "is another name of"},
		"root link":     {[]distributiontest.Entry{entry(tar.TypeSymlink, ".", "/etc")}, "the root of the image"},
		"device":        {[]distributiontest.Entry{entry(tar.TypeBlock, "dev/sda", "")}, "is a device"},
		"terminal":      {[]distributiontest.Entry{entry(tar.TypeChar, "dev/tty", "")}, "is a device"},
		"deep":          {[]distributiontest.Entry{distributiontest.File(strings.Repeat("a/", 300)+"b", "x")}, "too deep"},
		"long":          {[]distributiontest.Entry{distributiontest.File(strings.Repeat("a", 5000), "x")}, "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := layout.Check(write(t, "amd64", []distributiontest.Blob{distributiontest.Pack(t, tt.entries...)}, nil))
			switch refusal, ok := errors.AsType[layout.Refusal](err); {
			case tt.says == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.says != "" && (!ok || refusal.Kind != layout.Bad || !strings.Contains(refusal.Text, tt.says) || !strings.HasPrefix(refusal.Text, "layer 1: ")):
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

// TestSize: all layers together have at most the bytes that are allowed, unpacked; so do sparse files, of which the archive has little.
func TestSize(t *testing.T) {
	t.Parallel()
	zeros := func(n int) distributiontest.Blob {
		return distributiontest.Pack(t, distributiontest.File("zero", strings.Repeat("\x00", n)))
	}
	const archive = 1536 // of one file: its header, and the two blocks at the end
	for name, tt := range map[string]struct {
		layers []distributiontest.Blob
		large  bool
	}{
		"just right":    {[]distributiontest.Blob{zeros(mb - archive)}, false},
		"one too many":  {[]distributiontest.Blob{zeros(mb - archive + 512)}, true},
		"two halves":    {[]distributiontest.Blob{zeros(mb/2 - archive), zeros(mb/2 - archive)}, false},
		"two and a bit": {[]distributiontest.Blob{zeros(mb / 2), zeros(mb / 2)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := layout.Check(write(t, "amd64", tt.layers, nil))
			refusal, ok := errors.AsType[layout.Refusal](err)
			if tt.large != (ok && refusal.Kind == layout.TooLarge) || !tt.large && err != nil {
				t.Errorf("got %v, want a refusal for its size: %v", err, tt.large)
			}
		})
	}
}

// TestLies: what a manifest or a configuration says that is not so.
func TestLies(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	layer := func(m object) object {
		list, ok := m["layers"].([]object)
		if !ok || len(list) == 0 {
			t.Fatal("no layers")
		}
		return list[0]
	}
	good := distributiontest.Pack(t, distributiontest.File("a", "b"))
	other := distributiontest.Pack(t, distributiontest.File("a", "c"))
	for name, tt := range map[string]struct {
		architecture string
		layer        distributiontest.Blob
		change       func(manifest, config object)
		kind         layout.Kind
		says         string
	}{
		"architecture":  {"arm64", good, nil, layout.Platform, "linux/arm64"},
		"system":        {"amd64", good, func(_, c object) { c["os"] = "windows" }, layout.Platform, "windows/amd64"},
		"diff id":       {"amd64", distributiontest.Blob{Content: good.Content, DiffID: other.DiffID}, nil, layout.Bad, "than the configuration says"},
		"size":          {"amd64", good, func(m, _ object) { layer(m)["size"] = 1 }, layout.Bad, "than the manifest says"},
		"type":          {"amd64", good, func(m, _ object) { layer(m)["mediaType"] = "application/vnd.oci.image.layer.v1.tar" }, layout.Bad, "compressed with"},
		"unknown type":  {"amd64", good, func(m, _ object) { layer(m)["mediaType"] = "text/html" }, layout.Bad, "text/html"},
		"elsewhere":     {"amd64", good, func(m, _ object) { layer(m)["urls"] = []string{"https://a"} }, layout.Bad, "elsewhere"},
		"no layers":     {"amd64", good, func(m, _ object) { m["layers"] = []object{} }, layout.Bad, "0 layers"},
		"list":          {"amd64", good, func(m, _ object) { m["mediaType"] = "application/vnd.oci.image.index.v1+json" }, layout.Bad, "no image's"},
		"on build":      {"amd64", good, func(_, c object) { c["config"] = object{"OnBuild": []string{"RUN x"}} }, layout.Bad, "ONBUILD"},
		"no archive":    {"amd64", distributiontest.Blob{Content: []byte("a layer of nothing but text, without any form")}, nil, layout.Bad, "compressed with"},
		"layer swapped": {"amd64", good, func(m, _ object) { layer(m)["digest"] = "sha256:../../etc/passwd" }, layout.Bad, "no SHA-256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := layout.Check(write(t, tt.architecture, []distributiontest.Blob{tt.layer}, tt.change))
			if refusal, ok := errors.AsType[layout.Refusal](err); !ok || refusal.Kind != tt.kind || !strings.Contains(refusal.Text, tt.says) {
				t.Errorf("got %v, want %s: %q", err, tt.kind, tt.says)
			}
		})
	}
	i := write(t, "amd64", []distributiontest.Blob{good}, nil)
	i.Digest = digest.FromString("another")
	if err := layout.Check(i); err == nil || !strings.Contains(err.Error(), "has not the digest") {
		t.Errorf("a manifest with another digest: %v", err)
	}
}
