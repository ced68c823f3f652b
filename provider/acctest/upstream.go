package acctest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// Upstream stands in for the registries of others: every one of them has the same images. It remembers how it was asked last.
type Upstream struct {
	mu     sync.Mutex
	images map[string]registry.Resolved // by REPOSITORY:TAG, and by REPOSITORY@DIGEST
	access registry.Access
	down   error
	pulls  []registry.Pull
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
	found := registry.Resolved{Digest: digest, Manifest: digest, Size: 42, Layers: 1}
	repository, _, _ := strings.Cut(name, ":")
	u.images[name], u.images[repository+"@"+digest] = found, found
}

// Remove takes an image away, by REPOSITORY:TAG or REPOSITORY@DIGEST.
func (u *Upstream) Remove(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.images, name)
}

// Down makes every answer of the registries this error; nil: they answer.
func (u *Upstream) Down(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = err
}

// Pulls tells what was pulled, oldest first.
func (u *Upstream) Pulls() []registry.Pull {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.pulls)
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
		name, _, tagged := strings.Cut(image, ":")
		if strings.Contains(name, "@") || !tagged {
			continue
		}
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
	return u.find(repository, reference)
}

// Pull implements upstream.Client. It brings nothing: the engine of these tests looks at nothing.
func (u *Upstream) Pull(_ context.Context, a registry.Access, p registry.Pull) (registry.Resolved, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.access, u.pulls = a, append(u.pulls, p)
	return u.find(p.Repository, p.Digest)
}

func (u *Upstream) find(repository, reference string) (registry.Resolved, error) {
	separator := ":"
	if registry.ValidDigest(reference) {
		separator = "@"
	}
	found, ok := u.images[repository+separator+reference]
	if u.down != nil {
		return found, u.down
	}
	if !ok {
		return found, problem.Problem{
			Code: problem.ManifestUnknown, Field: "reference", Value: repository + ":" + reference, Limit: "what the registry has", Remedy: "Check it.",
		}
	}
	return found, nil
}
