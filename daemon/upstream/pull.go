package upstream

import (
	"context"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	domain "github.com/kilnhq/kiln/internal/domain/registry"
)

// Settle gives a source with the digest that its tag stands for now; one that has a digest stays as it is.
func (s *Service) Settle(ctx context.Context, owner string, u recipe.Upstream) (recipe.Upstream, error) {
	if u.Digest != "" {
		return u, nil
	}
	found, err := s.Resolve(ctx, Question{Owner: owner, ID: u.RegistryID, NetworkID: u.NetworkID}, u.Repository, u.Reference())
	if err != nil {
		return u, u.Blame(err)
	}
	u.Digest = found.Digest
	return u, nil
}

// Pull brings the image of a source into an empty directory. It asks the registry for the manifest each time.
func (s *Service) Pull(ctx context.Context, owner string, u recipe.Upstream, dir string) (domain.Resolved, error) {
	a, err := s.access(ctx, Question{Owner: owner, ID: u.RegistryID, NetworkID: u.NetworkID})
	if err == nil {
		err = image.AdmitEdition(a.Registry).Err()
	}
	if err != nil {
		return domain.Resolved{}, u.Blame(err)
	}
	found, err := s.client.Pull(ctx, a, domain.Pull{Repository: u.Repository, Digest: u.Digest, Dir: dir})
	switch {
	case problem.Has(err, problem.ManifestUnknown):
		err = u.Gone()
	case problem.Has(err, problem.RegistryUnreachable):
		err = unreached(u, a.Registry, err)
	case err != nil:
		err = u.Blame(err)
	}
	return found, err
}

// unreached says that there is no image, since its registry is not there. Nothing that was pulled before takes its place.
func unreached(u recipe.Upstream, r domain.Registry, err error) problem.Problem {
	p := problem.Problem{
		Code: problem.ImagePullFailed, Field: recipe.FieldRegistryID, Value: r.Endpoint + "/" + u.Repository + "@" + u.Digest,
		Limit: "a registry that answers", Remedy: "See to it that the registry runs, and try again. The image is pulled anew each time.",
	}
	for _, cause := range problem.From(err) {
		p.Detail = cause.Detail
	}
	return p
}
