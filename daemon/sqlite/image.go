package sqlite

import (
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// images holds what does not belong to a version.
var images = table[image.Image]{
	name: "image", key: []string{"id"},
	columns: []string{
		"id", "owner", "region", "name", "description", "visibility", "task_types", "resource_group_id", "test_commands", "test_cu",
		"publish", "current_version", "published_version", "generation", "created_at", "updated_at",
	},
	fields: func(i *image.Image) []any {
		s := &i.Spec
		return []any{
			&i.ID, &i.Owner, &i.Region, &s.Name, &s.Description,
			word[image.Visibility]{&s.Visibility},
			document[[]tasktype.Type]{&s.TaskTypes},
			&s.Test.ResourceGroupID,
			document[[]string]{&s.Test.Commands},
			&s.Test.CU,
			&s.Publish, &i.CurrentVersion, &i.PublishedVersion, &i.Generation,
			instant{&i.CreatedAt},
			instant{&i.UpdatedAt},
		}
	},
}

var versions = table[image.Version]{
	name: "image_version", key: []string{"image_id", "number"},
	columns: []string{
		"image_id", "number", "input_hash", "recipe", "stage", "process_id", "packages", "size_bytes", "tested_at", "created_at",
	},
	fields: func(v *image.Version) []any {
		return []any{
			&v.ImageID, &v.Number, &v.InputHash,
			document[recipe.Recipe]{&v.Recipe},
			word[image.Stage]{&v.Stage},
			&v.ProcessID,
			document[[]official.Package]{&v.Packages},
			&v.SizeBytes,
			instant{&v.TestedAt},
			instant{&v.CreatedAt},
		}
	},
}

var history = table[image.Entry]{
	name: "image_history", columns: []string{"image_id", "version", "action", "actor", "created_at"},
	fields: func(e *image.Entry) []any {
		return []any{&e.ImageID, &e.Version, word[image.Action]{&e.Action}, &e.Actor, instant{&e.At}}
	},
}

// InsertImage stores a new image, without its versions.
func (t *Tx) InsertImage(i image.Image) error { return images.insert(t, i) }

// UpdateImage stores what does not belong to a version.
func (t *Tx) UpdateImage(i image.Image) error { return images.update(t, i) }

// DeleteImage removes an image and its versions.
func (t *Tx) DeleteImage(id string) error { return images.delete(t, "id = ?", id) }

// Image finds an image by id, with what its current version says.
func (t *Tx) Image(id string) (image.Image, error) {
	return t.complete(images.one(t, "id = ?", id))
}

// ImageByName finds an owner's image.
func (t *Tx) ImageByName(owner, region, name string) (image.Image, error) {
	return t.complete(images.one(t, "owner = ? AND region = ? AND name = ?", owner, region, name))
}

// Images lists an owner's images by name; an empty region is every region.
func (t *Tx) Images(owner, region string) ([]image.Image, error) {
	list, err := images.all(t, "owner = ?1 AND (region = ?2 OR ?2 = '') ORDER BY region, name", owner, region)
	for i := range list {
		if err == nil {
			list[i], err = t.complete(list[i], nil)
		}
	}
	return list, err
}

// CountImages counts the images of a region, of every owner.
func (t *Tx) CountImages(region string) (n int, err error) {
	err = t.tx.QueryRowContext(t.ctx, "SELECT count(*) FROM image WHERE region = ?", region).Scan(&n)
	return n, wrap(err, "count", "image")
}

// ImageUsers says what uses an image, as users name it.
func (t *Tx) ImageUsers(id string) ([]string, error) {
	return t.usedBy(imageUsers, id)
}

// InsertVersion stores a new version.
func (t *Tx) InsertVersion(v image.Version) error { return versions.insert(t, v) }

// UpdateVersion stores what changes about a version: its stage and what its test found.
func (t *Tx) UpdateVersion(v image.Version) error { return versions.update(t, v) }

// Version finds a version by its number.
func (t *Tx) Version(imageID string, number int) (image.Version, error) {
	return versions.one(t, "image_id = ? AND number = ?", imageID, number)
}

// Versions lists the versions of an image, oldest first.
func (t *Tx) Versions(imageID string) ([]image.Version, error) {
	return versions.all(t, "image_id = ? ORDER BY number", imageID)
}

// InsertEntry adds to the history of an image.
func (t *Tx) InsertEntry(e image.Entry) error { return history.insert(t, e) }

// History lists what has happened to an image, oldest first.
func (t *Tx) History(imageID string) ([]image.Entry, error) {
	return history.all(t, "image_id = ? ORDER BY sequence", imageID)
}

func (t *Tx) complete(i image.Image, err error) (image.Image, error) {
	if err != nil {
		return i, err
	}
	v, err := t.Version(i.ID, i.CurrentVersion)
	if err != nil {
		return i, err
	}
	i.Spec.Recipe, i.Stage, i.InputHash, i.ProcessID = v.Recipe, v.Stage, v.InputHash, v.ProcessID
	i.Packages, i.SizeBytes, i.Containerfile = v.Packages, v.SizeBytes, v.Recipe.Containerfile()
	return i, nil
}
