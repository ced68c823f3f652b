package upstream

import (
	"context"
	"errors"

	"github.com/kilnhq/kiln/daemon/store"
	domain "github.com/kilnhq/kiln/internal/domain/registry"
)

// Question says which registry is asked, and by whom.
type Question struct {
	Owner     string
	ID        string // of the registry
	NetworkID string // through which it is asked; empty: any that it is bound to
}

// Repositories lists the repositories of a registry.
func (s *Service) Repositories(ctx context.Context, q Question) ([]string, error) {
	a, err := s.access(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.client.Repositories(ctx, a)
}

// Tags lists the tags of a repository.
func (s *Service) Tags(ctx context.Context, q Question, repository string) ([]string, error) {
	a, err := s.access(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.client.Tags(ctx, a, repository)
}

// Resolve says what a tag or a digest stands for.
func (s *Service) Resolve(ctx context.Context, q Question, repository, reference string) (domain.Resolved, error) {
	a, err := s.access(ctx, q)
	if err != nil {
		return domain.Resolved{}, err
	}
	return s.client.Resolve(ctx, a, repository, reference)
}

// access gives what is needed to ask a registry: its password, and the networks that lead to it.
func (s *Service) access(ctx context.Context, q Question) (a domain.Access, err error) {
	if a.Registry, err = s.rows.Get(ctx, q.Owner, "", q.ID); err != nil {
		return a, err
	}
	ids := a.Registry.NetworkIDs
	if q.NetworkID != "" {
		if err := a.Registry.Bound("network_id", q.NetworkID).Err(); err != nil {
			return a, err
		}
		ids = []string{q.NetworkID}
	}
	err = s.store.Read(ctx, func(tx Tx) error {
		for _, id := range ids {
			n, err := tx.Network(id)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err == nil {
				a.Networks = append(a.Networks, n)
			}
		}
		return nil
	})
	if err != nil {
		return a, err
	}
	a.Password, err = s.password(a.Registry)
	return a, err
}
