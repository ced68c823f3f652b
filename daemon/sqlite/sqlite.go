// Package sqlite keeps everything that the daemon must not lose in one SQLite
// file. It is the only importer of the driver, and knows rows, not rules.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/kilnhq/kiln/daemon/store"
)

//go:embed migration/*.sql
var migrations embed.FS

// Store is an open database: one connection that writes, several that read.
type Store struct {
	writer *sql.DB
	reader *sql.DB
	source string // for connections of other kinds
	clock  func() time.Time
}

// Open opens or creates the database at path, and brings its schema up to date. clock nil is time.Now.
func Open(ctx context.Context, path string, clock func() time.Time) (*Store, error) {
	if clock == nil {
		clock = time.Now
	}
	// Pragmas stand in the DSN so that every connection of the pools has them.
	options := url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_busy_timeout": {"5000"}, "_foreign_keys": {"on"}, "_txlock": {"immediate"},
	}
	source := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	writer, err := sql.Open("sqlite3", source+options.Encode())
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", path, err)
	}
	writer.SetMaxOpenConns(1)
	if err := migrate(ctx, writer); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %q: %w", path, err), writer.Close())
	}
	options.Set("_txlock", "deferred")
	backups := source + options.Encode()
	options.Set("_query_only", "on")
	reader, err := sql.Open("sqlite3", source+options.Encode())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %q for reading: %w", path, err), writer.Close())
	}
	reader.SetMaxOpenConns(8)
	return &Store{writer: writer, reader: reader, source: backups, clock: clock}, nil
}

// Close closes the database.
func (s *Store) Close() error {
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// Read runs fn over one moment of the database.
func (s *Store) Read(ctx context.Context, fn func(*Tx) error) error { return s.run(ctx, s.reader, fn) }

// Write runs fn with the write lock; what it did is on disk when Write returns nil.
func (s *Store) Write(ctx context.Context, fn func(*Tx) error) error { return s.run(ctx, s.writer, fn) }

// Backup writes a consistent copy of the database to a file that must not exist. Writers go on meanwhile.
func (s *Store) Backup(ctx context.Context, path string) error {
	// query_only, which readers have, forbids writing to any file.
	db, err := sql.Open("sqlite3", s.source)
	if err != nil {
		return fmt.Errorf("back up store: %w", err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", path)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("back up store to %q: %w", path, err)
	}
	return nil
}

func (s *Store) run(ctx context.Context, db *sql.DB, fn func(*Tx) error) (err error) {
	sqltx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() {
		if rollback := sqltx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, fmt.Errorf("roll back: %w", rollback))
		}
	}()
	if err := fn(&Tx{ctx: ctx, tx: sqltx, now: s.clock().UTC()}); err != nil {
		return err
	}
	if err := sqltx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Tx is one transaction. It is valid inside of the function that it was given to, and carries that call's context.
type Tx struct {
	ctx context.Context //nolint:containedctx // a Tx does not outlive the call whose context it carries
	tx  *sql.Tx
	now time.Time
}

// Now is the time of the transaction, in UTC.
func (t *Tx) Now() time.Time { return t.now }

func (t *Tx) exec(query string, args ...any) (int64, error) {
	result, err := t.tx.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, translate(err)
	}
	return result.RowsAffected()
}

// translate makes of the driver's errors what services can act on.
func translate(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		switch e.ExtendedCode {
		case sqlite3.ErrConstraintUnique, sqlite3.ErrConstraintPrimaryKey:
			return fmt.Errorf("%w: %w", store.ErrConflict, err)
		case sqlite3.ErrConstraintForeignKey:
			return fmt.Errorf("%w: %w", store.ErrReferenced, err)
		}
	}
	return err
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migration")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > want {
		return fmt.Errorf("schema %d is newer than the newest that this version knows (%d): use a newer kilnd", have, want)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
