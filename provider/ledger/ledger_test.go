package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/ledger"
)

// full is a region of ten images, so many of which are the caller's own: img-0, img-1, and so on.
func full(own int) system.Snapshot {
	s := system.Snapshot{Region: system.Region{Name: "r", Edition: quota.EditionBasic}, ImagesUsed: 10, ImagesLimit: 10}
	for i := range own {
		s.Images = append(s.Images, system.ImageSummary{ID: fmt.Sprint("img-", i), Name: fmt.Sprint("own", i)})
	}
	return s
}

// judged is what the ledger says of a creation, and after how long.
type judged struct {
	verdict quota.Verdict
	value   string
	after   time.Duration
}

func judge(t *testing.T, l *ledger.Ledger, shot system.Snapshot, name string) judged {
	t.Helper()
	started := time.Now()
	l.Create("r", name)
	verdict, found := l.Judge(t.Context(), shot)
	j := judged{verdict: verdict, after: time.Since(started)}
	if len(found) > 0 {
		j.value = found[0].Value
	}
	return j
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		own    int
		before func(l *ledger.Ledger)
		later  func(l *ledger.Ledger) // three seconds after the creation
		want   judged
	}{
		"Others":     {0, nil, nil, judged{quota.Exceeds, "10 used, 1 planned: new", 500 * time.Millisecond}},
		"Elsewhere":  {1, nil, nil, judged{quota.Unlikely, "10 used, 1 planned: new", 10 * time.Second}},
		"GoneBefore": {1, func(l *ledger.Ledger) { l.Drop("r", "img-0") }, nil, judged{}},
		"GoesLater":  {1, nil, func(l *ledger.Ledger) { l.Drop("r", "img-0") }, judged{after: 3 * time.Second}},
		"ReadThenGoes": {1, func(l *ledger.Ledger) { l.Manage("r", "img-0") }, func(l *ledger.Ledger) {
			l.Drop("r", "img-0")
			l.Manage("r", "img-0")
		}, judged{after: 3 * time.Second}},
		"StaysLater": {1, nil, func(l *ledger.Ledger) { l.Keep("r", "img-0", "own0") }, judged{
			quota.Exceeds, "10 used, 1 planned: new", 3500 * time.Millisecond,
		}},
		"ReadAndNoMore":   {1, nil, func(l *ledger.Ledger) { l.Manage("r", "img-0") }, judged{quota.Awaits, "10 used, 1 planned: new", 13 * time.Second}},
		"Replaced":        {1, func(l *ledger.Ledger) { l.Keep("r", "img-0", "new") }, nil, judged{}},
		"TakesItsPlace":   {1, func(l *ledger.Ledger) { l.Create("r", "own0"); l.Drop("r", "img-0") }, nil, judged{quota.Exceeds, "10 used, 1 planned: new", 500 * time.Millisecond}},
		"OtherRegion":     {1, nil, func(l *ledger.Ledger) { l.Drop("s", "img-0") }, judged{quota.Unlikely, "10 used, 1 planned: new", 13 * time.Second}},
		"AnotherOneLater": {0, nil, func(l *ledger.Ledger) { l.Create("r", "") }, judged{quota.Exceeds, "10 used, 1 planned: new", 500 * time.Millisecond}},
		"Applies":         {0, func(l *ledger.Ledger) { l.Writing()() }, nil, judged{}},
		"AppliesLater":    {1, nil, func(l *ledger.Ledger) { l.Writing() }, judged{after: 3 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := ledger.New(10)
				if tt.before != nil {
					tt.before(l)
				}
				if tt.later != nil {
					time.AfterFunc(3*time.Second, func() { tt.later(l) })
				}
				if got := judge(t, l, full(tt.own), "new"); got != tt.want {
					t.Errorf("got %+v, want %+v", got, tt.want)
				}
			})
		})
	}
}

// TestJudgeTogether: of several creations one speaks for all, and one that comes after the verdict for itself.
func TestJudgeTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := ledger.New(10)
		var all sync.WaitGroup
		results := make(chan judged, 3)
		for _, name := range []string{"a", "b", "c"} {
			all.Go(func() { results <- judge(t, l, full(2), name) })
		}
		all.Wait()
		close(results)
		var refused []judged
		for r := range results {
			if r.verdict != quota.Fits {
				refused = append(refused, r)
			}
		}
		want := judged{quota.Exceeds, "10 used, 3 planned: a, b, c", 500 * time.Millisecond}
		if len(refused) != 1 || refused[0] != want {
			t.Errorf("refused = %+v, want %+v", refused, want)
		}
		want = judged{quota.Exceeds, "10 used, 4 planned: a, b, c, d", 500 * time.Millisecond}
		if got := judge(t, l, full(2), "d"); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestJudgeInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l := ledger.New(10)
		l.Create("r", "new")
		if verdict, found := l.Judge(ctx, full(1)); verdict != quota.Fits || found != nil {
			t.Errorf("verdict = %v, %v", verdict, found)
		}
	})
}

var (
	errFull  = problem.Problem{Code: problem.ImageQuotaExceeded}
	errTaken = problem.Problem{Code: problem.NameConflict}
)

// room is a daemon with room for so many more images, or with so many names that are free.
type room struct {
	refusal error
	mu      sync.Mutex
	free    int
}

func (r *room) add() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free++
}

