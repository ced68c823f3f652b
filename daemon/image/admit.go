package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/system"
)

// Create stores a new image with version 1 and queues its test. It attaches to an image of that name that has the same
// input hash and was never published.
func (s *Service) Create(ctx context.Context, req CreateRequest) (domain.Image, error) {
	region, err := s.cfg.Region(req.Region)
	if err != nil {
		return domain.Image{}, err
	}
	a, err := s.admit(ctx, region, request{req.Owner, req.Spec, req.ExpectedHash, nil})
	if err != nil {
		return domain.Image{}, err
	}
	content, err := resource.Hash(struct {
		Region string
		Spec   domain.Spec
	}{region.Name, a.spec})
	if err != nil {
		return domain.Image{}, err
	}
	var id string
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		seen, found, err := resource.Replay(tx, req.Owner, req.Key, content)
		if err != nil || found {
			id = seen
			return err
		}
		if id, err = create(tx, req.Owner, region, a); err != nil || req.Key == "" {
			return err
		}
		return tx.Remember(req.Owner, req.Key, store.Request{Hash: content, Subject: id})
	})
	if err != nil {
		return domain.Image{}, err
	}
	s.cfg.Queue.Kick()
	return s.Get(ctx, req.Owner, region.Name, id)
}

// admitted is a specification that passed every check that needs no transaction, with its input hash.
type admitted struct {
	spec domain.Spec
	hash string
	from origin
}

// origin is where packages come from when a recipe does not say it.
type origin struct {
	base      official.Image
	catalogue []official.Image // that it is an entry of
	sources   recipe.Sources
}

func create(tx Tx, owner string, region system.Region, a admitted) (id string, err error) {
	spec := a.spec
	if err := place(tx, owner, region.Name, spec); err != nil {
		return "", err
	}
	there, err := tx.ImageByName(owner, region.Name, spec.Name)
	if err == nil {
		if there.PublishedVersion > 0 || there.InputHash != a.hash {
			return "", resource.NameConflict("image", spec.Name, there.ID)
		}
		return there.ID, change(tx, there, a)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	if err := official.AdmitBase(a.from.catalogue, a.from.base, "").Err(); err != nil {
		return "", err
	}
	used, err := tx.CountImages(region.Name)
	if err != nil {
		return "", err
	}
	if err := quota.CheckImages(region.Edition, used, 1).Err(); err != nil {
		return "", err
	}
	i := domain.Image{
		ID: resource.NewID("img"), Owner: owner, Region: region.Name, Spec: spec, CurrentVersion: 1, Generation: 1,
		CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
	}
	if err := tx.InsertImage(i); err != nil {
		return "", err
	}
	return i.ID, addVersion(tx, i, a.from)
}

// Update changes an image. Another recipe makes a new version and queues its test, or goes back to an earlier version
// that was published with that recipe; the published version serves until the new one is published.
func (s *Service) Update(ctx context.Context, req UpdateRequest) (domain.Image, error) {
	old, err := s.Get(ctx, req.Owner, "", req.ID)
	if err != nil {
		return old, s.readOnly(ctx, req.ID, err)
	}
	region, err := s.cfg.Region(old.Region)
	if err != nil {
		return old, err
	}
	a, err := s.admit(ctx, region, request{req.Owner, req.Spec, req.ExpectedHash, old.Packages})
	if err != nil {
		return old, err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		i, err := find(tx, req.Owner, "", req.ID)
		if err != nil {
			return err
		}
		if err := resource.SameGeneration(req.Generation, i.Generation); err != nil {
			return err
		}
		if err := place(tx, req.Owner, i.Region, a.spec); err != nil {
			return err
		}
		if err := domain.AdmitPublish(i.PublishedVersion, a.spec.Publish).Err(); err != nil {
			return err
		}
		err = change(tx, i, a)
		if errors.Is(err, store.ErrConflict) {
			return nameConflict(tx, i, a.spec.Name)
		}
		return err
	})
	if err != nil {
		return old, err
	}
	s.cfg.Queue.Kick()
	return s.Get(ctx, req.Owner, old.Region, req.ID)
}

func nameConflict(tx Tx, i domain.Image, name string) error {
	there, err := tx.ImageByName(i.Owner, i.Region, name)
	if err != nil {
		return err
	}
	return resource.NameConflict("image", name, there.ID)
}

