package session

import (
	"context"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Created is what a resource has created: its id, and the attribute by which another resource may ask for the same.
type Created struct{ ID, Field, Value string }

// Attach creates something as AwaitRoom does. The daemon goes on with a creation that was interrupted: meanwhile nothing is deleted, for
// that might be what is gone on with; and what another resource of this apply has created already is refused.
func (s *Session) Attach(ctx context.Context, limit time.Duration, create func() (Created, error)) (time.Duration, error) {
	var refused error
	left, err := s.AwaitRoom(ctx, limit, func() error {
		s.attaching.Lock()
		defer s.attaching.Unlock()
		c, err := create()
		if err == nil {
			refused = s.claim(c) // nothing that another write may put right
		}
		return err
	})
	if err == nil {
		err = refused
	}
	return left, err
}

func (s *Session) claim(c Created) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.created[c.ID] {
		s.created[c.ID] = true
		return nil
	}
	return problem.Problem{
		Code: problem.NameConflict, Field: c.Field, Value: c.Value, Limit: "one resource for one thing",
		Detail: "another resource of this configuration has created the same: " + c.ID, Remedy: "Remove one of the two resources.",
	}
}

// Release calls what deletes an object, unless a creation of this apply has claimed it: then it belongs to another resource by
// now, as when what is replaced is destroyed after its successor was created. It says whether the object was kept for that.
func (s *Session) Release(id string, remove func() error) (kept bool, err error) {
	s.attaching.RLock()
	defer s.attaching.RUnlock()
	s.mu.Lock()
	kept = s.created[id]
	s.mu.Unlock()
	if kept {
		return true, nil
	}
	return false, remove()
}

// Kept is the warning of what was to be deleted and was not.
func Kept(noun, id string) problem.Problem {
	return problem.Problem{
		Code: problem.NameConflict, Field: "id", Value: id, Limit: "one resource for one thing",
		Detail: "the " + noun + " is not deleted: the resource that this apply has created goes on with the same one",
		Remedy: "Nothing is to be done. To get another one, destroy it in one apply, and create it in the next.",
	}
}

// Share is that a plan leaves something to the resource that has it, or that a creation wants it.
type Share struct {
	What         string // unique, as users read it: an id, or what it is of
	Field, Value string // what of the resource names it
	Stays        bool   // the resource has it, and keeps it
}

// share is who wants something in a plan.
type share struct{ stays, wanted bool }

// PlanShare notes who has, or would go on with, something. It refuses the second of two that have or want the same, whichever that
// is: one of them would take it from the other. Leave out the second half of a replacement.
func (s *Session) PlanShare(by Share) problem.List {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.shared[by.What]
	s.shared[by.What] = share{stays: before.stays || by.Stays, wanted: before.wanted || !by.Stays}
	refused := problem.Problem{
		Code: problem.NameConflict, Field: by.Field, Value: by.Value, Limit: "one resource for one thing",
		Detail: "one resource of this state has " + by.What + ", and another one that is to be created would go on with it",
		Remedy: "Remove one of the two resources.",
	}
	if by.Field == "name" {
		refused.Remedy = "Choose another name for one of them."
	}
	switch {
	case before.wanted && !by.Stays:
		refused.Detail = "two resources that are to be created would have " + by.What
	case !before.wanted && (by.Stays || !before.stays):
		return nil
	}
	return problem.List{refused}
}
