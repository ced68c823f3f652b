package sqlite

import (
	"fmt"
)

// nouns maps what services call a thing to its table.
var nouns = map[string]string{
	"workspace": "workspace", "network": "network", "resource group": "resource_group", "image": "image",
}

// RegionOf gives the region of a thing of that kind and that owner.
func (t *Tx) RegionOf(noun, owner, id string) (string, error) {
	name, ok := nouns[noun]
	if !ok {
		return "", fmt.Errorf("look up %q: no such noun", noun)
	}
	var region string
	err := t.tx.QueryRowContext(t.ctx, "SELECT region FROM "+name+" WHERE id = ? AND owner = ?", id, owner).Scan(&region)
	return region, wrap(translate(err), "look up", noun)
}

// rows gives the services of declared resources what they need of a table.
type rows[T any] struct {
	tx    *Tx
	table table[T]
	users string // the query for who uses what
}

// Insert implements resource.Rows.
func (r rows[T]) Insert(row T) error { return r.table.insert(r.tx, row) }

// Get implements resource.Rows.
func (r rows[T]) Get(id string) (T, error) { return r.table.one(r.tx, "id = ?", id) }

// ByName implements resource.Rows.
func (r rows[T]) ByName(owner, region, name string) (T, error) {
	return r.table.one(r.tx, "owner = ? AND region = ? AND name = ?", owner, region, name)
}

// List implements resource.Rows.
func (r rows[T]) List(owner, region string) ([]T, error) {
	return r.table.all(r.tx, "owner = ?1 AND (region = ?2 OR ?2 = '') ORDER BY region, name", owner, region)
}

// Update implements resource.Rows.
func (r rows[T]) Update(row T) error { return r.table.update(r.tx, row) }

// Delete implements resource.Rows.
func (r rows[T]) Delete(id string) error { return r.table.delete(r.tx, "id = ?", id) }

// Users implements resource.Rows.
func (r rows[T]) Users(id string) ([]string, error) { return r.tx.usedBy(r.users, id) }

// Declared is a transaction as the service of one kind of declared resources sees it.
type Declared[T any] struct {
	*Tx
	rows[T]
}

func (t *Tx) texts(query string, args ...any) (list []string, err error) {
	found, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, translate(err)
	}
	defer func() {
		if closing := found.Close(); err == nil {
			err = closing
		}
	}()
	for found.Next() {
		var text string
		if err := found.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, found.Err()
}
