package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/session"
	"github.com/kilnhq/kiln/provider/terraform"
)

// verdict is what becomes of something that a plan wants and somebody has, and after what time.
type verdict struct {
	after            time.Duration
	errors, warnings int
}

// check asks for a verdict, and compares it. Later, when there is one, is called two seconds after.
func (want verdict) check(t *testing.T, s *session.Session, later func(*session.Session), judge func(*diag.Diagnostics)) {
	t.Helper()
	if later != nil {
		time.AfterFunc(2*time.Second, func() { later(s) })
	}
	var diags diag.Diagnostics
	done, started := s.Busy(), time.Now()
	judge(&diags)
	done()
	if got := (verdict{time.Since(started), diags.ErrorsCount(), diags.WarningsCount()}); got != want {
		t.Errorf("got %+v, want %+v: %v", got, want, diags)
	}
	synctest.Wait()
}

// TestJudgeTakeover: what a creation would take over is refused in a plan, also when that is heard to be one while it waits, and else warned of.
func TestJudgeTakeover(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		plans   bool
		later   func(s *session.Session) // two seconds after it is asked
		verdict verdict
	}{
		"Plan":       {true, nil, verdict{3 * time.Second, 1, 0}},
		"Unclear":    {false, nil, verdict{3 * time.Second, 0, 1}},
		"HeardLater": {false, func(s *session.Session) { s.Refreshing()() }, verdict{5 * time.Second, 1, 0}},
		"Here":       {false, func(s *session.Session) { s.Manage("x") }, verdict{2 * time.Second, 0, 0}},
		"Writes":     {false, func(s *session.Session) { s.Writing()() }, verdict{2 * time.Second, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := session.New(session.Config{Terraform: terraform.Call{Parallelism: 10, Plans: tt.plans}})
				tt.verdict.check(t, s, tt.later, func(diags *diag.Diagnostics) {
					s.JudgeTakeover(t.Context(), "x", problem.Problem{Code: problem.NameConflict}, "It may be its own", diags)
				})
			})
		})
	}
}

// TestJudgeHolder: what a plan wants and somebody has is refused when nothing more is to come, and not when it may be in this state.
func TestJudgeHolder(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		parallelism int
		before      func(s *session.Session)
		later       func(s *session.Session) // two seconds after it is asked
		verdict     verdict
	}{
		"Elsewhere":   {10, nil, nil, verdict{3 * time.Second, 1, 0}},
		"Here":        {10, func(s *session.Session) { s.Manage("x") }, nil, verdict{0, 0, 0}},
		"HeardLater":  {10, nil, func(s *session.Session) { s.Manage("x") }, verdict{2 * time.Second, 0, 0}},
		"OtherHeard":  {10, nil, func(s *session.Session) { s.Manage("y") }, verdict{5 * time.Second, 1, 0}},
		"OtherRead":   {10, nil, func(s *session.Session) { s.Refreshing()() }, verdict{5 * time.Second, 1, 0}},
		"OtherIsRead": {10, nil, func(s *session.Session) { time.AfterFunc(time.Minute, s.Refreshing()) }, verdict{65 * time.Second, 1, 0}},
		"HeardAfterALongRead": {10, func(s *session.Session) {
			done := s.Busy()
			time.AfterFunc(time.Minute, func() { s.Manage("x"); done() })
		}, nil, verdict{time.Minute, 0, 0}},
		"Writes":     {10, nil, func(s *session.Session) { s.Writing()() }, verdict{2 * time.Second, 0, 0}},
		"OneAtATime": {1, nil, nil, verdict{0, 0, 1}},
		"TwoAtOnce":  {2, nil, nil, verdict{0, 0, 1}},
		"Few":        {3, nil, nil, verdict{3 * time.Second, 1, 0}},
		"OneIsHere":  {1, func(s *session.Session) { s.Manage("x") }, nil, verdict{0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := session.New(session.Config{Terraform: terraform.Call{Parallelism: tt.parallelism}})
				if tt.before != nil {
					tt.before(s)
				}
				tt.verdict.check(t, s, tt.later, func(diags *diag.Diagnostics) {
					s.JudgeHolder(t.Context(), "x", problem.Problem{Code: problem.NameConflict}, diags)
				})
			})
		})
	}
}

// TestJudgeHolderMany: those that wait leave Terraform something to go on with, and all that waits is refused.
func TestJudgeHolderMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := session.New(session.Config{Terraform: terraform.Call{Parallelism: 10}})
		found := make(chan diag.Diagnostics, 10)
		for range 10 {
			go func() {
				defer s.Busy()()
				var diags diag.Diagnostics
				s.JudgeHolder(t.Context(), "x", problem.Problem{Code: problem.NameConflict}, &diags)
				found <- diags
			}()
		}
		synctest.Wait()
		if at := len(found); at != 2 {
			t.Errorf("%d of 10 do not wait, want 2", at)
		}
		errors, warnings := 0, 0
		for range 10 {
			diags := <-found
			errors, warnings = errors+diags.ErrorsCount(), warnings+diags.WarningsCount()
		}
		if errors != 8 || warnings != 2 {
			t.Errorf("%d errors and %d warnings, want 8 and 2", errors, warnings)
		}
	})
}

// TestJudgeTakenMany: when as many names change hands as Terraform does things at once, the plan says so, once.
func TestJudgeTakenMany(t *testing.T) {
	t.Parallel()
	s := session.New(session.Config{Terraform: terraform.Call{Parallelism: 3}})
	s.Manage("x")
	for i, want := range []int{0, 0, 1, 0} {
		var diags diag.Diagnostics
		s.JudgeTaken(t.Context(), "workspace", "a", "x", &diags)
		if diags.HasError() || diags.WarningsCount() != want {
			t.Errorf("name %d: %v, want %d warnings", i+1, diags, want)
		}
	}
}

// TestPlans: only what is known to be a plan or an apply is taken for one.
func TestPlans(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		plans   bool // Terraform was told to
		then    func(s *session.Session)
		plan    bool
		create  bool // taken for an apply when something is created
		changes bool // when something is changed
	}{
		"Nothing":      {false, func(*session.Session) {}, false, false, true},
		"Told":         {true, func(*session.Session) {}, true, false, false},
		"Read":         {false, func(s *session.Session) { s.Refreshing()() }, true, false, false},
		"Wrote":        {false, func(s *session.Session) { s.Writing()() }, false, true, true},
		"ReadAndWrote": {false, func(s *session.Session) { s.Refreshing()(); s.Writing()() }, false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := session.New(session.Config{Terraform: terraform.Call{Plans: tt.plans}})
			tt.then(s)
			if s.Plans() != tt.plan || s.Applies("") != tt.create || s.Applies("x") != tt.changes {
				t.Errorf("Plans() = %v, Applies() = %v and %v; want %v, %v and %v", s.Plans(), s.Applies(""), s.Applies("x"), tt.plan, tt.create, tt.changes)
			}
		})
	}
}