func (r *room) take() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.free == 0 {
		return r.refusal
	}
	r.free--
	return nil
}

// create creates an image as a resource does, and says after how long it is there.
func (r *room) create(ctx context.Context, l *ledger.Ledger) (after time.Duration, err error) {
	started := time.Now()
	defer l.Writing()()
	err = l.Room(ctx, r.take, func(error) bool { return false })
	return time.Since(started), err
}

func TestRoom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		later   func(l *ledger.Ledger, r *room) // three seconds after the creation
		after   time.Duration
		refused bool
	}{
		"Never":         {nil, 30 * time.Second, true},
		"SomebodyElse":  {func(_ *ledger.Ledger, r *room) { r.add() }, 5 * time.Second, false},
		"DeletedAtOnce": {func(l *ledger.Ledger, r *room) { done := l.Writing(); r.add(); done() }, 3 * time.Second, false},
		"DeletedLater": {func(l *ledger.Ledger, r *room) {
			done := l.Writing()
			time.AfterFunc(10*time.Minute, func() { r.add(); done() })
		}, 10*time.Minute + 3*time.Second, false},
		"DeletionFailed": {func(l *ledger.Ledger, _ *room) { l.Writing()() }, 33 * time.Second, true},
		"NeverEnds":      {func(l *ledger.Ledger, _ *room) { l.Writing() }, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				l, r := ledger.New(10), &room{refusal: errFull}
				if tt.later != nil {
					time.AfterFunc(3*time.Second, func() { tt.later(l, r) })
				}
				after, err := r.create(ctx, l)
				if after != tt.after || problem.Has(err, problem.ImageQuotaExceeded) != tt.refused {
					t.Errorf("after = %s, %v; want %s, refused %v", after, err, tt.after, tt.refused)
				}
			})
		})
	}
}

func TestRoomOther(t *testing.T) {
	t.Parallel()
	l, other := ledger.New(10), errors.New("other")
	never := func(error) bool { return true }
	if err := l.Room(t.Context(), func() error { return other }, never); !errors.Is(err, other) {
		t.Errorf("err = %v, want %v", err, other)
	}
	if err := l.Room(t.Context(), func() error { return errFull }, never); !problem.Has(err, problem.ImageQuotaExceeded) {
		t.Errorf("err = %v, want %v at once", err, errFull)
	}
}

// TestRoomOneByOne: when Terraform does only so many things at a time, those that wait keep deletions from their turn, until
// one gives up.
func TestRoomOneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, r := ledger.New(10), &room{refusal: errFull}
		slots := make(chan struct{}, 10)
		var all sync.WaitGroup
		refused := make(chan error, 10)
		for range 10 {
			slots <- struct{}{}
			all.Go(func() {
				_, err := r.create(t.Context(), l)
				refused <- err
				<-slots
			})
		}
		synctest.Wait()
		for range 10 {
			all.Go(func() {
				slots <- struct{}{}
				defer l.Writing()()
				r.add()
				<-slots
			})
		}
		all.Wait()
		close(refused)
		n := 0
		for err := range refused {
			if err != nil {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d were refused, want 1", n)
		}
	})
}

// TestRoomName: who waits for a name waits for the writes that are under way, a moment longer, and no more when Terraform can do
// nothing else meanwhile.
func TestRoomName(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		slots   int
		later   func(l *ledger.Ledger, r *room) // three seconds after it is asked
		after   time.Duration
		refused bool
	}{
		"Never":       {10, nil, 5 * time.Second, true},
		"SetFree":     {10, func(l *ledger.Ledger, r *room) { done := l.Writing(); r.add(); done() }, 3 * time.Second, false},
		"OtherIsDone": {10, func(l *ledger.Ledger, _ *room) { l.Writing()() }, 8 * time.Second, true},
		"SetFreeLater": {10, func(l *ledger.Ledger, r *room) {
			done := l.Writing()
			time.AfterFunc(time.Minute, func() { r.add(); done() })
		}, 63 * time.Second, false},
		"OneAtATime": {1, nil, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, r := ledger.New(tt.slots), &room{refusal: errTaken}
				if tt.later != nil {
					time.AfterFunc(3*time.Second, func() { tt.later(l, r) })
				}
				after, err := r.create(t.Context(), l)
				if after != tt.after || problem.Has(err, problem.NameConflict) != tt.refused {
					t.Errorf("after = %s, %v; want %s, refused %v", after, err, tt.after, tt.refused)
				}
			})
		})
	}
}

func TestHopeless(t *testing.T) {
	t.Parallel()
	l := ledger.New(10)
	l.Create("r", "new")
	for i := range 3 {
		if l.Hopeless(full(3)) {
			t.Fatalf("%d of 3 images stay, and the others may go", i)
		}
		l.Keep("r", fmt.Sprint("img-", i), "")
	}
	if !l.Hopeless(full(3)) {
		t.Error("all images stay, and there is still hope")
	}
}

func TestApplies(t *testing.T) {
	t.Parallel()
	l := ledger.New(10)
	for plans := range 2 {
		if !l.Applies() {
			t.Errorf("after %d plans this cannot be an apply", plans)
		}
		l.Plan()
	}
	if l.Applies() {
		t.Error("after two plans and no write this is an apply")
	}
	if l.Writing()(); !l.Applies() {
		t.Error("after a write this is no apply")
	}
}
