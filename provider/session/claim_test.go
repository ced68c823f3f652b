package session_test

import (
	"testing"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/session"
)

// TestClaim: what was created belongs to one resource, and is not deleted for another one; what was not is deleted.
func TestClaim(t *testing.T) {
	t.Parallel()
	s := session.New(session.Config{})
	if err := s.Claim("img-1", "name", "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Claim("img-1", "name", "a"); !problem.Has(err, problem.NameConflict) {
		t.Errorf("second claim: %v, want %s", err, problem.NameConflict)
	}
	for id, want := range map[string]bool{"img-1": true, "img-2": false} {
		removed := false
		kept, err := s.Release(id, func() error {
			removed = true
			return nil
		})
		if err != nil || kept != want || removed == want {
			t.Errorf("release %s: kept = %v, removed = %v, %v; want kept = %v", id, kept, removed, err, want)
		}
	}
}

// TestAttaching: a creation waits until the deletion that is under way has ended.
func TestAttaching(t *testing.T) {
	t.Parallel()
	s := session.New(session.Config{})
	begun, created, there := make(chan struct{}), make(chan bool), true
	go func() {
		<-begun
		defer s.Attaching()()
		created <- there
	}()
	if _, err := s.Release("img-1", func() error {
		close(begun)
		there = false
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if <-created {
		t.Error("the creation has found what was about to go")
	}
}
