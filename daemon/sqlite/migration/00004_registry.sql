-- +goose Up
-- A registry that images come from. sealed is its password, encrypted with a key that is not in this file.
CREATE TABLE registry (
	id                TEXT PRIMARY KEY,
	owner             TEXT NOT NULL,
	region            TEXT NOT NULL,
	name              TEXT NOT NULL,
	endpoint          TEXT NOT NULL,
	edition           TEXT NOT NULL,
	spec              TEXT NOT NULL,
	network_ids       TEXT NOT NULL,
	ca_cert           TEXT NOT NULL,
	insecure          INTEGER NOT NULL,
	username          TEXT NOT NULL,
	password_version  INTEGER NOT NULL,
	password_file     TEXT NOT NULL,
	password_variable TEXT NOT NULL,
	sealed            BLOB NOT NULL,
	generation        INTEGER NOT NULL,
	created_at        INTEGER NOT NULL,
	updated_at        INTEGER NOT NULL,
	UNIQUE (owner, region, name)
) STRICT;
