package registry

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// The limits of an image that comes from a registry.
const (
	MaxSize     = 5 << 30 // bytes of all layers, as they are transferred (the platform's own limit)
	MaxLayers   = 127
	MaxManifest = 4 << 20 // bytes of a manifest, an index or a configuration
)

// Architecture is the only one that images may have (the platform's own limit).
const Architecture = "amd64"

// The media types of what a tag may stand for.
const (
	typeManifest       = "application/vnd.oci.image.manifest.v1+json"
	typeIndex          = "application/vnd.oci.image.index.v1+json"
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// MediaTypes lists what a registry is asked for.
func MediaTypes() []string {
	return []string{typeIndex, typeManifest, typeDockerList, typeDockerManifest}
}

// layerTypes are the media types of layers. What a manifest lets others fetch from elsewhere is none of them.
var layerTypes = []string{
	"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.diff.tar.gzip",
}

var configTypes = []string{"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}

var (
	repository = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tag        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	digest     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// ValidRepository says whether a text is the name of a repository, as the OCI distribution specification has it.
func ValidRepository(text string) bool { return len(text) <= 255 && repository.MatchString(text) }

// ValidTag says whether a text is a tag.
func ValidTag(text string) bool { return tag.MatchString(text) }

// ValidDigest says whether a text is a SHA-256 digest; Kiln takes no other.
func ValidDigest(text string) bool { return digest.MatchString(text) }

// ValidateReference checks a repository, and a tag or a digest.
func ValidateReference(repository, reference string) (found problem.List) {
	if !ValidRepository(repository) {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "repository", Value: repository, Limit: "the name of a repository, at most 255 characters",
			Remedy: "Write it as image references do, without the registry: team/base.",
		})
	}
	if !ValidTag(reference) && !ValidDigest(reference) {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "reference", Value: reference, Limit: "a tag, or sha256: and 64 hexadecimal digits",
			Remedy: "Name a tag or a digest.",
		})
	}
	return found
}

// Descriptor names a content by its digest.
type Descriptor struct {
	MediaType string   `json:"mediaType"`
	Digest    string   `json:"digest"`
	Size      int64    `json:"size"`
	URLs      []string `json:"urls,omitempty"`
	Platform  *struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform,omitempty"`
}

// Manifest is what a tag stands for: an image, or a list of them.
type Manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        Descriptor   `json:"config"`
	Layers        []Descriptor `json:"layers"`
	Manifests     []Descriptor `json:"manifests"`
}

// Size is the sum of the layers, in bytes, as they are transferred.
func (m Manifest) Size() (bytes int64) {
	for _, l := range m.Layers {
		bytes += l.Size
	}
	return bytes
}

// IsIndex says whether the manifest is a list of images.
func (m Manifest) IsIndex() bool { return m.MediaType == typeIndex || m.MediaType == typeDockerList }

// bad is the refusal of an answer that makes no sense. Name is what was asked for.
func bad(name, detail string) problem.Problem {
	return problem.Problem{
		Code: problem.RegistryBadAnswer, Field: "endpoint", Value: name, Limit: "answers of the OCI distribution specification", Detail: detail,
		Remedy: "Check that the endpoint is a registry, and that nothing between it and the daemon answers in its place.",
	}
}

// BadAnswer is the refusal of an answer that makes no sense. Name is what was asked for.
func BadAnswer(name, format string, args ...any) problem.Problem {
	return bad(name, fmt.Sprintf(format, args...))
}

// ParseManifest reads a manifest that a registry sent with a media type. Refused is what is of another type than it says, what leads
// elsewhere, and what cannot be an image. Name is how the user knows it.
func ParseManifest(name, mediaType string, content []byte) (Manifest, error) {
	var m Manifest
	if !slices.Contains(MediaTypes(), mediaType) {
		return m, bad(name, fmt.Sprintf("its media type is %.100q, which is no image's", mediaType))
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, bad(name, "its manifest is no JSON")
	}
	switch {
	case m.SchemaVersion != 2:
		return m, bad(name, "its manifest has schema version "+strconv.Itoa(m.SchemaVersion)+", and not 2")
	case m.MediaType != "" && m.MediaType != mediaType:
		return m, bad(name, fmt.Sprintf("its manifest says that it is %.100q, and the registry that it is %q", m.MediaType, mediaType))
	}
	m.MediaType = mediaType
	if m.IsIndex() {
		return m, m.checkIndex(name)
	}
	return m, m.checkImage(name)
}

