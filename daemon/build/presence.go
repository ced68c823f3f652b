package build

import (
	"context"
	"errors"

	"github.com/kilnhq/kiln/daemon/store"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// presence says what became of the artifact that a build serves.
func (s *Service) presence(ctx context.Context, b domain.Build) (domain.Presence, error) {
	if b.Digest == "" {
		return "", nil
	}
	_, repository, _, _ := domain.SplitReference(b.ImageRef)
	return s.check(ctx, repository, b.Digest)
}

// check asks the registry. What it cannot tell is an error: neither there nor gone.
func (s *Service) check(ctx context.Context, repository, digest string) (domain.Presence, error) {
	found, err := s.cfg.Registry.Check(ctx, repository, digest)
	if err != nil {
		return "", problem.Problem{
			Code: problem.RegistryUnreadable, Value: repository + "@" + digest,
			Detail: "whether the baked image is still in the registry cannot be told: " + err.Error(),
			Remedy: "Check the daemon's disk and the permissions below its data directory, and try again.",
		}
	}
	return found, nil
}

// lost gives the digest of what was baked from the version that a build asks for, when it is not there any more; else nothing.
func (s *Service) lost(ctx context.Context, b domain.Build) (digest string, err error) {
	var a domain.Artifact
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		v, err := tx.Version(b.ImageID, b.ImageVersion)
		if err == nil {
			a, err = tx.Artifact(b.Owner, v.InputHash)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	found, err := s.check(ctx, a.Repository, a.Digest)
	if err != nil || !found.Lost() {
		return "", err
	}
	return a.Digest, nil
}
