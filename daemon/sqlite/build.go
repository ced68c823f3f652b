package sqlite

import "github.com/kilnhq/kiln/internal/domain/build"

var builds = table[build.Build]{
	name: "build", key: []string{"id"},
	columns: []string{
		"id", "owner", "region", "image_id", "image_version", "resource_group_id", "cu", "stage", "baked_version", "digest", "image_ref",
		"size_bytes", "cu_seconds", "duration_seconds", "process_id", "generation", "created_at", "updated_at",
	},
	fields: func(b *build.Build) []any {
		return []any{
			&b.ID, &b.Owner, &b.Region, &b.ImageID, &b.ImageVersion, &b.ResourceGroupID, &b.CU,
			word[build.Stage]{&b.Stage},
			&b.BakedVersion, &b.Digest, &b.ImageRef, &b.SizeBytes, &b.CUSeconds, &b.DurationSeconds, &b.ProcessID, &b.Generation,
			instant{&b.CreatedAt},
			instant{&b.UpdatedAt},
		}
	},
}

var artifacts = table[build.Artifact]{
	name: "artifact", key: []string{"owner", "input_hash"},
	columns: []string{"owner", "input_hash", "digest", "repository", "image_id", "size_bytes", "created_at"},
	fields: func(a *build.Artifact) []any {
		return []any{&a.Owner, &a.InputHash, &a.Digest, &a.Repository, &a.ImageID, &a.SizeBytes, instant{&a.CreatedAt}}
	},
}

// InsertBuild stores a persistent build; store.ErrConflict when its image has one.
func (t *Tx) InsertBuild(b build.Build) error { return builds.insert(t, b) }

// UpdateBuild stores a persistent build that is there.
func (t *Tx) UpdateBuild(b build.Build) error { return builds.update(t, b) }

// DeleteBuild removes a persistent build; its artifact stays.
func (t *Tx) DeleteBuild(id string) error { return builds.delete(t, "id = ?", id) }

// Build finds a persistent build by its id or by that of its image.
func (t *Tx) Build(id string) (build.Build, error) {
	return builds.one(t, "id = ?1 OR image_id = ?1", id)
}

// Builds lists an owner's persistent builds; an empty region is every region.
func (t *Tx) Builds(owner, region string) ([]build.Build, error) {
	return builds.all(t, "owner = ?1 AND (region = ?2 OR ?2 = '') ORDER BY created_at", owner, region)
}

// Artifact finds the result of a baking.
func (t *Tx) Artifact(owner, inputHash string) (build.Artifact, error) {
	return artifacts.one(t, "owner = ? AND input_hash = ?", owner, inputHash)
}

// ArtifactShared says whether an image other than the given one, with a persistent build, has a version with an input hash.
func (t *Tx) ArtifactShared(owner, inputHash, imageID string) (shared bool, err error) {
	err = t.tx.QueryRowContext(t.ctx, "SELECT count(*) > 0 FROM image_version AS v JOIN build AS b ON b.image_id = v.image_id "+
		"WHERE b.owner = ? AND v.input_hash = ? AND v.image_id <> ?", owner, inputHash, imageID).Scan(&shared)
	return shared, wrap(err, "look up", "artifact")
}

// Artifacts lists the results that an owner has.
func (t *Tx) Artifacts(owner string) ([]build.Artifact, error) {
	return artifacts.all(t, "owner = ?", owner)
}

// PutArtifact stores the result of a baking in place of an earlier one.
func (t *Tx) PutArtifact(a build.Artifact) error {
	if err := t.DeleteArtifact(a.Owner, a.InputHash); err != nil {
		return err
	}
	return artifacts.insert(t, a)
}

// DeleteArtifact forgets the result of a baking; that there is none is no error.
func (t *Tx) DeleteArtifact(owner, inputHash string) error {
	_, err := t.exec("DELETE FROM artifact WHERE owner = ? AND input_hash = ?", owner, inputHash)
	return wrap(err, "delete from", "artifact")
}