// busy is the refusal to change an image that something works on.
func busy(tx Tx, i domain.Image) error {
	id := i.ProcessID
	if i.Stage == domain.StageBuilding {
		b, err := tx.Build(i.ID)
		if err != nil {
			return err
		}
		id = b.ProcessID
	}
	return problem.Problem{
		Code: problem.ProcessAlreadyRunning, Field: "stage", Value: string(i.Stage), Limit: "one process an image",
		Detail: "process " + id + " works on version " + fmt.Sprint(i.CurrentVersion),
		Remedy: "Wait until it has ended, or cancel it: kiln cancel " + id,
	}
}

// change brings a stored image to a specification.
func change(tx Tx, i domain.Image, a admitted) error {
	same := i.InputHash == a.hash
	if !same && i.Stage.Running() {
		return busy(tx, i)
	}
	before := i.Spec.Recipe
	i.Spec, i.Generation, i.UpdatedAt = a.spec, i.Generation+1, tx.Now()
	if same {
		i.Spec.Recipe = before
		if err := tx.UpdateImage(i); err != nil {
			return err
		}
		return settle(tx, i, a.from)
	}
	versions, err := tx.Versions(i.ID)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.InputHash == a.hash && domain.AdmitRollback(versions, v.Number) == nil {
			return back(tx, i, v.Number, domain.ActionRevert)
		}
	}
	if err := official.AdmitBase(a.from.catalogue, a.from.base, before.Base.Name()).Err(); err != nil {
		return err
	}
	i.CurrentVersion = versions[len(versions)-1].Number + 1
	if err := tx.UpdateImage(i); err != nil {
		return err
	}
	return addVersion(tx, i, a.from)
}

// addVersion stores the image's current version as a new one, and starts on it.
func addVersion(tx Tx, i domain.Image, from origin) error {
	err := tx.InsertVersion(domain.Version{
		ImageID: i.ID, Number: i.CurrentVersion, InputHash: i.Spec.Recipe.Hash(), Recipe: i.Spec.Recipe, Stage: domain.StageUntest,
		CreatedAt: tx.Now(),
	})
	if err == nil {
		err = record(tx, i, i.CurrentVersion, domain.ActionCreate)
	}
	if err != nil {
		return err
	}
	return settle(tx, i, from)
}

// settle does the next thing that the current version needs: a test, publishing, or nothing.
func settle(tx Tx, i domain.Image, from origin) error {
	v, err := tx.Version(i.ID, i.CurrentVersion)
	if err != nil {
		return err
	}
	switch v.Stage {
	case domain.StageUntest, domain.StageTestFailed:
		return startTest(tx, i, v, from)
	case domain.StageUnpublished, domain.StagePublishFailed:
		if !i.Spec.Publish {
			return nil
		}
		return publish(tx, i, v)
	case domain.StageTesting, domain.StagePublishing, domain.StagePublished, domain.StageBuilding, domain.StageBuildSuccess,
		domain.StageBuildFailed, domain.StageAccelerating, domain.StageAccelerateSuccess, domain.StageAccelerateFailed:
	}
	return nil
}

func startTest(tx Tx, i domain.Image, v domain.Version, from origin) error {
	if err := reach(tx, i, from); err != nil {
		return err
	}
	stage, err := domain.Next(v.Stage, domain.EventTest)
	if err == nil {
		err = v.Intact()
	}
	if err != nil {
		return err
	}
	p, err := newProcess(tx, i, processdomain.KindTest, nil)
	if err != nil {
		return err
	}
	p.ResourceGroupID, p.CU = i.Spec.Test.ResourceGroupID, i.Spec.Test.CU
	if err := tx.InsertProcess(p); err != nil {
		return err
	}
	v.Stage, v.ProcessID = stage, p.ID
	return tx.UpdateVersion(v)
}

// publish freezes a tested version and makes it the one that tasks use. An official base needs nothing copied, so both
// transitions happen in one transaction.
func publish(tx Tx, i domain.Image, v domain.Version) error {
	if err := v.Intact(); err != nil {
		return err
	}
	for _, event := range []domain.Event{domain.EventPublish, domain.EventPublishOK} {
		stage, err := domain.Next(v.Stage, event)
		if err != nil {
			return err
		}
		v.Stage = stage
	}
	if err := tx.UpdateVersion(v); err != nil {
		return err
	}
	if err := record(tx, i, v.Number, domain.ActionPublish); err != nil {
		return err
	}
	i.PublishedVersion, i.Generation, i.UpdatedAt = v.Number, i.Generation+1, tx.Now()
	return tx.UpdateImage(i)
}

