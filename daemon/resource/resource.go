// Package resource is the service of the plain declared resources: they are
// created, read, updated and deleted, and do nothing by themselves. What
// differs between them is a Kind. It must not know the database.
package resource

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/reference"
	"github.com/kilnhq/kiln/internal/domain/usage"
)

// Meta points at what every declared resource has.
type Meta struct {
	ID, Owner, Region, Name *string
	Generation              *int64
	CreatedAt, UpdatedAt    *time.Time
}

// Reference is another resource that one points at.
type Reference struct {
	Noun  string // as Tx.Exists takes it
	Field string
	ID    string
}

// Kind is what differs between the declared resources.
type Kind[T any] struct {
	Noun       string // as users read it, e.g. resource group
	Prefix     string // of ids
	InUse      problem.Code
	Meta       func(*T) Meta
	Validate   func(T) problem.List
	Fill       func(*T)            // sets what the daemon decides; nil: nothing
	References func(T) []Reference // nil: none
	// Keep takes over into an update what the request does not carry, or refuses; nil: there is nothing such.
	Keep func(row *T, old T) error
}

// Tx is what the service needs of a transaction.
type Tx[T any] interface {
	Now() time.Time
	Recall(owner, key string) (store.Request, error) // store.ErrNotFound: never seen
	Remember(owner, key string, r store.Request) error
	RegionOf(noun, owner, id string) (string, error) // store.ErrNotFound: the owner has no such thing
	Rows[T]
}

// Rows is what the service needs of a table. Errors are those of package store.
type Rows[T any] interface {
	Insert(row T) error
	Get(id string) (T, error)
	ByName(owner, region, name string) (T, error)
	List(owner, region string) ([]T, error) // an empty region is every region
	Update(row T) error
	Delete(id string) error
	Users(id string) ([]string, error) // what uses the row, as users name it
}

// Service creates, reads, updates and deletes resources of one kind.
type Service[T any] struct {
	kind    Kind[T]
	store   store.Of[Tx[T]]
	regions func(name string) (string, error) // gives the default for an empty name, refuses unknown ones
}

// New makes a service.
func New[T any](kind Kind[T], st store.Of[Tx[T]], regions func(string) (string, error)) *Service[T] {
	return &Service[T]{kind: kind, store: st, regions: regions}
}

// Create stores a new resource. The same owner, key and content answers what was made before.
func (s *Service[T]) Create(ctx context.Context, owner, key string, row T) (T, error) {
	m := s.kind.Meta(&row)
	region, err := s.regions(*m.Region)
	if err != nil {
		return row, err
	}
	*m.Owner, *m.Region, *m.ID = owner, region, ""
	*m.Generation, *m.CreatedAt, *m.UpdatedAt = 0, time.Time{}, time.Time{}
	if s.kind.Fill != nil {
		s.kind.Fill(&row)
	}
	if err := s.kind.Validate(row).Err(); err != nil {
		return row, err
	}
	hash, err := Hash(row)
	if err != nil {
		return row, err
	}
	err = s.store.Write(ctx, func(tx Tx[T]) error {
		seen, found, err := Replay(tx, owner, key, hash)
		if err != nil {
			return err
		}
		if found {
			row, err = s.find(tx, owner, "", seen)
			return err
		}
		return s.insert(tx, key, hash, &row)
	})
	return row, err
}

func (s *Service[T]) insert(tx Tx[T], key, hash string, row *T) error {
	m := s.kind.Meta(row)
	if err := s.check(tx, *row); err != nil {
		return err
	}
	*m.ID = NewID(s.kind.Prefix)
	*m.Generation, *m.CreatedAt, *m.UpdatedAt = 1, tx.Now(), tx.Now()
	if err := tx.Insert(*row); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return s.nameConflict(tx, *m.Owner, *m.Region, *m.Name)
		}
		return err
	}
	if key == "" {
		return nil
	}
	return tx.Remember(*m.Owner, key, store.Request{Hash: hash, Subject: *m.ID})
}

// Get finds one of the owner's resources by id, or by name in a region.
func (s *Service[T]) Get(ctx context.Context, owner, region, id string) (row T, err error) {
	region, err = s.regions(region)
	if err != nil {
		return row, err
	}
	err = s.store.Read(ctx, func(tx Tx[T]) error {
		row, err = s.find(tx, owner, region, id)
		return err
	})
	return row, err
}

// List gives the owner's resources, by name.
func (s *Service[T]) List(ctx context.Context, owner, region string) (rows []T, err error) {
	err = s.store.Read(ctx, func(tx Tx[T]) error {
		rows, err = tx.List(owner, region)
		return err
	})
	return rows, err
}

