package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/kilnhq/kiln/daemon/store"
)

// table maps a type to a table: fields gives the places of its columns, both to read and to write.
type table[T any] struct {
	name    string
	key     []string // the columns that find one row; they stand first in columns
	columns []string
	fields  func(*T) []any
}

func (t table[T]) insert(tx *Tx, row T) error {
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(t.columns)), ", ")
	_, err := tx.exec("INSERT INTO "+t.name+" ("+strings.Join(t.columns, ", ")+") VALUES ("+marks+")", values(t.fields(&row))...)
	return wrap(err, "insert into", t.name)
}

// update writes every column of the row with the same key; store.ErrNotFound when there is none.
func (t table[T]) update(tx *Tx, row T) error {
	args := values(t.fields(&row))
	k := len(t.key)
	n, err := tx.exec("UPDATE "+t.name+" SET "+strings.Join(t.columns[k:], " = ?, ")+" = ? WHERE "+strings.Join(t.key, " = ? AND ")+" = ?",
		append(args[k:], args[:k]...)...)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return wrap(err, "update", t.name)
}

func (t table[T]) delete(tx *Tx, where string, args ...any) error {
	n, err := tx.exec("DELETE FROM "+t.name+" WHERE "+where, args...)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return wrap(err, "delete from", t.name)
}

// one reads the row that a condition finds; store.ErrNotFound when there is none.
func (t table[T]) one(tx *Tx, where string, args ...any) (T, error) {
	var row T
	err := tx.tx.QueryRowContext(tx.ctx, t.query(where), args...).Scan(t.fields(&row)...)
	return row, wrap(translate(err), "read", t.name)
}

// all reads the rows that a condition finds, which may end in ORDER BY and LIMIT.
func (t table[T]) all(tx *Tx, where string, args ...any) (list []T, err error) {
	rows, err := tx.tx.QueryContext(tx.ctx, t.query(where), args...)
	if err != nil {
		return nil, wrap(translate(err), "read", t.name)
	}
	defer func() {
		if closing := rows.Close(); err == nil {
			err = wrap(closing, "read", t.name)
		}
	}()
	for rows.Next() {
		var row T
		if err := rows.Scan(t.fields(&row)...); err != nil {
			return nil, wrap(err, "read", t.name)
		}
		list = append(list, row)
	}
	return list, wrap(rows.Err(), "read", t.name)
}

func (t table[T]) query(where string) string {
	return "SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name + " WHERE " + where
}

func wrap(err error, verb, name string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, name, err)
}

// values reads through the pointers that fields gives.
func values(fields []any) []any {
	args := make([]any, len(fields))
	for i, f := range fields {
		switch f := f.(type) {
		case *string:
			args[i] = *f
		case *int:
			args[i] = *f
		case *int64:
			args[i] = *f
		case *float64:
			args[i] = *f
		case *bool:
			args[i] = *f
		case *[]byte:
			args[i] = append([]byte{}, *f...)
		default:
			args[i] = f // a driver.Valuer
		}
	}
	return args
}

// instant keeps a time as nanoseconds since 1970; the zero time is 0.
type instant struct{ t *time.Time }

// Value implements driver.Valuer.
func (i instant) Value() (driver.Value, error) {
	if i.t.IsZero() {
		return int64(0), nil
	}
	return i.t.UnixNano(), nil
}

// Scan implements sql.Scanner.
func (i instant) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("read time from %T", src)
	}
	*i.t = time.Time{}
	if n != 0 {
		*i.t = time.Unix(0, n).UTC()
	}
	return nil
}

// document keeps a value as JSON; the zero value of a slice, a map or a pointer is null.
type document[T any] struct{ v *T }

// Value implements driver.Valuer.
func (d document[T]) Value() (driver.Value, error) {
	b, err := json.Marshal(*d.v)
	return string(b), err
}

// Scan implements sql.Scanner.
func (d document[T]) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("read document from %T", src)
	}
	return json.Unmarshal([]byte(s), d.v)
}

// word keeps a type that is a string underneath.
type word[T ~string] struct{ v *T }

// Value implements driver.Valuer.
func (w word[T]) Value() (driver.Value, error) { return string(*w.v), nil }

// Scan implements sql.Scanner.
func (w word[T]) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("read word from %T", src)
	}
	*w.v = T(s)
	return nil
}

var (
	_ sql.Scanner   = instant{}
	_ driver.Valuer = instant{}
)
