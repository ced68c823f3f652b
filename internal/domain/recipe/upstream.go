package recipe

import (
	"errors"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// maxStartCommand is the longest start command, in bytes.
const maxStartCommand = 1024

// Upstream is an image of a registry of somebody else as the base of a custom image. It is that digest and no other, whatever the tag
// points at meanwhile. Images of the same digest that are pulled from elsewhere, or through another network, are other recipes: what
// one was tested with says nothing of the other.
type Upstream struct {
	RegistryID   string `json:"registry_id"`
	NetworkID    string `json:"network_id"` // the one network that it is pulled through, and used in
	Repository   string `json:"repository"`
	Tag          string `json:"tag,omitempty"`           // what the digest was found by; empty: it was given
	Digest       string `json:"digest"`                  // of the image, or of the list of images that has it; empty: not resolved yet
	StartCommand string `json:"start_command,omitempty"` // words with spaces between; empty: the default of each task type
}

// Where an Upstream and its parts stand in the configuration.
const (
	FieldRegistry     = "source.registry"
	FieldRegistryID   = FieldRegistry + ".registry_id"
	FieldNetworkID    = FieldRegistry + ".network_id"
	FieldStartCommand = FieldRegistry + ".start_command"
	fieldRepository   = FieldRegistry + ".repository"
	fieldTag          = FieldRegistry + ".tag"
	fieldDigest       = FieldRegistry + ".digest"
)

// Name is what the Containerfile calls the image.
func (u Upstream) Name() string {
	return "localhost/kiln/" + strings.ToLower(u.RegistryID) + "/" + u.Repository + "@" + u.Digest
}

// Reference is what a registry is asked for: the digest, or the tag as long as there is none.
func (u Upstream) Reference() string {
	if u.Digest != "" {
		return u.Digest
	}
	return u.Tag
}

// Follows says whether two sources name the same thing, so that what the one was resolved to holds for the other.
func (u Upstream) Follows(before Upstream) bool {
	return u.RegistryID == before.RegistryID && u.Repository == before.Repository && u.Tag == before.Tag
}

// Keep gives what a base is resolved to already: one that names the same as before stays what it was.
func (b Base) Keep(before Base) (kept Base, ok bool) {
	switch {
	case b.FromRegistry():
		if !b.Registry.Follows(before.Registry) || b.Registry.Digest != "" && b.Registry.Digest != before.Registry.Digest {
			return b, false
		}
		b.Registry.Digest = before.Registry.Digest
	case b.Version == "" && b.Official == before.Official:
		b.Version = before.Version
	default:
		return b, false
	}
	return b, b.Resolved()
}

// validateBase checks that there is one source at most, and of a registry's image that it goes with the rest.
func (r Recipe) validateBase() problem.List {
	if !r.Base.FromRegistry() {
		return nil
	}
	found := r.Base.Registry.validate()
	if r.Base.Official != "" {
		found = append(found, problem.Problem{
			Code: problem.ExactlyOneSource, Field: "source", Limit: "official, registry", Detail: "the image has two sources",
			Remedy: "Keep one of the two.",
		})
	}
	for _, part := range []struct {
		field string
		count int
	}{{"packages", len(r.Packages)}, {"files", len(r.Files)}} {
		if part.count > 0 {
			found = append(found, problem.Problem{
				Code: problem.PackagesNotAllowedForRegistrySource, Field: part.field, Value: strconv.Itoa(part.count), Limit: "none, with an image of a registry",
				Detail: "an image of a registry is used as it is", Remedy: "Put them into the image before it is pushed, or start from an official image.",
			})
		}
	}
	return found
}

// validate checks the parts of a source by themselves.
func (u Upstream) validate() (found problem.List) {
	for _, part := range []struct{ field, value, remedy string }{
		{FieldRegistryID, u.RegistryID, "Name the registry: kiln_registry.NAME.id."},
		{FieldNetworkID, u.NetworkID, "Name one of the networks that the registry is bound to: kiln_network.NAME.id."},
		{fieldTag, u.Reference(), "Name a tag, or a digest to stay with."},
	} {
		if part.value == "" {
			found = append(found, problem.Problem{Code: problem.MissingRequired, Field: part.field, Limit: "a text that is not empty", Remedy: part.remedy})
		}
	}
	for _, part := range []struct {
		field, value string
		ok           bool
		limit        string
	}{
		{fieldRepository, u.Repository, registry.ValidRepository(u.Repository), "the name of a repository without the registry, as team/base"},
		{fieldTag, u.Tag, u.Tag == "" || registry.ValidTag(u.Tag), "a tag, without the colon"},
		{fieldDigest, u.Digest, u.Digest == "" || registry.ValidDigest(u.Digest), "sha256: and 64 hexadecimal digits"},
		{
			FieldStartCommand, u.StartCommand, len(u.StartCommand) <= maxStartCommand && !strings.ContainsAny(u.StartCommand, "\x00\r\n"),
			"one line of at most " + strconv.Itoa(maxStartCommand) + " bytes",
		},
	} {
		if !part.ok {
			found = append(found, problem.Problem{
				Code: problem.InvalidParameter, Field: part.field, Value: part.value, Limit: part.limit, Remedy: "Write it as the registry does.",
			})
		}
	}
	return found
}

// unpinned finds a tag that is meant to move.
func (u Upstream) unpinned() problem.List {
	if u.Tag != "latest" {
		return nil
	}
	return problem.List{{
		Code: problem.MutableTag, Field: fieldTag, Value: u.Tag, Limit: "a tag that stays, or a digest", Detail: "the tag latest is meant to move",
		Remedy: "Name the version: a tag such as 1.2.0, or the digest.",
	}}
}

// Blame says of a refusal of the registry which part of the source it is about.
func (u Upstream) Blame(err error) error {
	p, ok := errors.AsType[problem.Problem](err)
	if !ok {
		list, isList := errors.AsType[problem.List](err)
		if !isList || len(list) == 0 {
			return err
		}
		p = list[0]
	}
	switch p.Field {
	case "repository":
		p.Field = fieldRepository
	case "reference":
		p.Field = u.digestField()
	case "network_id":
		p.Field = FieldNetworkID
	default:
		p.Field = FieldRegistryID
	}
	return p
}

// Gone is the refusal to go on without an image that the registry has no more.
func (u Upstream) Gone() problem.Problem {
	return problem.Problem{
		Code: problem.ImageGone, Field: u.digestField(), Value: u.Repository + "@" + u.Digest, Limit: "an image that the registry has",
		Detail: "the registry does not have the image any more", Remedy: "Push it again, or name another tag or digest. Nothing else is run in its place.",
	}
}

// Moved warns of a tag that stands for another image by now; the version that is used does not change by that.
func (u Upstream) Moved(digest string) problem.List {
	if u.Tag == "" || digest == u.Digest {
		return nil
	}
	return problem.List{{
		Code: problem.UpstreamDigestChanged, Field: fieldTag, Value: u.Tag, Limit: u.Digest + " -> " + digest,
		Detail: "the tag stands for another image by now; the one that was tested stays in use",
		Remedy: "To use the new one, name a tag of its own, or write digest = \"" + digest + "\" in place of the tag.",
	}}
}

func (u Upstream) digestField() string {
	if u.Tag != "" {
		return fieldTag
	}
	return fieldDigest
}
