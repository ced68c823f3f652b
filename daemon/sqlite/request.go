package sqlite

import (
	"time"

	"github.com/kilnhq/kiln/daemon/store"
)

type requestRow struct {
	owner, key string
	store.Request
	createdAt time.Time
}

var requests = table[requestRow]{
	name: "request", key: []string{"owner", "key"},
	columns: []string{"owner", "key", "hash", "subject", "created_at"},
	fields: func(r *requestRow) []any {
		return []any{&r.owner, &r.key, &r.Hash, &r.Subject, instant{&r.createdAt}}
	},
}

// Recall finds what was remembered of a request; store.ErrNotFound when nothing was.
func (t *Tx) Recall(owner, key string) (store.Request, error) {
	row, err := requests.one(t, "owner = ? AND key = ?", owner, key)
	return row.Request, err
}

// Remember keeps what a request made, so that it is not done twice.
func (t *Tx) Remember(owner, key string, r store.Request) error {
	return requests.insert(t, requestRow{owner: owner, key: key, Request: r, createdAt: t.now})
}
