package build

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
)

// admit checks everything that a build stands on.
func (s *Service) admit(tx Tx, b domain.Build) error {
	region, err := s.cfg.Region(b.Region)
	if err != nil {
		return err
	}
	if err := domain.AdmitEdition(region.Edition).Err(); err != nil {
		return err
	}
	g, err := tx.ResourceGroup(b.ResourceGroupID)
	if errors.Is(err, store.ErrNotFound) || err == nil && g.Owner != b.Owner {
		return resource.NotFound("resource group", "resource_group_id", b.ResourceGroupID)
	}
	if err != nil {
		return err
	}
	if err := g.AdmitRegion("resource_group_id", b.Region).Err(); err != nil {
		return err
	}
	if err := g.Admit("resource_group_id", b.CU).Err(); err != nil {
		return err
	}
	v, err := published(tx, b)
	if err != nil {
		return err
	}
	i, err := tx.Image(b.ImageID)
	if err != nil {
		return err
	}
	i.Spec.Recipe = v.Recipe
	return image.CheckBuild("image_id", i).Err()
}

// published gives the version to bake, which must be published, and as it was then.
func published(tx Tx, b domain.Build) (image.Version, error) {
	v, err := tx.Version(b.ImageID, b.ImageVersion)
	if errors.Is(err, store.ErrNotFound) {
		return v, problem.Problem{
			Code: problem.VersionNotFound, Field: "image_version", Value: fmt.Sprint(b.ImageVersion), Limit: "a version of the image",
			Remedy: "Use the published version, kiln_custom_image.NAME.published_version.",
		}
	}
	if err == nil && !v.Stage.Published() {
		err = problem.Problem{
			Code: problem.ImageNotPublished, Field: "image_version", Value: fmt.Sprint(b.ImageVersion), Limit: "a published version",
			Detail: "the version is in stage " + string(v.Stage), Remedy: "Publish it first: publish = true and a test that succeeds.",
		}
	}
	if err == nil {
		err = v.Intact()
	}
	return v, err
}

// settle does the next thing that a build needs: nothing when its version is baked or being baked, taking over what was
// baked before from the same recipe, or a process that bakes. Lost is the digest of what is not there any more, and can
// therefore serve nobody.
func (s *Service) settle(tx Tx, b domain.Build, lost string) (domain.Build, error) {
	b.Generation, b.UpdatedAt = b.Generation+1, tx.Now()
	active, err := tx.ActiveProcesses(b.ID)
	if err != nil {
		return b, err
	}
	v, err := published(tx, b)
	if err != nil {
		return b, err
	}
	baked := b.Stage == domain.StageBuildSuccess && b.BakedVersion == b.ImageVersion && b.Digest != lost
	if len(active) > 0 || baked {
		return b, tx.UpdateBuild(b)
	}
	if v.Stage, err = image.Next(v.Stage, image.EventBuild); err != nil {
		return b, err
	}
	a, err := tx.Artifact(b.Owner, v.InputHash)
	if err == nil && a.Digest != lost {
		b.CUSeconds, b.DurationSeconds, b.ProcessID = 0, 0, ""
		return s.succeed(tx, b, v, a)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return b, err
	}
	if err := s.reach(tx, b, v); err != nil {
		return b, err
	}
	p := newProcess(tx, b, processdomain.KindBuild, nil)
	p.ResourceGroupID, p.CU = b.ResourceGroupID, b.CU
	b.Stage, b.ProcessID = domain.StageBuilding, p.ID
	if err := tx.InsertProcess(p); err != nil {
		return b, err
	}
	if err := tx.UpdateVersion(v); err != nil {
		return b, err
	}
	return b, tx.UpdateBuild(b)
}

// reach refuses a build on a network that surely keeps the recipe from what it needs. What the base asks by
// itself was judged when the version was tested.
func (s *Service) reach(tx Tx, b domain.Build, v image.Version) error {
	g, err := tx.ResourceGroup(b.ResourceGroupID)
	if err != nil {
		return err
	}
	n, err := tx.Network(g.NetworkID)
	if err != nil {
		return err
	}
	region, err := s.cfg.Region(b.Region)
	if err != nil {
		return err
	}
	return domain.AdmitNetwork(v.Recipe, n, official.Image{}, region.Sources).Err()
}

// supersede queues the removal of what a recipe was baked to before, when it has become something else and nobody serves it.
func supersede(tx Tx, b domain.Build, before, now domain.Artifact) error {
	if before.Digest == "" || before.Digest == now.Digest || before.ImageID == now.ImageID {
		return nil
	}
	builds, err := tx.Builds(b.Owner, "")
	if err != nil || slices.ContainsFunc(builds, func(other domain.Build) bool { return other.Digest == before.Digest }) {
		return err
	}
	return cleanUp(tx, b, []domain.Artifact{before})
}

// succeed makes an artifact what the build serves.
func (s *Service) succeed(tx Tx, b domain.Build, v image.Version, a domain.Artifact) (domain.Build, error) {
	stage, err := image.Next(v.Stage, image.EventBuildOK)
	if err != nil {
		return b, err
	}
	v.Stage = stage
	if err := tx.UpdateVersion(v); err != nil {
		return b, err
	}
	b.Stage, b.BakedVersion, b.Digest, b.SizeBytes = domain.StageBuildSuccess, v.Number, a.Digest, a.SizeBytes
	b.ImageRef = s.cfg.Registry.Reference(a.Repository, a.Digest)
	return b, tx.UpdateBuild(b)
}