// Update replaces what users may change. A generation other than the stored one is refused; 0 is any.
func (s *Service[T]) Update(ctx context.Context, owner string, row T) (T, error) {
	err := s.store.Write(ctx, func(tx Tx[T]) error {
		m := s.kind.Meta(&row)
		old, err := s.find(tx, owner, "", *m.ID)
		if err != nil {
			return err
		}
		have := s.kind.Meta(&old)
		if err := SameGeneration(*m.Generation, *have.Generation); err != nil {
			return err
		}
		*m.Owner, *m.Region, *m.CreatedAt = *have.Owner, *have.Region, *have.CreatedAt
		*m.Generation, *m.UpdatedAt = *have.Generation+1, tx.Now()
		if s.kind.Fill != nil {
			s.kind.Fill(&row)
		}
		if s.kind.Keep != nil {
			if err := s.kind.Keep(&row, old); err != nil {
				return err
			}
		}
		if err := s.kind.Validate(row).Err(); err != nil {
			return err
		}
		if err := s.check(tx, row); err != nil {
			return err
		}
		err = tx.Update(row)
		if errors.Is(err, store.ErrConflict) {
			return s.nameConflict(tx, *m.Owner, *m.Region, *m.Name)
		}
		return err
	})
	return row, err
}

// Delete removes a resource that nothing uses.
func (s *Service[T]) Delete(ctx context.Context, owner, id string) error {
	return s.store.Write(ctx, func(tx Tx[T]) error {
		row, err := s.find(tx, owner, "", id)
		if err != nil {
			return err
		}
		users, err := tx.Users(id)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return usage.InUse(s.kind.InUse, s.kind.Noun, *s.kind.Meta(&row).Name, users)
		}
		return tx.Delete(id)
	})
}

func (s *Service[T]) find(tx Tx[T], owner, region, id string) (T, error) {
	row, err := tx.Get(id)
	if err == nil && *s.kind.Meta(&row).Owner != owner {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) && region != "" {
		row, err = tx.ByName(owner, region, id)
	}
	if errors.Is(err, store.ErrNotFound) {
		return row, NotFound(s.kind.Noun, "id", id)
	}
	return row, err
}

func (s *Service[T]) check(tx Tx[T], row T) error {
	if s.kind.References == nil {
		return nil
	}
	m := s.kind.Meta(&row)
	var found problem.List
	for _, ref := range s.kind.References(row) {
		region, err := tx.RegionOf(ref.Noun, *m.Owner, ref.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			found = append(found, NotFound(ref.Noun, ref.Field, ref.ID))
		case err != nil:
			return err
		default:
			target := reference.Target{Noun: ref.Noun, ID: ref.ID, Region: region}
			found = append(found, reference.AdmitRegion(ref.Field, target, *m.Region)...)
		}
	}
	return found.Err()
}

func (s *Service[T]) nameConflict(tx Tx[T], owner, region, name string) error {
	row, err := tx.ByName(owner, region, name)
	if err != nil {
		return err
	}
	return NameConflict(s.kind.Noun, name, *s.kind.Meta(&row).ID)
}

// NewID makes an id that sorts by the time of its making.
func NewID(prefix string) string {
	return prefix + "-" + uuid.Must(uuid.NewV7()).String()
}

// Hash is the hash of a request's content.
func Hash(content any) (string, error) {
	b, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("hash request: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Replay finds what an earlier request with the same key made; the same key with another content is refused.
func Replay(tx interface {
	Recall(owner, key string) (store.Request, error)
}, owner, key, hash string,
) (subject string, found bool, err error) {
	if key == "" {
		return "", false, nil
	}
	seen, err := tx.Recall(owner, key)
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	if err == nil && seen.Hash != hash {
		err = problem.Problem{
			Code: problem.IdempotencyConflict, Field: "request_key", Value: key, Limit: "one content for one key",
			Remedy: "Send another request with another key.",
		}
	}
	return seen.Subject, err == nil, err
}

// SameGeneration refuses an update of something that has changed since it was read.
func SameGeneration(read, have int64) error {
	if read == 0 || read == have {
		return nil
	}
	return problem.Problem{
		Code: problem.Conflict, Field: "generation", Value: strconv.FormatInt(read, 10), Limit: strconv.FormatInt(have, 10),
		Detail: "it was changed by someone else since it was read", Remedy: "Read it again: run terraform plan once more.",
	}
}

// NotFound is the refusal of a name or id that is not there.
func NotFound(noun, field, id string) problem.Problem {
	return problem.Problem{
		Code: problem.NotFound, Field: field, Value: id, Limit: "the id or name of something of yours", Detail: "no such " + noun,
		Remedy: "Check the id or name, and that it is yours.",
	}
}

// NameConflict is the refusal of a name that is taken.
func NameConflict(noun, name, id string) problem.Problem {
	return problem.Problem{
		Code: problem.NameConflict, Field: "name", Value: name, Limit: "one " + noun + " of a name",
		Detail: "there is one with that name already: " + id,
		Remedy: "Choose another name, or take over the one that is there: terraform import ADDRESS " + id,
	}
}
