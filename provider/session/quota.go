package session

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/ledger"
)

// Ledger is what was seen of the images of the plan, as far as their number matters.
func (s *Session) Ledger() *ledger.Ledger { return s.ledger }

// JudgeImages refuses the sum of the images of a plan, after a creation was noted in the ledger: an error when the plan is not
// going to fit, a warning when that hangs on images that may be deleted.
func (s *Session) JudgeImages(ctx context.Context, shot system.Snapshot, diags *diag.Diagnostics) {
	verdict, found := s.ledger.Judge(ctx, shot)
	if verdict == quota.Unlikely && s.ledger.Applies() {
		verdict = quota.Awaits
	}
	switch verdict {
	case quota.Fits:
	case quota.Awaits:
		explain(found, "there is room only when the same plan deletes images, too")
		diagnostic.AddWarning(diags, "", found.Err())
	case quota.Unlikely:
		explain(found, "no image was seen whose deletion makes room; if the configuration deletes one, plan with a -parallelism above 1")
		diagnostic.AddError(diags, "", found.Err())
	case quota.Exceeds:
		diagnostic.AddError(diags, "", found.Err())
	}
}

func explain(found problem.List, detail string) {
	for i := range found {
		found[i].Detail = detail
	}
}

// Writing ends the use of lists, and drops the snapshot that was read before when the function that it gives is called: call
// that after a write, whether it succeeded or not.
func (s *Session) Writing() (done func()) {
	s.writing.Store(true)
	s.Busy()() // wakes up who waits
	written := s.ledger.Writing()
	return func() {
		s.Wrote()
		written()
	}
}

// AwaitRoom creates or changes something. At the limit of images, and where the name is taken, it waits until the same apply has
// deleted or renamed another one, at most so long. It gives the time that is left.
func (s *Session) AwaitRoom(ctx context.Context, limit time.Duration, write func() error) (time.Duration, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	started, tries := time.Now(), 0
	err := s.ledger.Room(limited, func() error {
		if tries++; tries == 2 {
			tflog.Info(ctx, "wait for room, or for a name to become free")
		}
		return write()
	}, func(refused error) bool {
		if !problem.Has(refused, problem.ImageQuotaExceeded) {
			return false
		}
		shot, err := s.Snapshot(limited)
		return err != nil || s.ledger.Hopeless(shot)
	})
	if tries == 1 {
		return limit, err
	}
	waited := time.Since(started).Round(time.Second)
	return limit - waited, unrelieved(err, waited)
}

// AwaitName is AwaitRoom for what has no timeouts.
func (s *Session) AwaitName(ctx context.Context, write func() error) error {
	_, err := s.AwaitRoom(ctx, DefaultTimeout, write)
	return err
}

// unrelieved adds to a refusal that nothing has put it right for so long.
func unrelieved(err error, waited time.Duration) error {
	found := problem.From(err)
	if len(found) != 1 {
		return err
	}
	switch found[0].Code {
	case problem.ImageQuotaExceeded:
		found[0].Detail = "nothing was deleted in " + waited.String() + " that makes room"
		found[0].Remedy += " If this apply deletes one, apply again."
	case problem.NameConflict:
		found[0].Detail += ", and nothing has set the name free in " + waited.String()
		found[0].Remedy = "If the state itself holds it: remove create_before_destroy, for a replacement needs the name of what it replaces, " +
			"or tell a new address of the same thing in a moved block. If this apply renames or deletes the other one, apply again. Else: " +
			found[0].Remedy
	default:
		return err
	}
	return found
}
