package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
)

// Cleaner removes artifacts that nothing needs any more; it implements process.Handler.
type Cleaner struct{ *Service }

// Run removes the artifacts from the registry and from the image store.
func (s Cleaner) Run(ctx context.Context, p processdomain.Process, log *process.Journal) (any, error) {
	var garbage []domain.Artifact
	if err := json.Unmarshal(p.Payload, &garbage); err != nil {
		return nil, fmt.Errorf("read payload of %s: %w", p.ID, err)
	}
	remove := &worker.Remove{}
	for _, a := range garbage {
		serves, err := s.serves(ctx, a)
		if err != nil {
			return nil, err
		}
		if serves {
			log.Remark("%s was baked again meanwhile, and stays", s.cfg.Registry.Reference(a.Repository, a.Digest))
			continue
		}
		log.Remark("removing %s", s.cfg.Registry.Reference(a.Repository, a.Digest))
		if err := s.cfg.Registry.Delete(ctx, a.Repository, a.Digest); err != nil {
			return nil, err
		}
		remove.Images = append(remove.Images, a.ImageID)
	}
	if len(remove.Images) == 0 {
		return nil, nil
	}
	return s.cfg.Worker.Execute(ctx, worker.Job{ID: p.ID, Kind: worker.KindRemove, Remove: remove}, network.EgressNone, log)
}

// serves says whether an artifact that was to go has been baked again since.
func (s Cleaner) serves(ctx context.Context, garbage domain.Artifact) (serves bool, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		now, err := tx.Artifact(garbage.Owner, garbage.InputHash)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		serves = err == nil && (now.Digest == garbage.Digest || now.ImageID == garbage.ImageID)
		return err
	})
	return serves, err
}

// Finish stores the end of the process. What was interrupted is queued again: nobody else knows what it has left.
func (s Cleaner) Finish(ctx context.Context, p processdomain.Process, _ any) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.FinishProcess(p); err != nil || p.Problem == nil || p.Problem.Code != problem.Interrupted {
			return err
		}
		return queueCleanUp(tx, domain.Build{Owner: p.Owner, Region: p.Region, ImageID: p.ImageID, ImageVersion: p.ImageVersion}, p.Payload)
	})
}
