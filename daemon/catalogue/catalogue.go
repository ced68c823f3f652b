// Package catalogue has the official images: which there are, and how one gets
// into the image store when it is first needed.
package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	domain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// Tx is what the catalogue needs of a transaction.
type Tx interface {
	Now() time.Time
	OfficialImages() ([]official.Image, error)
	PutOfficialImage(official.Image) error
	ForgetOfficialImage(name, version string) error
	ActiveProcesses(subject string) ([]domain.Process, error)
	InsertProcess(domain.Process) error
	FinishProcess(domain.Process) error
}

// Executor runs a worker's job and explains its failure.
type Executor interface {
	Execute(ctx context.Context, j worker.Job, egress network.Egress, log *process.Journal) (worker.Result, error)
}

// Queue is what the catalogue needs of the process runner.
type Queue interface {
	Kick()
	Wait(ctx context.Context, owner, id string) (process.View, error)
}

// Reach resolves HOST:PORT entries into a network that reaches them and nothing else.
type Reach func(ctx context.Context, allow ...string) (worker.Network, []string, error)

// Config is what a catalogue needs.
type Config struct {
	Store   store.Of[Tx]
	Queue   Queue
	Reach   Reach
	Entries []official.Image
	Mirror  string // URL of the Debian mirror that definitions are made from
	RPM     string // URL of the repository that definitions of rpm images are made from; empty: they cannot be
	Cache   string // directory of finished root file systems; empty: none is kept
	Region  string // of the processes that prepare images
}

// Service is the catalogue.
type Service struct {
	cfg      Config
	executor Executor
	mu       sync.Mutex // one decision at a time whether an image is already being made
}

// New makes a catalogue. Use must be called before anything is made.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Use says who runs the jobs.
func (s *Service) Use(e Executor) { s.executor = e }

// List gives the entries with what is known of those that are in the store; empty arguments choose all.
func (s *Service) List(ctx context.Context, name string, t tasktype.Type) ([]official.Image, error) {
	if t != "" {
		if err := tasktype.Validate("task_type", t).Err(); err != nil {
			return nil, err
		}
	}
	all, err := s.entries(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o official.Image) bool {
		return name != "" && o.Name != name || t != "" && !slices.Contains(o.TaskTypes, t)
	}), nil
}

// Prepare makes an image available; it gives the process that does it, or nothing when that is not needed.
func (s *Service) Prepare(ctx context.Context, name, version string) (processID string, err error) {
	all, err := s.entries(ctx)
	if err != nil {
		return "", err
	}
	entry, err := official.Resolve(all, name, version)
	if err != nil || entry.Available {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		there, err := tx.OfficialImages()
		if err != nil || slices.ContainsFunc(there, func(o official.Image) bool { return o.Tag() == entry.Tag() }) {
			return err
		}
		active, err := tx.ActiveProcesses(entry.Tag())
		if err != nil {
			return err
		}
		for _, p := range active { // those that run a command in the image are about it, too
			if p.Kind == domain.KindCatalogue {
				processID = p.ID
				return nil
			}
		}
		processID = resource.NewID("proc")
		payload, err := json.Marshal(payload{Name: entry.Name, Version: entry.Version})
		if err != nil {
			return fmt.Errorf("queue %s: %w", entry.Tag(), err)
		}
		return tx.InsertProcess(domain.Process{
			ID: processID, Owner: domain.Everyone, Region: s.cfg.Region, Kind: domain.KindCatalogue, State: domain.StateQueued,
			Subject: entry.Tag(), Payload: payload, CreatedAt: tx.Now(),
		})
	})
	s.cfg.Queue.Kick()
	return processID, err
}

// Ensure returns once the image is in the store.
func (s *Service) Ensure(
	ctx context.Context, name, version string, remark func(format string, args ...any),
) (official.Image, error) {
	id, err := s.Prepare(ctx, name, version)
	if err != nil {
		return official.Image{}, err
	}
	if id != "" {
		remark("official image %s is not in the store yet; process %s makes it", name, id)
		v, err := s.cfg.Queue.Wait(ctx, domain.Everyone, id)
		if err != nil {
			return official.Image{}, err
		}
		if v.Problem != nil {
			return official.Image{}, *v.Problem
		}
		remark("official image %s is ready", name)
	}
	all, err := s.entries(ctx)
	if err != nil {
		return official.Image{}, err
	}
	return official.Resolve(all, name, version)
}

// Forget says that an image is not in the image store after all.
func (s *Service) Forget(ctx context.Context, name, version string) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.ForgetOfficialImage(name, version) })
}

func (s *Service) entries(ctx context.Context) ([]official.Image, error) {
	all := slices.Clone(s.cfg.Entries)
	err := s.cfg.Store.Read(ctx, func(tx Tx) error {
		stored, err := tx.OfficialImages()
		for _, have := range stored {
			for i := range all {
				if all[i].Name == have.Name && all[i].Version == have.Version {
					all[i].Available, all[i].ImageID, all[i].SizeBytes, all[i].Packages = true, have.ImageID, have.SizeBytes, have.Packages
				}
			}
		}
		return err
	})
	for i, o := range all {
		if o.Definition != nil && o.Definition.RPM && s.cfg.RPM == "" && !o.Available {
			all[i].Status = official.StatusUnavailable
		}
	}
	slices.SortFunc(all, func(a, b official.Image) int {
		return strings.Compare(a.Name+"\x00"+a.Version, b.Name+"\x00"+b.Version)
	})
	return all, err
}
