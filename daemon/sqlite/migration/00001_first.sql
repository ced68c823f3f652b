-- +goose Up
CREATE TABLE request (
	owner      TEXT NOT NULL,
	key        TEXT NOT NULL,
	hash       TEXT NOT NULL,
	subject    TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (owner, key)
) STRICT;

CREATE TABLE workspace (
	id          TEXT PRIMARY KEY,
	owner       TEXT NOT NULL,
	region      TEXT NOT NULL,
	name        TEXT NOT NULL,
	description TEXT NOT NULL,
	generation  INTEGER NOT NULL,
	created_at  INTEGER NOT NULL,
	updated_at  INTEGER NOT NULL,
	UNIQUE (owner, region, name)
) STRICT;

CREATE TABLE network (
	id         TEXT PRIMARY KEY,
	owner      TEXT NOT NULL,
	region     TEXT NOT NULL,
	name       TEXT NOT NULL,
	egress     TEXT NOT NULL,
	allow      TEXT NOT NULL,
	generation INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	UNIQUE (owner, region, name)
) STRICT;

CREATE TABLE resource_group (
	id         TEXT PRIMARY KEY,
	owner      TEXT NOT NULL,
	region     TEXT NOT NULL,
	name       TEXT NOT NULL,
	type       TEXT NOT NULL,
	network_id TEXT NOT NULL REFERENCES network (id),
	cu         REAL NOT NULL,
	time_zone  TEXT NOT NULL,
	status     TEXT NOT NULL,
	generation INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	UNIQUE (owner, region, name)
) STRICT;

CREATE TABLE official_image (
	name       TEXT NOT NULL,
	version    TEXT NOT NULL,
	image_id   TEXT NOT NULL,
	size_bytes INTEGER NOT NULL,
	packages   TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE image (
	id                TEXT PRIMARY KEY,
	owner             TEXT NOT NULL,
	region            TEXT NOT NULL,
	name              TEXT NOT NULL,
	description       TEXT NOT NULL,
	visibility        TEXT NOT NULL,
	task_types        TEXT NOT NULL,
	resource_group_id TEXT NOT NULL REFERENCES resource_group (id),
	test_commands     TEXT NOT NULL,
	test_cu           REAL NOT NULL,
	publish           INTEGER NOT NULL,
	current_version   INTEGER NOT NULL,
	published_version INTEGER NOT NULL,
	generation        INTEGER NOT NULL,
	created_at        INTEGER NOT NULL,
	updated_at        INTEGER NOT NULL,
	UNIQUE (owner, region, name)
) STRICT;

CREATE TABLE image_version (
	image_id   TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
	number     INTEGER NOT NULL,
	input_hash TEXT NOT NULL,
	recipe     TEXT NOT NULL,
	stage      TEXT NOT NULL,
	process_id TEXT NOT NULL,
	packages   TEXT NOT NULL,
	size_bytes INTEGER NOT NULL,
	tested_at  INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (image_id, number)
) STRICT;

CREATE TABLE binding (
	image_id     TEXT NOT NULL REFERENCES image (id),
	workspace_id TEXT NOT NULL REFERENCES workspace (id),
	owner        TEXT NOT NULL,
	created_at   INTEGER NOT NULL,
	PRIMARY KEY (image_id, workspace_id)
) STRICT;

CREATE TABLE build (
	id                TEXT PRIMARY KEY,
	owner             TEXT NOT NULL,
	region            TEXT NOT NULL,
	image_id          TEXT NOT NULL UNIQUE REFERENCES image (id),
	image_version     INTEGER NOT NULL,
	resource_group_id TEXT NOT NULL REFERENCES resource_group (id),
	cu                REAL NOT NULL,
	stage             TEXT NOT NULL,
	baked_version     INTEGER NOT NULL,
	digest            TEXT NOT NULL,
	image_ref         TEXT NOT NULL,
	size_bytes        INTEGER NOT NULL,
	cu_seconds        REAL NOT NULL,
	duration_seconds  REAL NOT NULL,
	process_id        TEXT NOT NULL,
	generation        INTEGER NOT NULL,
	created_at        INTEGER NOT NULL,
	updated_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE artifact (
	owner      TEXT NOT NULL,
	input_hash TEXT NOT NULL,
	digest     TEXT NOT NULL,
	repository TEXT NOT NULL,
	image_id   TEXT NOT NULL,
	size_bytes INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (owner, input_hash)
) STRICT;

-- The queue is this table. sequence gives the order; attempt fences a worker that was given up.
CREATE TABLE process (
	sequence          INTEGER PRIMARY KEY AUTOINCREMENT,
	id                TEXT NOT NULL UNIQUE,
	owner             TEXT NOT NULL,
	region            TEXT NOT NULL,
	kind              TEXT NOT NULL,
	state             TEXT NOT NULL,
	subject           TEXT NOT NULL,
	image_id          TEXT NOT NULL,
	image_version     INTEGER NOT NULL,
	resource_group_id TEXT NOT NULL,
	cu                REAL NOT NULL,
	payload           BLOB NOT NULL,
	attempt           INTEGER NOT NULL,
	step              TEXT NOT NULL,
	problem           TEXT NOT NULL,
	exit_code         INTEGER NOT NULL,
	created_at        INTEGER NOT NULL,
	started_at        INTEGER NOT NULL,
	ended_at          INTEGER NOT NULL
) STRICT;
CREATE INDEX process_active ON process (state, sequence) WHERE state IN ('queued', 'running');
CREATE INDEX process_subject ON process (subject);
