// Package image is the service of custom images: admission, versions, tests
// and publishing. What a transition allows is the domain's; what is stored,
// the store's; what runs, the worker's.
package image

import (
	"context"
	"errors"
	"time"

	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/build"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/internal/domain/usage"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// Tx is what the service needs of a transaction.
type Tx interface {
	Now() time.Time
	Recall(owner, key string) (store.Request, error)
	Remember(owner, key string, r store.Request) error
	Images
	Versions
	Histories
	Surroundings
}

// Images is the part of Tx that stores images.
type Images interface {
	Image(id string) (domain.Image, error)
	ImageByName(owner, region, name string) (domain.Image, error)
	Images(owner, region string) ([]domain.Image, error)
	InsertImage(domain.Image) error
	UpdateImage(domain.Image) error
	DeleteImage(id string) error
	CountImages(region string) (int, error)
	ImageUsers(id string) ([]string, error)
}

// Versions is the part of Tx that stores versions and their processes.
type Versions interface {
	Version(imageID string, number int) (domain.Version, error)
	Versions(imageID string) ([]domain.Version, error)
	InsertVersion(domain.Version) error
	UpdateVersion(domain.Version) error
	InsertProcess(processdomain.Process) error
	FinishProcess(processdomain.Process) error
}

// Histories is the part of Tx that stores what has happened to images.
type Histories interface {
	InsertEntry(domain.Entry) error
	History(imageID string) ([]domain.Entry, error)
}

// Surroundings is the part of Tx that reads what images stand on.
type Surroundings interface {
	ResourceGroup(id string) (resourcegroup.ResourceGroup, error)
	Network(id string) (network.Network, error)
	ResourceGroupByName(owner, region, name string) (resourcegroup.ResourceGroup, error)
	Build(id string) (build.Build, error)
	Artifact(owner, inputHash string) (build.Artifact, error)
	Workspace(owner, region, id string) (workspace.Workspace, error)
	Bindings(owner, imageID, workspaceID string) ([]binding.Binding, error)
	Registry(id string) (registry.Registry, error)
}

// Catalogue lists the official images.
type Catalogue interface {
	List(ctx context.Context, name string, t tasktype.Type) ([]official.Image, error)
}

// Files has the contents of files by their SHA-256.
type Files interface {
	// Missing says which contents are not there.
	Missing(ctx context.Context, sums []string) ([]string, error)
	// Size gives the size in bytes of a content that is there.
	Size(sum string) (int64, error)
}

// Queue is what the service needs of the process runner.
type Queue interface {
	Kick()
	CancelSubject(ctx context.Context, owner, subject string) error
}

// Worker runs recipes and commands.
type Worker interface {
	Build(ctx context.Context, t job.Task, log *process.Journal) (worker.Result, error)
	Run(ctx context.Context, p processdomain.Process, image string, c worker.Command, log *process.Journal) (worker.Result, error)
	RunOfficial(ctx context.Context, p processdomain.Process, base recipe.Base, c worker.Command, log *process.Journal) (worker.Result, error)
}

// Fetcher brings an artifact back into the image store.
type Fetcher interface {
	Fetch(ctx context.Context, p processdomain.Process, a build.Artifact, log *process.Journal) (imageID string, err error)
}

// Upstream asks the registries of others.
type Upstream interface {
	// Settle gives a source with the digest that its tag stands for now.
	Settle(ctx context.Context, owner string, u recipe.Upstream) (recipe.Upstream, error)
}

// Config is what the service needs.
type Config struct {
	Store     store.Of[Tx]
	Queue     Queue
	Worker    Worker
	Fetcher   Fetcher
	Catalogue Catalogue
	Upstream  Upstream
	Files     Files
	Region    func(name string) (system.Region, error) // the default one for an empty name; refuses unknown ones
}

// Service is the service of custom images.
type Service struct{ cfg Config }

// New makes the service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Get finds one of the owner's images by id, or by name in a region.
func (s *Service) Get(ctx context.Context, owner, region, id string) (domain.Image, error) {
	r, err := s.cfg.Region(region)
	if err != nil {
		return domain.Image{}, err
	}
	var i domain.Image
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		i, err = find(tx, owner, r.Name, id)
		return err
	})
	if err != nil {
		return domain.Image{}, err
	}
	return s.withBase(ctx, i)
}

// List gives one page of the owner's images that a filter chooses, and where to go on.
func (s *Service) List(ctx context.Context, owner string, f domain.Filter) (page []domain.Image, next string, err error) {
	if err := f.Validate().Err(); err != nil {
		return nil, "", err
	}
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		list, err := tx.Images(owner, f.Region)
		if err != nil {
			return err
		}
		bound, err := bound(tx, owner, f.Workspaces)
		page, next = f.Page(f.Bound(list, bound))
		return err
	})
	if err != nil {
		return nil, "", err
	}
	for i := range page {
		page[i].Packages = nil // hundreds an image: who wants them asks for one image
	}
	return page, next, s.withBases(ctx, page)
}

// bound gives the workspaces of each image that is bound to one of some, which must be there.
func bound(tx Tx, owner string, workspaces []string) (map[string][]string, error) {
	of := map[string][]string{}
	for _, id := range workspaces {
		w, err := tx.Workspace(owner, "", id)
		if errors.Is(err, store.ErrNotFound) || err == nil && w.ID != id {
			return nil, resource.NotFound("workspace", "workspace_ids", id)
		}
		if err != nil {
			return nil, err
		}
		bindings, err := tx.Bindings(owner, "", id)
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			of[b.ImageID] = append(of[b.ImageID], id)
		}
	}
	return of, nil
}

// Delete cancels what works on an image, and removes it when nothing uses it.
func (s *Service) Delete(ctx context.Context, owner, id string) error {
	users := func(tx Tx) error {
		i, err := find(tx, owner, "", id)
		if err != nil {
			return err
		}
		users, err := tx.ImageUsers(id)
		if err == nil && len(users) > 0 {
			err = usage.InUse(problem.ImageInUse, "image", i.Spec.Name, users)
		}
		return err
	}
	if err := s.cfg.Store.Read(ctx, users); err != nil {
		return s.readOnly(ctx, id, err)
	}
	if err := s.cfg.Queue.CancelSubject(ctx, owner, id); err != nil {
		return err
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := users(tx); err != nil {
			return err
		}
		return tx.DeleteImage(id)
	})
}

func (s *Service) withBase(ctx context.Context, i domain.Image) (domain.Image, error) {
	list := []domain.Image{i}
	err := s.withBases(ctx, list)
	return list[0], err
}

// withBases tells of each image what the catalogue knows of its base, but for its packages.
func (s *Service) withBases(ctx context.Context, list []domain.Image) error {
	all, err := s.cfg.Catalogue.List(ctx, "", "")
	if err != nil {
		return err
	}
	for n := range list {
		for _, entry := range all {
			if base := list[n].Spec.Recipe.Base; entry.Name == base.Official && entry.Version == base.Version {
				list[n].Base, list[n].Base.Packages = entry, nil
			}
		}
	}
	return nil
}

func find(tx Tx, owner, region, id string) (domain.Image, error) {
	i, err := tx.Image(id)
	if err == nil && i.Owner != owner {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) && region != "" {
		i, err = tx.ImageByName(owner, region, id)
	}
	if errors.Is(err, store.ErrNotFound) {
		return i, resource.NotFound("image", "id", id)
	}
	return i, err
}
