package session

import (
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Attaching keeps deletions away while something is created, until the function that it gives is called: a creation goes on with
// what is there, and must not do so with what is about to go. Call Claim before. It waits for the deletions that are under way.
func (s *Session) Attaching() (done func()) {
	s.attaching.Lock()
	return s.attaching.Unlock
}

// Claim refuses what a resource has created when another one of this apply has created the same: the daemon goes on with a
// creation that was interrupted, and cannot see that two resources ask for one thing.
func (s *Session) Claim(id, field, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.created[id] {
		s.created[id] = true
		return nil
	}
	return problem.Problem{
		Code: problem.NameConflict, Field: field, Value: value, Limit: "one resource for one thing",
		Detail: "another resource of this configuration has created the same: " + id, Remedy: "Remove one of the two resources.",
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

// share is who wants an object in a plan.
type share struct{ stays, wanted bool }

// PlanShare notes that a plan leaves an object to the resource that has it, or, when stays is false, that a creation would go on
// with it. It refuses the second of the two, whichever that is: one of them would take the object from the other.
func (s *Session) PlanShare(id, name string, stays bool) problem.List {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.shared[id]
	now.stays, now.wanted = now.stays || stays, now.wanted || !stays
	s.shared[id] = now
	if !now.stays || !now.wanted {
		return nil
	}
	return problem.List{{
		Code: problem.NameConflict, Field: "name", Value: name, Limit: "one resource for one thing",
		Detail: "one resource of this state has " + id + ", and another one that is to be created would go on with it",
		Remedy: "Choose another name for one of them.",
	}}
}
