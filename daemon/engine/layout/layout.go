// Package layout judges an image in a directory before anything of it is
// unpacked: it believes neither the manifest nor the layers. It reads, and
// writes nothing. It knows no image store.
package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"

	"github.com/kilnhq/kiln/internal/domain/registry"
)

// What an image may have at most, besides what the rules for all images of registries say and the bytes that its caller allows.
const (
	maxEntries = 500_000 // in all layers
	maxPath    = 4096    // bytes
	maxDepth   = 255
)

// Kind says what is wrong with an image.
type Kind string

// The kinds of refusals.
const (
	Bad      Kind = "bad"      // it is none, or would mislead who unpacks it
	TooLarge Kind = "large"    // unpacked, it has more bytes than it may
	Platform Kind = "platform" // it is for another one: Text is that
)

// Refusal says why an image cannot be used.
type Refusal struct {
	Kind Kind
	Text string
}

// Error makes a Refusal an error.
func (r Refusal) Error() string { return r.Text }

func bad(format string, args ...any) error { return Refusal{Bad, fmt.Sprintf(format, args...)} }

// Image is what is to be judged.
type Image struct {
	Dir          string // as the dir transport of container tools has one
	Digest       digest.Digest
	Architecture string // the only one that is good
	MaxBytes     int64  // unpacked, all layers together
}

// Check reads all of an image. An error that is a Refusal says what is wrong with it; another one is of this machine.
func Check(i Image) error {
	root, err := os.OpenRoot(i.Dir)
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	defer func() { _ = root.Close() }()
	text, err := read(root, "manifest.json", i.Digest)
	if err != nil {
		return err
	}
	mime := manifest.GuessMIMEType(text)
	if manifest.MIMETypeIsMultiImage(mime) || mime == manifest.DockerV2Schema1MediaType || mime == manifest.DockerV2Schema1SignedMediaType {
		return bad("its manifest is %q, which is no image's", mime)
	}
	m, err := manifest.FromBlob(text, mime)
	if err != nil {
		return bad("its manifest cannot be read: %v", err)
	}
	config, err := configuration(root, m, i)
	if err != nil {
		return err
	}
	layers := m.LayerInfos()
	if len(layers) == 0 || len(layers) > registry.MaxLayers || len(layers) != len(config.RootFS.DiffIDs) {
		return bad("it has %d layers, and its configuration %d", len(layers), len(config.RootFS.DiffIDs))
	}
	b := &budget{bytes: i.MaxBytes, entries: maxEntries}
	for n, l := range layers {
		if len(l.URLs) > 0 {
			return bad("layer %d lies elsewhere", n+1)
		}
		if err := checkLayer(root, l.BlobInfo, config.RootFS.DiffIDs[n], b); err != nil {
			if refused, ok := errors.AsType[Refusal](err); ok {
				refused.Text = fmt.Sprintf("layer %d: %s", n+1, refused.Text)
				return refused
			}
			return err
		}
	}
	return nil
}

// configuration reads the image's configuration, and refuses one of another platform, and one that would mislead a runtime.
func configuration(root *os.Root, m manifest.Manifest, i Image) (config imgspec.Image, err error) {
	text, err := read(root, m.ConfigInfo().Digest.Encoded(), m.ConfigInfo().Digest)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return config, bad("its configuration is no JSON")
	}
	var more struct {
		Config struct {
			OnBuild []string
		} `json:"config"`
	}
	if err := json.Unmarshal(text, &more); err != nil || len(more.Config.OnBuild) > 0 {
		return config, bad("it has instructions for who builds on it (ONBUILD)")
	}
	if config.OS != "linux" || config.Architecture != i.Architecture {
		return config, Refusal{Platform, config.OS + "/" + config.Architecture}
	}
	return config, nil
}

// read gets a small file with a digest.
func read(root *os.Root, name string, want digest.Digest) ([]byte, error) {
	if err := want.Validate(); err != nil || want.Algorithm() != digest.SHA256 {
		return nil, bad("%.100q is no SHA-256 digest", string(want))
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open part of an image: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, registry.MaxManifest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read part of an image: %w", err)
	case len(text) > registry.MaxManifest:
		return nil, bad("a part of it has more than %d bytes", registry.MaxManifest)
	case digest.FromBytes(text) != want:
		return nil, bad("a part of it has not the digest %s", want)
	}
	return text, nil
}

// checkLayer reads a layer once: as it lies there, unpacked, and as an archive.
func checkLayer(root *os.Root, l types.BlobInfo, diffID digest.Digest, b *budget) error {
	if err := l.Digest.Validate(); err != nil || l.Digest.Algorithm() != digest.SHA256 {
		return bad("%.100q is no SHA-256 digest", string(l.Digest))
	}
	file, err := root.Open(l.Digest.Encoded())
	if err != nil {
		return fmt.Errorf("open layer: %w", err)
	}
	defer func() { _ = file.Close() }()
	packed := sha256.New()
	raw := &counter{from: io.TeeReader(file, packed), max: math.MaxInt64}
	unpacked, err := decompress(raw, l.MediaType)
	if err != nil {
		return err
	}
	defer func() { _ = unpacked.Close() }()
	plain := sha256.New()
	stream := &counter{from: io.TeeReader(unpacked, plain), max: b.bytes}
	size, err := b.archive(stream)
	if err != nil {
		return err
	}
	for _, rest := range []io.Reader{stream, raw} { // padding, which is part of what the digests are of
		if _, err := io.Copy(io.Discard, rest); err != nil {
			return refusal(err)
		}
	}
	switch {
	case hex.EncodeToString(packed.Sum(nil)) != l.Digest.Encoded() || l.Size >= 0 && raw.read != l.Size:
		return bad("it has another digest or size than the manifest says")
	case diffID != digest.NewDigest(digest.SHA256, plain):
		return bad("unpacked, it has another digest than the configuration says")
	}
	b.bytes -= max(size, stream.read)
	return nil
}

// suffixes are the ends of the media types of layers, and how these are compressed.
var suffixes = map[string]string{"+gzip": "gzip", ".gzip": "gzip", "+zstd": "zstd", ".tar": ""}

// named gives the compression that a media type names.
func named(mediaType string) (algorithm string, ok bool) {
	for suffix, name := range suffixes {
		if strings.HasSuffix(mediaType, suffix) {
			return name, true
		}
	}
	return "", false
}
