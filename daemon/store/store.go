// Package store is the form in which services ask for transactions: each
// declares the few methods that it needs, and gets them inside of one.
package store

import (
	"context"
	"errors"
)

// Of runs functions over T, the methods that a service needs, in transactions. Read sees one moment and writes nothing;
// Write has the only write lock and commits when the function returns nil. An error rolls everything back and is returned.
type Of[T any] struct {
	Read  func(ctx context.Context, fn func(T) error) error
	Write func(ctx context.Context, fn func(T) error) error
}

// What a store says about a row, so that services can act on it.
var (
	ErrNotFound   = errors.New("not found")
	ErrConflict   = errors.New("already there")       // a unique key is taken
	ErrReferenced = errors.New("still referenced")    // something else points at the row
	ErrStale      = errors.New("changed by somebody") // the row is not in the state that the write expected
)

// Request is what is remembered of a request with an idempotency key.
type Request struct {
	Hash    string // of its content
	Subject string // id of what it made
}
