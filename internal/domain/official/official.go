// Package official holds the rules of official images: immutable, versioned
// entries of the catalogue. Which entries there are, the daemon says.
package official

import (
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// Status says whether an official image may be used.
type Status string

// The statuses of official images.
const (
	StatusReadOnly    Status = "ReadOnly"    // usable; official images cannot be changed
	StatusExpired     Status = "Expired"     // no longer to be built on
	StatusUnavailable Status = "Unavailable" // the daemon's configuration does not say what to make it from
)

// Image is one version of one entry of the catalogue.
type Image struct {
	Name        string
	Version     string // a date, YYYYMMDD
	Description string
	TaskTypes   []tasktype.Type
	Provides    []string // package managers and runtimes: apt, python3
	OpenSSL     string   // the version that Python has, such as 1.0.2k; empty: nobody has said it
	Status      Status
	Reference   string            // registry reference to pull; empty: made from Definition
	Definition  *Definition       // how to make it from Debian; nil with a Reference
	Available   bool              // it is in the daemon's store
	ImageID     string            // in the daemon's store, once available
	SizeBytes   int64             // uncompressed, once available
	Packages    []Package         // what is in it, once available
	Default     []tasktype.Type   // task types whose default it is
	Labels      map[string]string // of the image configuration
}

// Package is one package of an image.
type Package struct {
	Manager     string // apt, pip or yum
	Name        string
	Version     string // empty: the base of a custom image has it, and the custom image has not
	Interpreter string // pip: the path of the Python that has it
	Digest      string // of what is installed; empty when it is not known
	Base        string // in a custom image: the version in its base; empty when the base has none
}

// Changes gives the packages of a custom image that its base does not have in the same version.
func Changes(packages []Package) []Package {
	return slices.DeleteFunc(slices.Clone(packages), func(p Package) bool { return p.Version == p.Base })
}

// Definition says how to make an official image from a mirror: of Debian, or of rpm packages.
type Definition struct {
	RPM        bool // from an rpm repository: suites, components and Setup have no meaning
	Suite      string
	Components []string
	Older      string // another suite, for packages that Suite does not have any more; empty: none
	Include    []string
	Setup      []string // shell commands before anything is installed, with the root directory as $1
	Customize  []string // shell commands at the end, with the root directory as $1
	Env        map[string]string
}

// Tag is the name of the image in the daemon's store, and in the FROM line of a recipe.
func (i Image) Tag() string { return Tag(i.Name, i.Version) }

// Tag names an official image the way a Containerfile does.
func Tag(name, version string) string { return "localhost/kiln/" + name + ":" + version }

// Resolve finds an entry by name, and by version or else the newest that is not expired.
func Resolve(catalogue []Image, name, version string) (Image, error) {
	var versions, names []string
	var best, missing *Image
	for i := range catalogue {
		entry := &catalogue[i]
		if !slices.Contains(names, entry.Name) {
			names = append(names, entry.Name)
		}
		if entry.Name != name {
			continue
		}
		versions = append(versions, entry.Version)
		if entry.Status == StatusUnavailable && (version == "" || version == entry.Version) {
			missing = entry
			continue
		}
		switch {
		case version != "" && entry.Version == version:
			return *entry, nil
		case version == "" && entry.Status == StatusReadOnly && (best == nil || entry.Version > best.Version):
			best = entry
		}
	}
	if best != nil {
		return *best, nil
	}
	if missing != nil {
		return Image{}, problem.Problem{
			Code: problem.OfficialImageUnavailable, Field: "source.official.image", Value: name, Limit: "catalogue.rpm_mirror",
			Detail: "it is made from rpm packages, and the daemon's configuration names no repository of them",
			Remedy: "Choose another image, or have catalogue.rpm_mirror set in the daemon's configuration.",
		}
	}
	if version == "" && len(versions) > 0 {
		return Image{}, expired(name, "", nil)
	}
	if len(versions) > 0 {
		return Image{}, problem.Problem{
			Code: problem.VersionNotFound, Field: "source.official.version", Value: version, Limit: strings.Join(versions, ", "),
			Remedy: "Choose a version that the catalogue has, or leave it out for the newest.",
		}
	}
	slices.Sort(names)
	return Image{}, problem.Problem{
		Code: problem.OfficialImageNotFound, Field: "source.official.image", Value: name, Limit: strings.Join(names, ", "),
		Remedy: "Choose an image of the catalogue; data.kiln_official_images lists them.",
	}
}

// AdmitBase refuses to begin a version of a custom image on an expired one. What is based on it already, under the tag held, may change and
// stay on it.
func AdmitBase(catalogue []Image, base Image, held string) problem.List {
	if base.Status != StatusExpired || base.Tag() == held {
		return nil
	}
	var usable []string
	for _, entry := range catalogue {
		if entry.Name == base.Name && entry.Status == StatusReadOnly {
			usable = append(usable, entry.Version)
		}
	}
	return problem.List{expired(base.Name, base.Version, usable)}
}

// expired is the refusal of an expired version; an empty one stands for all that an image has.
func expired(name, version string, usable []string) problem.Problem {
	slices.Sort(usable)
	p := problem.Problem{
		Code: problem.BaseImageExpired, Field: "source.official.version", Value: version, Limit: strings.Join(usable, ", "),
		Detail: "that version of " + name + " has expired: nothing new may be based on it",
		Remedy: "Choose a version that has not expired, or leave it out for the newest.",
	}
	if len(usable) == 0 {
		p.Field, p.Value, p.Limit = "source.official.image", name, "an official image with a version that has not expired"
		p.Detail, p.Remedy = "all of its versions have expired", "Choose another image; data.kiln_official_images shows the status of each."
	}
	return p
}

// Find finds an entry by what callers may take for an image's id: its name, with or without a version, or its tag.
func Find(catalogue []Image, id string) (Image, bool) {
	for _, entry := range catalogue {
		if id == entry.Name || id == entry.Name+":"+entry.Version || id == entry.Tag() {
			return entry, true
		}
	}
	return Image{}, false
}

// ReadOnly is the refusal to change an official image in any way.
func ReadOnly(field string, entry Image) problem.Problem {
	return problem.Problem{
		Code: problem.ReadOnlyImage, Field: field, Value: entry.Name, Limit: "custom images",
		Detail: "official images are never changed, published, baked or deleted",
		Remedy: "Make a custom image with source.official.image = \"" + entry.Name + "\", and change that.",
	}
}

// Update tells that an image is based on a version that the catalogue has a newer one of, and how to move to that. Nothing moves
// by itself.
func Update(catalogue []Image, name, version string) problem.List {
	newest, ok := Superseded(catalogue, name, version)
	if !ok {
		return nil
	}
	return problem.List{{
		Code: problem.BaseUpdateAvailable, Field: "source.official.version", Value: version, Limit: newest,
		Detail: "the catalogue has a newer version of " + name,
		Remedy: "To move to it, set source.official.version = \"" + newest + "\". Nothing is built before that.",
	}}
}

// Superseded gives the newest version of an image when it is newer than the given one.
func Superseded(catalogue []Image, name, version string) (string, bool) {
	newest, err := Resolve(catalogue, name, "")
	if err != nil || newest.Version <= version {
		return "", false
	}
	return newest.Version, true
}
