// Package distribution asks registries of others what they have: repositories,
// tags, what a tag stands for, and the image itself. Nothing that a registry
// says is believed: answers have a size and a time, digests are computed, and
// credentials are for one host and port. It must not know who asks, nor where
// passwords are kept.
package distribution

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/registry"
)

// The limits of one question, whatever requests it takes.
const (
	DefaultTimeout = 30 * time.Second
	maxPages       = 50
	maxNames       = 10_000
	pageSize       = 1000
)

// Lookup finds the addresses of a name, as net.Resolver.LookupNetIP does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// Client asks registries. It keeps nothing between two questions and may be used by several goroutines at a time.
type Client struct {
	Lookup  Lookup
	Timeout time.Duration // of one question; 0: DefaultTimeout
	Stall   time.Duration // a pull ends when nothing comes for so long; 0: a minute
}

func (c *Client) timeout() time.Duration { return cmp.Or(c.Timeout, DefaultTimeout) }

// Repositories lists the repositories of a registry, in its order. A registry need not have such a list; that is RegistryBadAnswer.
func (c *Client) Repositories(ctx context.Context, a registry.Access) ([]string, error) {
	return c.names(ctx, a, list{path: "/v2/_catalog", key: "repositories", what: a.Registry.Endpoint, valid: registry.ValidRepository})
}

// Tags lists the tags of a repository, in the registry's order. A repository that is not there is ManifestUnknown.
func (c *Client) Tags(ctx context.Context, a registry.Access, repository string) ([]string, error) {
	if err := registry.ValidateReference(repository, "latest").Err(); err != nil {
		return nil, err
	}
	return c.names(ctx, a, list{
		path: "/v2/" + repository + "/tags/list", key: "tags", what: a.Registry.Endpoint + "/" + repository, valid: registry.ValidTag,
	})
}

// list is a paged list of names.
type list struct {
	path, key, what string
	valid           func(string) bool
}

func (c *Client) names(ctx context.Context, a registry.Access, l list) (names []string, err error) {
	s, stop := c.session(ctx, a, c.timeout())
	defer stop()
	at := &url.URL{Scheme: s.base.Scheme, Host: s.base.Host, Path: l.path, RawQuery: "n=" + strconv.Itoa(pageSize)}
	for range maxPages {
		got, err := s.get(ask{url: at, what: l.what, accept: []string{"application/json"}, max: registry.MaxManifest})
		if err != nil {
			return nil, err
		}
		var page map[string]json.RawMessage
		var more []string
		if json.Unmarshal(got.content, &page) != nil || page[l.key] == nil || json.Unmarshal(page[l.key], &more) != nil {
			return nil, registry.BadAnswer(l.what, "there is no list of %s in what it answers", l.key)
		}
		for _, name := range more {
			if !l.valid(name) {
				return nil, registry.BadAnswer(l.what, "among its %s is %.100q", l.key, name)
			}
		}
		if names = append(names, more...); len(names) > maxNames {
			return nil, registry.BadAnswer(l.what, "it has more than %d %s", maxNames, l.key)
		}
		next, err := following(got.header, at)
		if err != nil {
			return nil, registry.BadAnswer(l.what, "the next page of its list is %v", err)
		}
		if next == nil {
			return names, nil
		}
		at = next
	}
	return nil, registry.BadAnswer(l.what, "its list has no end")
}

// following gives the next page of a list, which is always at the same registry: Link: </v2/_catalog?last=x&n=1000>; rel="next".
func following(header http.Header, at *url.URL) (*url.URL, error) {
	link := header.Get("Link")
	if link == "" {
		return nil, nil //nolint:nilnil // there is no next page, and that is fine
	}
	target, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !ok || !strings.HasPrefix(link, "<") || !strings.Contains(rest, "next") {
		return nil, fmt.Errorf("%.100q, which cannot be read", link)
	}
	next, err := at.Parse(target)
	if err != nil || next.Scheme != at.Scheme || next.Host != at.Host || next.Path != at.Path || next.User != nil {
		return nil, fmt.Errorf("%.100q, which is elsewhere", link)
	}
	return next, nil
}

// Resolve says what a tag or a digest of a repository stands for, and checks that it can be an image of Kiln: of the platform, of a size
// that is allowed, and made of what it says. Nothing of the image is transferred but its manifest and its configuration.
func (c *Client) Resolve(ctx context.Context, a registry.Access, repository, reference string) (r registry.Resolved, err error) {
	if err := registry.ValidateReference(repository, reference).Err(); err != nil {
		return r, err
	}
	s, stop := c.session(ctx, a, c.timeout())
	defer stop()
	found, err := s.find(a.Registry.Endpoint, repository, reference)
	return found.resolved, err
}

// found is an image that can be one of Kiln: what it is, and what its manifest and its configuration say, to the letter.
type found struct {
	name         string // as users know it
	resolved     registry.Resolved
	manifest     registry.Manifest
	text, config []byte
}

// find gets manifest and configuration of the image for the platform, and judges both.
func (s *session) find(endpoint, repository, reference string) (f found, err error) {
	separator := ":"
	if registry.ValidDigest(reference) {
		separator = "@"
	}
	f.name = endpoint + "/" + repository + separator + reference
	r := &f.resolved
	if f.manifest, f.text, err = s.manifest(f.name, repository, reference); err != nil {
		return f, err
	}
	r.Digest = hashed(f.text)
	if f.manifest.IsIndex() {
		one, err := f.manifest.Select(f.name)
		if err != nil {
			return f, err
		}
		if f.manifest, f.text, err = s.manifest(f.name, repository, one.Digest); err != nil {
			return f, err
		}
		if f.manifest.IsIndex() {
			return f, registry.BadAnswer(f.name, "its list of images has a list of images in it")
		}
	}
	m := f.manifest
	r.Manifest, r.Size, r.Layers = hashed(f.text), m.Size(), len(m.Layers)
	config, err := s.get(ask{url: s.blob(repository, m.Config.Digest), what: f.name, max: m.Config.Size, accept: []string{"*/*"}})
	if err != nil {
		return f, err
	}
	f.config = config.content
	if hashed(f.config) != m.Config.Digest || int64(len(f.config)) != m.Config.Size {
		return f, registry.BadAnswer(f.name, "its configuration has another digest or size than its manifest says")
	}
	return f, m.CheckConfig(f.name, f.config)
}

func (s *session) blob(repository, digest string) *url.URL {
	return s.at("/v2/" + repository + "/blobs/" + digest)
}

// manifest gets a manifest and its text. The digest of that is computed: that of a tag is taken from the content and never from a header.
func (s *session) manifest(name, repository, reference string) (m registry.Manifest, text []byte, err error) {
	got, err := s.get(ask{
		url: s.at("/v2/" + repository + "/manifests/" + reference), what: name, max: registry.MaxManifest, accept: registry.MediaTypes(),
	})
	if err != nil {
		return m, nil, err
	}
	digest := hashed(got.content)
	said := got.header.Get("Docker-Content-Digest")
	if registry.ValidDigest(reference) && reference != digest || said != "" && said != digest {
		return m, nil, registry.BadAnswer(name, "what it answers has the digest %s, and not %.100q", digest, firstOf(said, reference))
	}
	mediaType, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	m, err = registry.ParseManifest(name, strings.TrimSpace(mediaType), got.content)
	return m, got.content, err
}

func firstOf(texts ...string) string {
	at := slices.IndexFunc(texts, func(text string) bool { return text != "" })
	return texts[max(at, 0)]
}

func hashed(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