func (m Manifest) checkIndex(name string) error {
	if len(m.Layers) > 0 || m.Config.Digest != "" {
		return bad(name, "it is an image and a list of images at the same time")
	}
	for _, d := range m.Manifests {
		if !ValidDigest(d.Digest) || d.Size < 0 || d.Size > MaxManifest || len(d.URLs) > 0 {
			return bad(name, "its list names something without a digest or a size that it can have, or elsewhere")
		}
	}
	return nil
}

func (m Manifest) checkImage(name string) error {
	if len(m.Manifests) > 0 {
		return bad(name, "it is an image and a list of images at the same time")
	}
	if c := m.Config; !ValidDigest(c.Digest) || c.Size < 0 || c.Size > MaxManifest || len(c.URLs) > 0 || !slices.Contains(configTypes, c.MediaType) {
		return bad(name, fmt.Sprintf("it has no configuration of an image, but %.100q", c.MediaType))
	}
	if len(m.Layers) == 0 || len(m.Layers) > MaxLayers {
		return bad(name, "it has "+strconv.Itoa(len(m.Layers))+" layers, and not 1 to "+strconv.Itoa(MaxLayers))
	}
	var size int64
	for _, l := range m.Layers {
		switch {
		case len(l.URLs) > 0 || strings.Contains(l.MediaType, "nondistributable") || strings.Contains(l.MediaType, "foreign"):
			return bad(name, "a layer of it lies elsewhere")
		case !ValidDigest(l.Digest) || l.Size < 0:
			return bad(name, "a layer of it has no digest or no size")
		case !slices.Contains(layerTypes, l.MediaType):
			return bad(name, fmt.Sprintf("a layer of it is %.100q", l.MediaType))
		case l.Size > MaxSize-size:
			return problem.Problem{
				Code: problem.ImageTooLarge, Field: "reference", Value: name, Limit: strconv.Itoa(MaxSize>>30) + " GiB", Detail: "its layers are larger than an image may be",
				Remedy: "Use a smaller image: leave out what the tasks do not need.",
			}
		}
		size += l.Size
	}
	return nil
}

// Select gives the image of the platform in a list of images.
func (m Manifest) Select(name string) (Descriptor, error) {
	var found []Descriptor
	var others []string
	for _, d := range m.Manifests {
		switch {
		case d.Platform == nil || d.Platform.OS == "unknown": // what is attached to an image, such as its signature
		case d.Platform.OS == "linux" && d.Platform.Architecture == Architecture:
			if !slices.ContainsFunc(found, func(o Descriptor) bool { return o.Digest == d.Digest }) {
				found = append(found, d)
			}
		default:
			others = append(others, d.Platform.OS+"/"+d.Platform.Architecture)
		}
	}
	switch {
	case len(found) == 0:
		return Descriptor{}, wrongPlatform(name, strings.Join(others, ", "))
	case len(found) > 1:
		return Descriptor{}, bad(name, "its list has several images for linux/"+Architecture)
	case found[0].MediaType != typeManifest && found[0].MediaType != typeDockerManifest:
		return Descriptor{}, bad(name, fmt.Sprintf("its list has %.100q for linux/%s", found[0].MediaType, Architecture))
	}
	return found[0], nil
}

func wrongPlatform(name, found string) problem.Problem {
	if len(found) > 200 {
		found = found[:200] + "…"
	}
	return problem.Problem{
		Code: problem.ArchitectureNotSupported, Field: "reference", Value: name + " (" + strings.ToValidUTF8(found, "?") + ")", Limit: "linux/" + Architecture,
		Detail: "the image is for another platform", Remedy: "Use an image that was built for linux/" + Architecture + ".",
	}
}

// CheckConfig judges the configuration of an image: it has to be of the platform, and to go with the manifest.
func (m Manifest) CheckConfig(name string, content []byte) error {
	var c struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		RootFS       struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(content, &c); err != nil {
		return bad(name, "its configuration is no JSON")
	}
	if c.OS != "linux" || c.Architecture != Architecture {
		return wrongPlatform(name, c.OS+"/"+c.Architecture)
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) {
		return bad(name, fmt.Sprintf("its configuration has %d layers, and its manifest %d", len(c.RootFS.DiffIDs), len(m.Layers)))
	}
	return nil
}

// Resolved is what a reference stands for.
type Resolved struct {
	Digest   string // what the tag points at: an image or a list of them
	Manifest string // the digest of the image for the platform
	Size     int64  // bytes of its layers, as they are transferred
	Layers   int
}

// Pull says what is brought where.
type Pull struct {
	Repository string
	Digest     string // of an image, or of a list of images
	Dir        string // an empty directory
}
