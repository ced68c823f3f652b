package session

import (
	"context"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
)

// quiet is how long nothing may be read or planned until no more is expected. Terraform comes to the objects of a state in any
// order, and one that is heard of late may be about to leave its name.
const quiet = 3 * time.Second

// holder is where somebody is who has what a plan wants.
type holder int

const (
	elsewhere holder = iota // outside of this state, as far as that can be told
	here                    // in this state: it may be about to go, or to leave its name
	unheard                 // there is nobody left to hear it from
	freed                   // this is an apply, in which the daemon decides
)

// Busy notes that something is read or planned, until the function that it gives is called: what waits to hear more goes on to
// wait meanwhile.
func (s *Session) Busy() (done func()) {
	count := func(n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy += n
		s.touch()
	}
	count(1)
	return func() { count(-1) }
}

// Refreshing is Busy for the reading of something that the state has: only a plan begins with that.
func (s *Session) Refreshing() (done func()) {
	s.refreshed.Store(true)
	return s.Busy()
}

// Plans says whether this is known to be a plan, and not an apply, within which Terraform plans once more what it creates or
// changes.
func (s *Session) Plans() bool {
	return !s.writing.Load() && (s.config.Terraform.Plans || s.refreshed.Load())
}

// Applies says whether this is known to be an apply, in which the daemon decides: something was written, or something that is
// there is changed and nothing of the state was read, as each plan does first, but those with -refresh=false. An empty id is a
// creation.
func (s *Session) Applies(id string) bool {
	return s.writing.Load() || id != "" && !s.Plans()
}

// touch wakes up who waits to hear of others. The session must be locked.
func (s *Session) touch() {
	close(s.heard)
	s.heard = make(chan struct{})
}

// slots is how many things Terraform does at once.
func (s *Session) slots() int { return max(1, s.config.Terraform.Parallelism) }

// holds finds out where an object is that has what a plan wants. It waits to hear of it for as long as others are read or planned.
// Whoever waits keeps Terraform from doing one thing more: so one that would leave it nothing to go on with does not wait.
func (s *Session) holds(ctx context.Context, id string) holder {
	s.mu.Lock()
	s.waiting++
	full := s.waiting >= s.slots()-1 // one more may be waiting for the verdict over the number of images
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiting--
	}()
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		s.mu.Lock()
		held, heard, others := s.managed[id], s.heard, s.busy > s.waiting
		s.mu.Unlock()
		switch {
		case s.writing.Load():
			return freed
		case held:
			return here
		case full || ctx.Err() != nil:
			return unheard
		}
		select {
		case <-heard:
		case <-timer.C:
			if !others && !closed(heard) { // both may have come while this process had to wait
				return elsewhere
			}
		case <-ctx.Done():
		}
		timer.Reset(quiet)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// JudgeHolder adds the refusal of what an object has when that is outside of this state, and a warning when it may be in it or not.
func (s *Session) JudgeHolder(ctx context.Context, id string, refusal problem.Problem, diags *diag.Diagnostics) {
	s.judge(ctx, id, refusal, diags)
}

// JudgeTakeover is JudgeHolder for what a creation would take over without being asked. Within an apply it may be the second half of a
// replacement, and find what its first half has left: as long as nothing says that this is a plan, that is a warning, with those words.
func (s *Session) JudgeTakeover(ctx context.Context, id string, refusal problem.Problem, unclear string, diags *diag.Diagnostics) {
	at := s.holds(ctx, id)
	if at == elsewhere && !s.Plans() { // which it may have heard while it waited
		refusal.Detail += ". " + unclear
		diagnostic.AddWarning(diags, "", refusal)
		return
	}
	tell(at, refusal, diags)
}

func (s *Session) judge(ctx context.Context, id string, refusal problem.Problem, diags *diag.Diagnostics) holder {
	at := s.holds(ctx, id)
	tell(at, refusal, diags)
	return at
}

func tell(at holder, refusal problem.Problem, diags *diag.Diagnostics) {
	switch at {
	case elsewhere:
		diagnostic.AddError(diags, "", refusal)
	case unheard:
		refusal.Detail += ". This succeeds only when the same plan renames or deletes that one, which is not planned yet"
		diagnostic.AddWarning(diags, "", refusal)
	case here, freed:
	}
}

// JudgeTaken is JudgeHolder for a name. What the same plan sets free is waited for in the apply, and Terraform does only so many
// things at once: when as many wait, that is a warning.
func (s *Session) JudgeTaken(ctx context.Context, noun, name, id string, diags *diag.Diagnostics) {
	refusal := Taken(noun, name, id)
	if s.judge(ctx, id, refusal, diags) != here {
		return
	}
	s.mu.Lock()
	s.passed++
	crowd := s.passed == s.slots()
	s.mu.Unlock()
	if crowd {
		refusal.Limit = "-parallelism=" + strconv.Itoa(s.slots())
		refusal.Detail = "as many names as Terraform does things at once change hands: if all wait for names that others have to set free, one fails"
		refusal.Remedy = "Tell new addresses of the same things in moved blocks, set a higher -parallelism, or apply again when one has failed."
		diagnostic.AddWarning(diags, "", refusal)
	}
}
