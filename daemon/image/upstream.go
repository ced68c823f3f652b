package image

import (
	"context"
	"errors"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/reference"
)

// settleBase completes the base of a specification, and judges that by what it is based on; of a registry, the transaction does.
func (s *Service) settleBase(ctx context.Context, owner string, spec *domain.Spec) (from origin, found problem.List, err error) {
	if spec.Recipe.Base.FromRegistry() {
		if err := spec.Validate().Err(); err != nil { // before anybody is asked
			return from, nil, err
		}
		spec.Recipe.Base.Registry, err = s.cfg.Upstream.Settle(ctx, owner, spec.Recipe.Base.Registry)
		return from, nil, err
	}
	from.catalogue, err = s.cfg.Catalogue.List(ctx, "", "")
	if err != nil {
		return from, nil, err
	}
	from.base, err = official.Resolve(from.catalogue, spec.Recipe.Base.Official, spec.Recipe.Base.Version)
	if err != nil {
		return from, nil, err
	}
	spec.Recipe.Base.Version = from.base.Version
	return from, append(spec.Validate(), spec.Against(from.base)...), nil
}

// upstream checks the registry that an image comes from, when it comes from one.
func upstream(tx Tx, owner, region string, s domain.Spec) error {
	base := s.Recipe.Base
	if !base.FromRegistry() {
		return nil
	}
	r, err := tx.Registry(base.Registry.RegistryID)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Owner != owner {
		return resource.NotFound("registry", recipe.FieldRegistryID, base.Registry.RegistryID)
	}
	if err != nil {
		return err
	}
	target := reference.Target{Noun: "registry", ID: r.ID, Region: r.Region}
	if err := reference.AdmitRegion(recipe.FieldRegistryID, target, region).Err(); err != nil {
		return err
	}
	return s.AgainstRegistry(r).Err()
}