// reach refuses a test on a network that surely keeps the recipe from what it needs.
func reach(tx Tx, i domain.Image, from origin) error {
	g, err := tx.ResourceGroup(i.Spec.Test.ResourceGroupID)
	if err != nil {
		return err
	}
	n, err := tx.Network(g.NetworkID)
	if err != nil {
		return err
	}
	return i.Spec.Recipe.Unreachable(n, from.base, from.sources).Err()
}

func newProcess(tx Tx, i domain.Image, kind processdomain.Kind, payload any) (processdomain.Process, error) {
	b, err := json.Marshal(payload)
	if err != nil {
		return processdomain.Process{}, fmt.Errorf("queue %s: %w", kind, err)
	}
	return processdomain.Process{
		ID: resource.NewID("proc"), Owner: i.Owner, Region: i.Region, Kind: kind, State: processdomain.StateQueued, Subject: i.ID,
		ImageID: i.ID, ImageVersion: i.CurrentVersion, Payload: b, CreatedAt: tx.Now(),
	}, nil
}

// request is a specification that wants to be admitted.
type request struct {
	owner    string
	spec     domain.Spec
	expected string             // the input hash that a plan has shown; empty: none has
	resolved []official.Package // what the latest test of the image has found
}

// admit checks a specification with everything that no transaction is needed for, and completes it.
func (s *Service) admit(ctx context.Context, region system.Region, req request) (admitted, error) {
	spec, expected := req.spec, req.expected
	from, found, err := s.settleBase(ctx, req.owner, &spec)
	if err != nil {
		return admitted{}, err
	}
	if region.Pinning == system.PinningEnforce {
		found = append(found, spec.Recipe.Unpinned(lock.Known(req.resolved))...)
	}
	if err := found.Err(); err != nil {
		return admitted{}, err
	}
	spec.Recipe = spec.Recipe.Normalize()
	hash := spec.Recipe.Hash()
	if expected != "" && expected != hash {
		return admitted{}, problem.Problem{
			Code: problem.PlanStale, Field: "input_hash", Value: hash, Limit: expected,
			Detail: "the recipe is not the one that the plan showed", Remedy: "Plan again.",
		}
	}
	missing, err := s.cfg.Files.Missing(ctx, spec.Recipe.Contents())
	if err == nil && len(missing) > 0 {
		err = problem.Problem{
			Code: problem.FileMissing, Field: "files", Value: strings.Join(missing, ", "), Limit: "contents that were uploaded",
			Remedy: "Upload the contents first.",
		}
	}
	if err == nil {
		err = s.checkSize(spec.Recipe)
	}
	from.sources = region.Sources
	return admitted{spec, hash, from}, err
}

// checkSize refuses directories that are too large, now that all of them is there.
func (s *Service) checkSize(r recipe.Recipe) error {
	var total int64
	for _, f := range r.Files {
		for _, n := range f.Tree {
			if n.Link != "" {
				continue
			}
			size, err := s.cfg.Files.Size(n.SHA256)
			if err != nil {
				return err
			}
			total += size
		}
	}
	return recipe.CheckTreeSize("files", total).Err()
}

// place checks that a test may run where it is asked to, and that its image may be pulled for that.
func place(tx Tx, owner, region string, s domain.Spec) error {
	t := s.Test
	g, err := tx.ResourceGroup(t.ResourceGroupID)
	if errors.Is(err, store.ErrNotFound) || err == nil && g.Owner != owner {
		return resource.NotFound("resource group", "test.resource_group_id", t.ResourceGroupID)
	}
	if err != nil {
		return err
	}
	if err := g.AdmitRegion("test.resource_group_id", region).Err(); err != nil {
		return err
	}
	if err := g.Admit("test.resource_group_id", t.CU).Err(); err != nil {
		return err
	}
	if err := upstream(tx, owner, region, s); err != nil {
		return err
	}
	return domain.AdmitVPC("test.resource_group_id", s.Recipe.Base, g).Err()
}
