// Package system is the service that tells about the daemon itself, and takes
// the snapshot over which a plan is judged.
package system

import (
	"context"
	"fmt"
	"slices"

	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	domain "github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/internal/domain/usage"
)

// Tx is what a snapshot needs of a transaction.
type Tx interface {
	Images(owner, region string) ([]image.Image, error)
	Versions(imageID string) ([]image.Version, error)
	Artifacts(owner string) ([]build.Artifact, error)
	CountImages(region string) (int, error)
	Usage(owner string) (usage.Users, error)
}

// Catalogue lists the official images.
type Catalogue interface {
	List(ctx context.Context, name string, t tasktype.Type) ([]official.Image, error)
}

// Registry says what became of an artifact.
type Registry interface {
	Check(ctx context.Context, repository, digest string) (build.Presence, error)
}

// Service tells about the daemon.
type Service struct {
	version   string
	regions   []domain.Region // the first one is the default
	store     store.Of[Tx]
	catalogue Catalogue
	registry  Registry
}

// Config is what the service needs.
type Config struct {
	Version   string
	Regions   []domain.Region // not empty; the first one is the default
	Store     store.Of[Tx]
	Catalogue Catalogue
	Registry  Registry
}

// New makes the service.
func New(c Config) *Service {
	return &Service{version: c.Version, regions: c.Regions, store: c.Store, catalogue: c.Catalogue, registry: c.Registry}
}

// Info is the answer to a client's handshake.
func (s *Service) Info(owner string) domain.Info {
	return domain.Info{
		APIVersion: domain.APIVersion, DaemonVersion: s.version, Regions: slices.Clone(s.regions), DefaultRegion: s.regions[0].Name,
		Caller: owner,
	}
}

// Snapshot reads all that a plan needs.
func (s *Service) Snapshot(ctx context.Context, owner, region string) (domain.Snapshot, error) {
	r, err := Find(s.regions, region)
	if err != nil {
		return domain.Snapshot{}, err
	}
	shot := domain.Snapshot{Region: r, ImagesLimit: quota.LimitsOf(r.Edition).Images}
	if shot.Official, err = s.catalogue.List(ctx, "", ""); err != nil {
		return shot, err
	}
	for i := range shot.Official {
		shot.Official[i].Packages = nil
	}
	var artifacts []build.Artifact
	err = s.store.Read(ctx, func(tx Tx) error {
		if artifacts, err = tx.Artifacts(owner); err != nil {
			return err
		}
		if shot.ImagesUsed, err = tx.CountImages(r.Name); err != nil {
			return err
		}
		shot.Images, err = summaries(tx, owner, r.Name)
		return err
	})
	s.digests(ctx, shot.Images, artifacts)
	return shot, err
}

// digests tells which versions have an artifact that can serve. Where that cannot be told, a plan leaves the digest open.
func (s *Service) digests(ctx context.Context, images []domain.ImageSummary, artifacts []build.Artifact) {
	found := map[string]build.Artifact{}
	for _, a := range artifacts {
		found[a.InputHash] = a
	}
	for _, i := range images {
		for n, v := range i.Versions {
			a, ok := found[v.InputHash]
			if !ok {
				continue
			}
			if presence, err := s.registry.Check(ctx, a.Repository, a.Digest); err == nil && presence == build.PresenceAvailable {
				i.Versions[n].Digest = a.Digest
			}
		}
	}
}

// Usage says who uses what of the owner's things, in every region.
func (s *Service) Usage(ctx context.Context, owner string) (all usage.Users, err error) {
	err = s.store.Read(ctx, func(tx Tx) error {
		all, err = tx.Usage(owner)
		return err
	})
	return all, err
}

func summaries(tx Tx, owner, region string) ([]domain.ImageSummary, error) {
	images, err := tx.Images(owner, region)
	if err != nil {
		return nil, err
	}
	list := make([]domain.ImageSummary, len(images))
	for n, i := range images {
		list[n] = domain.ImageSummary{
			ID: i.ID, Name: i.Spec.Name, CurrentVersion: i.CurrentVersion, PublishedVersion: i.PublishedVersion, Stage: i.Stage,
		}
		versions, err := tx.Versions(i.ID)
		if err != nil {
			return nil, err
		}
		for _, v := range versions {
			list[n].Versions = append(list[n].Versions, domain.VersionSummary{
				Number: v.Number, InputHash: v.InputHash, Stage: v.Stage,
			})
		}
	}
	return list, nil
}

// Find gives a region by name, or the first one for an empty name.
func Find(regions []domain.Region, name string) (domain.Region, error) {
	if name == "" {
		return regions[0], nil
	}
	names := make([]string, len(regions))
	for i, r := range regions {
		if r.Name == name {
			return r, nil
		}
		names[i] = r.Name
	}
	return domain.Region{}, problem.Problem{
		Code: problem.UnknownRegion, Field: "region", Value: name, Limit: fmt.Sprint(names), Remedy: "Choose a region of the daemon's configuration.",
	}
}
