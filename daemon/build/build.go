// Package build is the service of persistent builds: a published version is
// baked once into an image of the embedded registry, and served by digest.
package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// Tx is what the service needs of a transaction.
type Tx interface {
	Now() time.Time
	Recall(owner, key string) (store.Request, error)
	Remember(owner, key string, r store.Request) error
	Builds
	Artifacts
	Surroundings
	Processes
}

// Builds is the part of Tx that stores persistent builds.
type Builds interface {
	Build(id string) (domain.Build, error)
	Builds(owner, region string) ([]domain.Build, error)
	InsertBuild(domain.Build) error
	UpdateBuild(domain.Build) error
	DeleteBuild(id string) error
}

// Artifacts is the part of Tx that stores results.
type Artifacts interface {
	Artifact(owner, inputHash string) (domain.Artifact, error)
	PutArtifact(domain.Artifact) error
	DeleteArtifact(owner, inputHash string) error
	ArtifactShared(owner, inputHash, imageID string) (bool, error)
}

// Surroundings is the part of Tx that reads and moves what builds stand on.
type Surroundings interface {
	Network(id string) (network.Network, error)
	ResourceGroup(id string) (resourcegroup.ResourceGroup, error)
	Image(id string) (image.Image, error)
	Version(imageID string, number int) (image.Version, error)
	Versions(imageID string) ([]image.Version, error)
	UpdateVersion(image.Version) error
}

// Processes is the part of Tx that queues work and settles what became of it.
type Processes interface {
	InsertProcess(processdomain.Process) error
	FinishProcess(processdomain.Process) error
	ActiveProcesses(subject string) ([]processdomain.Process, error)
}

// Queue is what the service needs of the process runner.
type Queue interface {
	Kick()
	CancelSubject(ctx context.Context, owner, subject string) error
}

// Worker builds recipes and runs transfers.
type Worker interface {
	Build(ctx context.Context, t job.Task, log *process.Journal) (worker.Result, error)
	Execute(ctx context.Context, j worker.Job, egress network.Egress, log *process.Journal) (worker.Result, error)
}

// Registry is the embedded registry.
type Registry interface {
	// Grant opens the registry to one writer: the address to push to as seen from inside a worker, a password, and how to
	// withdraw it.
	Grant() (address, password string, revoke func())
	// Verify reads a manifest back and checks it and all that it names against their digests.
	Verify(ctx context.Context, repository, digest string) error
	// Check says what became of a manifest and of all that it names; an error when that cannot be told.
	Check(ctx context.Context, repository, digest string) (domain.Presence, error)
	// Mend removes what is stored under a manifest's digest, or under one that it names, and has another content.
	Mend(digest string) error
	// Delete removes a manifest; one that is not there is no error.
	Delete(ctx context.Context, repository, digest string) error
	// Reference is what a client pulls.
	Reference(repository, digest string) string
}

// Catalogue lists the official images.
type Catalogue interface {
	List(ctx context.Context, name string, t tasktype.Type) ([]official.Image, error)
}

// Config is what the service needs.
type Config struct {
	Store     store.Of[Tx]
	Queue     Queue
	Worker    Worker
	Registry  Registry
	Catalogue Catalogue
	Region    func(name string) (system.Region, error)
}

// Service is the service of persistent builds.
type Service struct{ cfg Config }

// New makes the service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Get finds one of the owner's persistent builds by its id or that of its image, and looks for its artifact.
func (s *Service) Get(ctx context.Context, owner, id string) (domain.Build, error) {
	b, err := s.get(ctx, owner, id)
	if err == nil {
		b.Presence, err = s.presence(ctx, b)
	}
	return b, err
}

func (s *Service) get(ctx context.Context, owner, id string) (b domain.Build, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		b, err = find(tx, owner, id)
		return err
	})
	return b, err
}

// List gives the owner's persistent builds, oldest first, and looks for their artifacts; an empty region is every region.
func (s *Service) List(ctx context.Context, owner, region string) (list []domain.Build, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		list, err = tx.Builds(owner, region)
		return err
	})
	for i := range list {
		if err == nil {
			list[i].Presence, err = s.presence(ctx, list[i])
		}
	}
	return list, err
}

// Create bakes a published version. The same build that is under way or has failed is attached to.
func (s *Service) Create(ctx context.Context, req CreateRequest) (domain.Build, error) {
	b := domain.Build{
		Owner: req.Owner, ImageID: req.ImageID, ImageVersion: req.ImageVersion, ResourceGroupID: req.ResourceGroupID, CU: req.CU,
	}
	if err := b.Validate().Err(); err != nil { // before the hash: not every number has one
		return b, err
	}
	content, err := resource.Hash(b)
	if err != nil {
		return b, err
	}
	lost, err := s.lost(ctx, b)
	if err != nil {
		return b, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		seen, found, err := resource.Replay(tx, req.Owner, req.Key, content)
		if err != nil {
			return err
		}
		if found {
			b, err = find(tx, req.Owner, seen)
			return err
		}
		if b, err = s.create(tx, b, lost); err != nil || req.Key == "" {
			return err
		}
		return tx.Remember(req.Owner, req.Key, store.Request{Hash: content, Subject: b.ID})
	})
	s.cfg.Queue.Kick()
	return b, s.readOnly(ctx, req.ImageID, err)
}

// readOnly says why an image is not found that is an official one.
func (s *Service) readOnly(ctx context.Context, imageID string, err error) error {
	if !problem.Has(err, problem.NotFound) {
		return err
	}
	catalogue, failure := s.cfg.Catalogue.List(ctx, "", "")
	if failure != nil {
		return failure
	}
	if entry, ok := official.Find(catalogue, imageID); ok {
		return official.ReadOnly("image_id", entry)
	}
	return err
}

