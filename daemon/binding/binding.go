// Package binding is the service of bindings: which workspaces may use an image.
package binding

import (
	"context"
	"errors"
	"time"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	domain "github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/reference"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// Tx is what the service needs of a transaction.
type Tx interface {
	Now() time.Time
	Image(id string) (image.Image, error)
	ImageByName(owner, region, name string) (image.Image, error)
	Workspace(owner, region, id string) (workspace.Workspace, error) // by id, or by name in a region
	InsertBinding(domain.Binding) error
	Binding(imageID, workspaceID string) (domain.Binding, error)
	Bindings(owner, imageID, workspaceID string) ([]domain.Binding, error)
	DeleteBinding(imageID, workspaceID string) error
}

// Service is the service of bindings.
type Service struct {
	store  store.Of[Tx]
	region string // in which names are looked up
}

// New makes the service; names are looked up in the given region.
func New(st store.Of[Tx], region string) *Service { return &Service{store: st, region: region} }

// Create binds a published image to a workspace; that it is bound already is no error.
func (s *Service) Create(ctx context.Context, owner, imageID, workspaceID string) (b domain.Binding, err error) {
	err = s.store.Write(ctx, func(tx Tx) error {
		i, w, err := s.ends(tx, owner, imageID, workspaceID)
		if err != nil {
			return err
		}
		if i.PublishedVersion == 0 {
			return problem.Problem{
				Code: problem.ImageNotPublished, Field: "image_id", Value: i.Spec.Name, Limit: "stage Published",
				Detail: "the image is in stage " + string(i.Stage), Remedy: "Publish it first: publish = true and a test that succeeds.",
			}
		}
		if err := reference.AdmitRegion("workspace_id", reference.Target{Noun: "workspace", ID: w.ID, Region: w.Region}, i.Region).Err(); err != nil {
			return err
		}
		b = domain.Binding{ImageID: i.ID, WorkspaceID: w.ID, Owner: owner, CreatedAt: tx.Now()}
		err = tx.InsertBinding(b)
		if errors.Is(err, store.ErrConflict) {
			b, err = tx.Binding(i.ID, w.ID)
		}
		return err
	})
	return b, err
}

// Get finds a binding; each side is an id or a name.
func (s *Service) Get(ctx context.Context, owner, imageID, workspaceID string) (b domain.Binding, err error) {
	err = s.store.Read(ctx, func(tx Tx) error {
		i, w, err := s.ends(tx, owner, imageID, workspaceID)
		if err != nil {
			return err
		}
		b, err = tx.Binding(i.ID, w.ID)
		if errors.Is(err, store.ErrNotFound) {
			err = resource.NotFound("binding", "id", imageID+"/"+workspaceID)
		}
		return err
	})
	return b, err
}

// List gives the owner's bindings; an empty id is every image or workspace.
func (s *Service) List(ctx context.Context, owner, imageID, workspaceID string) (list []domain.Binding, err error) {
	err = s.store.Read(ctx, func(tx Tx) error {
		list, err = tx.Bindings(owner, imageID, workspaceID)
		return err
	})
	return list, err
}

// Delete unbinds an image.
func (s *Service) Delete(ctx context.Context, owner, imageID, workspaceID string) error {
	return s.store.Write(ctx, func(tx Tx) error {
		i, w, err := s.ends(tx, owner, imageID, workspaceID)
		if err != nil {
			return err
		}
		err = tx.DeleteBinding(i.ID, w.ID)
		if errors.Is(err, store.ErrNotFound) {
			err = resource.NotFound("binding", "id", imageID+"/"+workspaceID)
		}
		return err
	})
}

func (s *Service) ends(tx Tx, owner, imageID, workspaceID string) (image.Image, workspace.Workspace, error) {
	i, err := tx.Image(imageID)
	if err == nil && i.Owner != owner {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		i, err = tx.ImageByName(owner, s.region, imageID)
	}
	if errors.Is(err, store.ErrNotFound) {
		return i, workspace.Workspace{}, resource.NotFound("image", "image_id", imageID)
	}
	if err != nil {
		return i, workspace.Workspace{}, err
	}
	w, err := tx.Workspace(owner, s.region, workspaceID)
	if errors.Is(err, store.ErrNotFound) {
		err = problem.Problem{
			Code: problem.WorkspaceNotFound, Field: "workspace_id", Value: workspaceID, Limit: "the id or name of a workspace of yours",
			Detail: "no such workspace", Remedy: "Check the id or name, and that it is yours.",
		}
	}
	return i, w, err
}
