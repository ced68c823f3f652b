package image

import (
	"context"

	"github.com/kilnhq/kiln/daemon/resource"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Versions gives the versions of one of the owner's images, oldest first, with who has made and published each.
func (s *Service) Versions(ctx context.Context, owner, id string) (list []domain.Version, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		i, err := find(tx, owner, "", id)
		if err != nil {
			return err
		}
		entries, err := tx.History(i.ID)
		if err != nil {
			return err
		}
		list, err = tx.Versions(i.ID)
		list = domain.WithHistory(list, entries)
		return err
	})
	return list, err
}

// History gives what has happened to one of the owner's images, oldest first.
func (s *Service) History(ctx context.Context, owner, id string) (list []domain.Entry, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		i, err := find(tx, owner, "", id)
		if err != nil {
			return err
		}
		list, err = tx.History(i.ID)
		return err
	})
	return list, err
}

// Rollback makes an earlier version that was published the current and the published one, at once: it was tested, and what
// was baked of it serves again.
func (s *Service) Rollback(ctx context.Context, req RollbackRequest) (domain.Image, error) {
	region, err := s.cfg.Region(req.Region)
	if err != nil {
		return domain.Image{}, err
	}
	var id string
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		i, err := find(tx, req.Owner, region.Name, req.ID)
		if err != nil {
			return err
		}
		id = i.ID
		if err := resource.SameGeneration(req.Generation, i.Generation); err != nil {
			return err
		}
		if i.CurrentVersion == req.Version && i.PublishedVersion == req.Version {
			return nil
		}
		if i.Stage.Running() && i.CurrentVersion != req.Version {
			return busy(tx, i)
		}
		versions, err := tx.Versions(i.ID)
		if err == nil {
			err = domain.AdmitRollback(versions, req.Version)
		}
		if err != nil {
			return err
		}
		i.Generation, i.UpdatedAt = i.Generation+1, tx.Now()
		return back(tx, i, req.Version, domain.ActionRollback)
	})
	if err != nil {
		return domain.Image{}, s.readOnly(ctx, req.ID, err)
	}
	return s.Get(ctx, req.Owner, region.Name, id)
}

// back makes a version that was published before the current one.
func back(tx Tx, i domain.Image, version int, why domain.Action) error {
	v, err := tx.Version(i.ID, version)
	if err == nil {
		err = v.Intact()
	}
	if err != nil {
		return err
	}
	spec := i.Spec
	spec.Recipe = v.Recipe
	if err := upstream(tx, i.Owner, i.Region, spec); err != nil {
		return err // its registry may have gone meanwhile
	}
	i.CurrentVersion, i.PublishedVersion = version, version
	if err := tx.UpdateImage(i); err != nil {
		return err
	}
	return record(tx, i, version, why)
}

func record(tx Tx, i domain.Image, version int, what domain.Action) error {
	return tx.InsertEntry(domain.Entry{ImageID: i.ID, Version: version, Action: what, Actor: i.Owner, At: tx.Now()})
}

// readOnly says why an image is not found that is an official one.
func (s *Service) readOnly(ctx context.Context, id string, err error) error {
	if !problem.Has(err, problem.NotFound) {
		return err
	}
	catalogue, failure := s.cfg.Catalogue.List(ctx, "", "")
	if failure != nil {
		return failure
	}
	if entry, ok := official.Find(catalogue, id); ok {
		return official.ReadOnly("id", entry)
	}
	return err
}