func (s *Service) create(tx Tx, b domain.Build, lost string) (domain.Build, error) {
	there, err := tx.Build(b.ImageID)
	switch {
	case err == nil && there.Owner == b.Owner && there.ImageID == b.ImageID:
		if err := there.AdmitAttach(b.ImageVersion).Err(); err != nil {
			return there, err
		}
		there.ResourceGroupID, there.CU = b.ResourceGroupID, b.CU
		if err := s.admit(tx, there); err != nil {
			return there, err
		}
		return s.settle(tx, there, lost)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return b, err
	}
	i, err := tx.Image(b.ImageID)
	if errors.Is(err, store.ErrNotFound) || err == nil && i.Owner != b.Owner {
		return b, resource.NotFound("image", "image_id", b.ImageID)
	}
	if err != nil {
		return b, err
	}
	b.ID, b.Region, b.Stage, b.CreatedAt = resource.NewID("build"), i.Region, domain.StageBuilding, tx.Now()
	if err := s.admit(tx, b); err != nil {
		return b, err
	}
	if err := tx.InsertBuild(b); err != nil {
		return b, err
	}
	return s.settle(tx, b, lost)
}

// Update asks for another version, resource group or size. Another version is baked; the old digest serves meanwhile.
func (s *Service) Update(ctx context.Context, req UpdateRequest) (b domain.Build, err error) {
	if b, err = s.get(ctx, req.Owner, req.ID); err != nil {
		return b, err
	}
	b.ImageVersion = req.ImageVersion
	lost, err := s.lost(ctx, b)
	if err != nil {
		return b, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		if b, err = find(tx, req.Owner, req.ID); err != nil {
			return err
		}
		if err := resource.SameGeneration(req.Generation, b.Generation); err != nil {
			return err
		}
		if b.Stage == domain.StageBuilding && b.ImageVersion != req.ImageVersion {
			return problem.Problem{
				Code: problem.ProcessAlreadyRunning, Field: "image_version", Value: fmt.Sprint(req.ImageVersion),
				Detail: "process " + b.ProcessID + " is baking version " + fmt.Sprint(b.ImageVersion), Limit: "one process an image",
				Remedy: "Wait until it has ended, or cancel it: kiln cancel " + b.ProcessID,
			}
		}
		b.ImageVersion, b.ResourceGroupID, b.CU = req.ImageVersion, req.ResourceGroupID, req.CU
		if err := b.Validate().Err(); err != nil {
			return err
		}
		if err := s.admit(tx, b); err != nil {
			return err
		}
		b, err = s.settle(tx, b, lost)
		return err
	})
	s.cfg.Queue.Kick()
	return b, err
}

// Delete cancels what is under way, removes a persistent build and queues the removal of what it has baked.
func (s *Service) Delete(ctx context.Context, owner, id string) error {
	b, err := s.get(ctx, owner, id)
	if err != nil {
		return err
	}
	if err := s.cfg.Queue.CancelSubject(ctx, owner, b.ID); err != nil {
		return err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		b, err := find(tx, owner, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteBuild(b.ID); err != nil {
			return err
		}
		return discard(tx, b)
	})
	s.cfg.Queue.Kick()
	return err
}

// discard sets the versions of a deleted build back to Published, and queues the removal of artifacts that nobody shares.
func discard(tx Tx, b domain.Build) error {
	versions, err := tx.Versions(b.ImageID)
	if err != nil {
		return err
	}
	var garbage []domain.Artifact
	for _, v := range versions {
		if stage, refused := image.Next(v.Stage, image.EventUnbuild); refused == nil {
			v.Stage = stage
			if err := tx.UpdateVersion(v); err != nil {
				return err
			}
		}
		a, err := tx.Artifact(b.Owner, v.InputHash)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		shared, err := tx.ArtifactShared(b.Owner, v.InputHash, b.ImageID)
		if err != nil {
			return err
		}
		if shared {
			continue
		}
		if err := tx.DeleteArtifact(b.Owner, v.InputHash); err != nil {
			return err
		}
		garbage = append(garbage, a)
	}
	return cleanUp(tx, b, garbage)
}

// cleanUp queues the removal of artifacts.
func cleanUp(tx Tx, b domain.Build, garbage []domain.Artifact) error {
	if len(garbage) == 0 {
		return nil
	}
	payload, err := json.Marshal(garbage)
	if err != nil {
		return fmt.Errorf("queue cleanup: %w", err)
	}
	return queueCleanUp(tx, b, payload)
}

// queueCleanUp queues a removal. Of the build, which may be gone, only what says whose it was counts.
func queueCleanUp(tx Tx, b domain.Build, payload []byte) error {
	p := newProcess(tx, b, processdomain.KindCleanup, payload)
	p.Subject = resource.NewID("cleanup") // no work on the build, which may be baked meanwhile
	return tx.InsertProcess(p)
}

func newProcess(tx Tx, b domain.Build, kind processdomain.Kind, payload []byte) processdomain.Process {
	return processdomain.Process{
		ID: resource.NewID("proc"), Owner: b.Owner, Region: b.Region, Kind: kind, State: processdomain.StateQueued, Subject: b.ID,
		ImageID: b.ImageID, ImageVersion: b.ImageVersion, Payload: payload, CreatedAt: tx.Now(),
	}
}

func find(tx Tx, owner, id string) (domain.Build, error) {
	b, err := tx.Build(id)
	if errors.Is(err, store.ErrNotFound) || err == nil && b.Owner != owner {
		return b, resource.NotFound("persistent build", "id", id)
	}
	return b, err
}
