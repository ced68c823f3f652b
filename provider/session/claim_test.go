package session_test

import (
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/session"
)

// TestClaim: what was created belongs to one resource, and is not deleted for another one; what was not is deleted.
func TestClaim(t *testing.T) {
	t.Parallel()
	s := session.New(session.Config{})
	create := func() (session.Created, error) { return session.Created{ID: "img-1", Field: "name", Value: "a"}, nil }
	if _, err := s.Attach(t.Context(), time.Hour, create); err != nil {
		t.Fatal(err)
	}
	if left, err := s.Attach(t.Context(), time.Hour, create); !problem.Has(err, problem.NameConflict) || left != time.Hour {
		t.Errorf("second creation: %v, %s left, want %s at once", err, left, problem.NameConflict)
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
		_, err := s.Attach(t.Context(), time.Hour, func() (session.Created, error) {
			created <- there
			return session.Created{ID: "img-2"}, nil
		})
		if err != nil {
			t.Error(err)
		}
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
