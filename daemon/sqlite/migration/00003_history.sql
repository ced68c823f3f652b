-- +goose Up
-- What has happened to an image. Rows are never changed; they go with their image.
CREATE TABLE image_history (
	sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
	image_id   TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
	version    INTEGER NOT NULL,
	action     TEXT NOT NULL,
	actor      TEXT NOT NULL,
	created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX image_history_image ON image_history (image_id, sequence);
-- Who has made a version was always the owner of its image.
INSERT INTO image_history (image_id, version, action, actor, created_at)
SELECT image.id, number, 'Create', owner, image_version.created_at FROM image_version JOIN image ON image.id = image_id ORDER BY image_version.created_at;
