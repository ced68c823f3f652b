package session

import (
	"context"
	"errors"
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
	written := s.ledger.Writing()
	return func() {
		s.Wrote()
		written()
	}
}

// AwaitRoom creates an image, and at the limit waits until the same apply has deleted another one, at most so long. It gives
// the time that is left.
func (s *Session) AwaitRoom(ctx context.Context, limit time.Duration, create func() error) (time.Duration, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	started, tries := time.Now(), 0
	err := s.ledger.Room(limited, func() error {
		if tries++; tries == 2 {
			tflog.Info(ctx, "wait for a deletion to make room")
		}
		return create()
	}, func() bool {
		shot, err := s.Snapshot(limited)
		return err != nil || s.ledger.Hopeless(shot)
	})
	if tries == 1 {
		return limit, err
	}
	waited := time.Since(started).Round(time.Second)
	if p := (problem.Problem{}); errors.As(err, &p) && p.Code == problem.ImageQuotaExceeded {
		p.Detail = "nothing was deleted in " + waited.String() + " that makes room"
		p.Remedy += " If this apply deletes one, apply again."
		err = p
	}
	return limit - waited, err
}
