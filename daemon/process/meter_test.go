package process_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/sqlite"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

// logOf is the file that holds the log of a process.
func (b *bench) logOf(id string) string { return filepath.Join(b.dir, "log", id+".jsonl") }

// metered checks that a process has the meter of its running time, and that this is what is expected, to less than a second.
func metered(t *testing.T, v process.View, want time.Duration) {
	t.Helper()
	ran := v.Duration(v.EndedAt)
	if v.CU != 2 || v.CUSeconds != 2*ran.Seconds() || ran < want || ran >= want+time.Second {
		t.Errorf("%s: %g CU-seconds for %s, want 2 CU for %s", v.State, v.CUSeconds, ran, want)
	}
}

// TestMeter checks for every outcome that what ran is metered, that what waited is not, and that a clock that somebody sets
// changes nothing.
func TestMeter(t *testing.T) {
	t.Parallel()
	const work = 50 * time.Millisecond
	for _, test := range []struct {
		name string
		err  error
		stop func(b *bench) // ends the work, which otherwise ends by itself
		want domain.State
	}{
		{"completed", nil, nil, domain.StateCompleted},
		{"failed", problem.Problem{Code: problem.Unclassified}, nil, domain.StateFailed},
		{"cancelled", nil, func(b *bench) {
			_, err := b.Cancel(b.ctx, owner, "proc-0")
			b.must(err)
		}, domain.StateCancelled},
		{"interrupted", nil, func(b *bench) { b.stop() }, domain.StateFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			begun := make(chan struct{})
			b.run = func(ctx context.Context, _ domain.Process, _ *process.Journal) (any, error) {
				timer := time.NewTimer(work)
				defer timer.Stop()
				<-timer.C
				b.ahead.Add(int64(time.Hour))
				close(begun)
				if test.stop == nil {
					return nil, test.err
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}
			b.queue(domain.Process{ID: "proc-0", CU: 2})
			b.ahead.Add(int64(time.Hour)) // in the queue
			b.start()
			until(b, begun)
			if test.stop != nil {
				v, err := b.Get(b.ctx, owner, "proc-0")
				if err != nil || v.CUSeconds < 2*work.Seconds() || v.CUSeconds > 60 {
					t.Errorf("while it runs: %g CU-seconds, %v", v.CUSeconds, err)
				}
				test.stop(b)
			}
			v := b.wait("proc-0")
			if v.State != test.want || v.StartedAt.Sub(v.CreatedAt) < time.Hour {
				t.Errorf("got %+v", v)
			}
			metered(t, v, work)
			text, err := os.ReadFile(b.logOf("proc-0"))
			if err != nil || !strings.Contains(string(text), "waited 1h0m0s in the queue") {
				t.Errorf("the log is %s, %v", text, err)
			}
		})
	}
}

func TestMeterNeverRan(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.queue(domain.Process{ID: "proc-0", CU: 2})
	v, err := b.Cancel(b.ctx, owner, "proc-0")
	b.must(err)
	if v.State != domain.StateCancelled || v.CUSeconds != 0 || !v.StartedAt.IsZero() {
		t.Errorf("got %+v", v)
	}
}

// TestMeterKilled checks that what a killed daemon was working on is charged until it was last seen running, and not for the
// time in which no daemon ran.
func TestMeterKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	killed := openBench(t, dir)
	begun, hang := make(chan struct{}), make(chan struct{})
	killed.run = func(context.Context, domain.Process, *process.Journal) (any, error) {
		close(begun)
		<-hang // silently
		return nil, nil
	}
	killed.queue(domain.Process{ID: "proc-0", CU: 2})
	killed.start()
	until(killed, begun)
	before, err := killed.Get(killed.ctx, owner, "proc-0")
	killed.must(err)
	seen := before.StartedAt
	for tick := time.NewTicker(50 * time.Millisecond); seen.Sub(before.StartedAt) < time.Second; <-tick.C {
		info, err := os.Stat(killed.logOf("proc-0"))
		killed.must(err)
		seen = info.ModTime()
	}

	b := openBench(t, dir)
	b.ahead.Add(int64(time.Hour))
	b.must(b.Recover(b.ctx))
	v := b.wait("proc-0")
	if v.Problem == nil || v.Problem.Code != problem.Interrupted {
		t.Errorf("got %+v", v)
	}
	if ran := v.Duration(v.EndedAt); ran < time.Second || ran > time.Minute || v.CUSeconds != 2*ran.Seconds() {
		t.Errorf("%g CU-seconds for %s", v.CUSeconds, ran)
	}
	close(hang)
	killed.stop()
}

// TestMeterOfLog checks exactly when a meter ends whose process nobody runs any more.
func TestMeterOfLog(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		seen  time.Duration // after the start: when the log was written last; 0: there is no log
		ahead time.Duration // after the start: what the clock says now
		want  time.Duration
	}{
		{"seen", 7 * time.Second, time.Hour, 7 * time.Second},
		{"never seen", 0, time.Hour, 0},
		{"a log from before", -time.Minute, time.Hour, 0},
		{"the clock was set back", 3 * time.Hour, time.Hour, time.Hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.queue(domain.Process{ID: "proc-0", CU: 2})
			var claimed domain.Process
			b.must(b.db.Write(b.ctx, func(tx *sqlite.Tx) (err error) {
				claimed, err = tx.ClaimProcess("proc-0")
				return err
			}))
			if test.seen != 0 {
				b.must(errors.Join(os.MkdirAll(filepath.Dir(b.logOf("x")), 0o700), os.WriteFile(b.logOf("proc-0"), nil, 0o600)))
				at := claimed.StartedAt.Add(test.seen)
				b.must(os.Chtimes(b.logOf("proc-0"), at, at))
			}
			b.ahead.Store(int64(test.ahead))
			b.must(b.Recover(b.ctx))
			metered(t, b.wait("proc-0"), test.want)
		})
	}
}
