package sqlite

import (
	"time"

	"github.com/kilnhq/kiln/internal/domain/official"
)

type officialRow struct {
	official.Image
	createdAt time.Time
}

var officialImages = table[officialRow]{
	name: "official_image", key: []string{"name", "version"},
	columns: []string{"name", "version", "image_id", "size_bytes", "packages", "created_at"},
	fields: func(o *officialRow) []any {
		return []any{&o.Name, &o.Version, &o.ImageID, &o.SizeBytes, document[[]official.Package]{&o.Packages}, instant{&o.createdAt}}
	},
}

// PutOfficialImage records that an official image is in the image store.
func (t *Tx) PutOfficialImage(o official.Image) error {
	if err := t.ForgetOfficialImage(o.Name, o.Version); err != nil {
		return err
	}
	return officialImages.insert(t, officialRow{o, t.now})
}

// ForgetOfficialImage records that an official image is not in the image store.
func (t *Tx) ForgetOfficialImage(name, version string) error {
	_, err := t.exec("DELETE FROM official_image WHERE name = ? AND version = ?", name, version)
	return wrap(err, "delete from", "official_image")
}

// OfficialImages lists the official images that are in the image store: name, version, id, size and packages.
func (t *Tx) OfficialImages() ([]official.Image, error) {
	rows, err := officialImages.all(t, "1 ORDER BY name, version")
	list := make([]official.Image, len(rows))
	for i, r := range rows {
		list[i] = r.Image
	}
	return list, err
}
