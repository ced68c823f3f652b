package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/process"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	db, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// TestPragmas reads the settings back on every connection that a pool can have: what is set by a statement reaches one.
func TestPragmas(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "kiln.db"))
	for _, test := range []struct {
		name        string
		pool        *sql.DB
		connections int
		queryOnly   string
	}{{"writer", db.writer, 1, "0"}, {"reader", db.reader, 8, "1"}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.pool.Stats().MaxOpenConnections; got != test.connections {
				t.Errorf("the pool has up to %d connections, want %d", got, test.connections)
			}
			for n := range test.connections {
				conn, err := test.pool.Conn(t.Context()) // kept, so that the next one is another
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }() // back to the pool
				for pragma, want := range map[string]string{
					"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "query_only": test.queryOnly,
				} {
					var got string
					if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
						t.Errorf("connection %d: %s = %q, %v, want %q", n, pragma, got, err, want)
					}
				}
			}
		})
	}
}

func TestReaderIsReadOnly(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "kiln.db"))
	_, err := db.reader.ExecContext(t.Context(), "DELETE FROM process")
	if e, ok := errors.AsType[sqlite3.Error](err); !ok || e.Code != sqlite3.ErrReadonly {
		t.Errorf("err = %v, want a read-only database", err)
	}
}

// TestWriterLocksAtOnce checks that a write transaction has the lock before it has read anything.
func TestWriterLocksAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kiln.db")
	db := open(t, path)
	other, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=1&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }() // it was only asked
	err = db.Write(t.Context(), func(*Tx) error {
		_, err := other.BeginTx(t.Context(), nil)
		if e, ok := errors.AsType[sqlite3.Error](err); !ok || e.Code != sqlite3.ErrBusy {
			t.Errorf("err = %v, want a busy database", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kiln.db")
	db := open(t, path)
	loose, err := db.reader.QueryContext(t.Context(),
		"SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = loose.Close() }() // it was only read
	for loose.Next() {
		var name string
		if err := loose.Scan(&name); err != nil {
			t.Fatal(err)
		}
		t.Errorf("table %s takes any type in any column", name)
	}
	if err := loose.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kiln.db")
	db := open(t, path)
	if _, err := db.writer.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path, nil)
	if err == nil || !strings.Contains(err.Error(), "schema 99 is newer") {
		t.Errorf("err = %v, want a refusal that names the schema", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	garbage := filepath.Join(t.TempDir(), "kiln.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("this is no database. ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, try := range map[string]func() (*Store, error){
		"no directory":      func() (*Store, error) { return Open(t.Context(), filepath.Join(t.TempDir(), "gone", "kiln.db"), nil) },
		"a directory":       func() (*Store, error) { return Open(t.Context(), t.TempDir(), nil) },
		"garbage":           func() (*Store, error) { return Open(t.Context(), garbage, nil) },
		"ended before that": func() (*Store, error) { return Open(ended, filepath.Join(t.TempDir(), "kiln.db"), nil) },
	} {
		db, err := try()
		if err == nil {
			t.Errorf("%s: it opens", name)
			_ = db.Close()
		} else if !strings.HasPrefix(err.Error(), "open store ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "kiln.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(*Tx) error { return nil }
	if err := db.Read(t.Context(), nothing); err == nil {
		t.Error("a closed store is read")
	}
	if err := db.Write(t.Context(), nothing); err == nil {
		t.Error("a closed store is written")
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "kiln.db"))
	insert := func(id string) {
		t.Helper()
		err := db.Write(t.Context(), func(tx *Tx) error {
			return tx.InsertProcess(process.Process{ID: id, State: process.StateQueued, CreatedAt: time.Unix(1, 0)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	insert("proc-1")
	path := filepath.Join(dir, "it's a backup.db")
	if err := db.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(t.Context(), path); err == nil {
		t.Error("a backup overwrites another")
	}
	insert("proc-2")
	copied := open(t, path)
	err := copied.Read(t.Context(), func(tx *Tx) error {
		if _, err := tx.Process("proc-2"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what came after the backup: %v, want ErrNotFound", err)
		}
		_, err := tx.Process("proc-1")
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRegionOfRefusesOtherNouns(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "kiln.db"))
	err := db.Read(t.Context(), func(tx *Tx) error {
		_, err := tx.RegionOf("sqlite_master", "uid:1", "x")
		return err
	})
	if err == nil {
		t.Error("any table can be asked for")
	}
}
