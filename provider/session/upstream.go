package session

import (
	"context"
	"sync"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

// resolved is what a registry has answered once.
type resolved struct {
	asking sync.Mutex // held while it is asked, so that once is enough
	asked  bool
	digest string
	err    error
}

// PlanRegistry tells the session that the plan changes a registry that is there already, so that what it would answer now says nothing.
func (s *Session) PlanRegistry(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed[id] = true
}

// ChangesRegistry says whether this plan changes a registry.
func (s *Session) ChangesRegistry(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed[id]
}

// Resolve says what the tag of a source stands for, or whether its digest is there: what the daemon hears from the registry. Until the
// first write it is asked once, whatever it answers. The error names the part of the source that is to blame.
func (s *Session) Resolve(ctx context.Context, u recipe.Upstream) (digest string, err error) {
	c, err := s.Client(ctx)
	if err != nil {
		return "", err
	}
	ask := func() (string, error) {
		found, err := c.Resolve(ctx, client.RegistryQuestion{RegistryID: u.RegistryID, NetworkID: u.NetworkID}, u.Repository, u.Reference())
		return found.Digest, u.Blame(err)
	}
	if s.writing.Load() {
		return ask()
	}
	key := recipe.Upstream{RegistryID: u.RegistryID, NetworkID: u.NetworkID, Repository: u.Repository, Tag: u.Reference()}
	s.mu.Lock()
	if s.resolved[key] == nil {
		s.resolved[key] = &resolved{}
	}
	r := s.resolved[key]
	s.mu.Unlock()
	r.asking.Lock()
	defer r.asking.Unlock()
	if !r.asked {
		r.digest, r.err = ask()
		r.asked = true
	}
	return r.digest, r.err
}
