package acctest

import (
	"context"
	"strings"
	"sync"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// Upstream stands in for the registries of others: every one of them has the same images. It remembers how it was asked last.
type Upstream struct {
	mu     sync.Mutex
	images map[string]registry.Resolved // by REPOSITORY:TAG
	access registry.Access
}

// newUpstream has team/base with the tags v1 and v2, and single with v1.
func newUpstream() *Upstream {
	u := &Upstream{images: map[string]registry.Resolved{}}
	u.Push("team/base:v2", "2")
	u.Push("team/base:v1", "1")
	u.Push("single:v1", "3")
	return u
}

// Push gives the registries an image, whose digest is made of one hexadecimal digit.
func (u *Upstream) Push(name, digit string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	digest := "sha256:" + strings.Repeat(digit, 64)
	u.images[name] = registry.Resolved{Digest: digest, Manifest: digest, Size: 42, Layers: 1}
}

// Asked tells who was said to ask last, and through which networks.
func (u *Upstream) Asked() registry.Access {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.access
}

// Repositories implements upstream.Client.
func (u *Upstream) Repositories(_ context.Context, a registry.Access) (names []string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.access = a
	seen := map[string]bool{}
	for image := range u.images {
		name, _, _ := strings.Cut(image, ":")
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, nil
}

// Tags implements upstream.Client.
func (u *Upstream) Tags(_ context.Context, a registry.Access, repository string) (tags []string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.access = a
	for image := range u.images {
		if tag, ok := strings.CutPrefix(image, repository+":"); ok {
			tags = append(tags, tag)
		}
	}
	return tags, nil
}

// Resolve implements upstream.Client.
func (u *Upstream) Resolve(_ context.Context, a registry.Access, repository, reference string) (registry.Resolved, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.access = a
	found, ok := u.images[repository+":"+reference]
	if !ok {
		return found, problem.Problem{
			Code: problem.ManifestUnknown, Field: "reference", Value: repository + ":" + reference, Limit: "what the registry has", Remedy: "Check it.",
		}
	}
	return found, nil
}
