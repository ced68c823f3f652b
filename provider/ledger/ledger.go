// Package ledger is what one provider process has seen of the images of a plan
// or an apply, as far as their number matters. Terraform plans and applies
// resources at once and in any order, and tells nobody when it has told
// everything: so the ledger waits, a little, for what may still come. It knows
// no daemon and no Terraform.
package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/system"
)

// How long nothing may be heard until nothing more is expected.
const (
	gather   = 500 * time.Millisecond // further images that make a hopeless plan worse, to name them together
	settle   = 10 * time.Second       // in a plan: images that are to be deleted
	patience = 30 * time.Second       // in an apply in which nothing else is under way: a deletion
	moment   = 5 * time.Second        // in such an apply: a deletion or a renaming that sets a name free
	stuck    = time.Second            // in an apply in which nothing else can begin, for all that Terraform does at once waits
	retry    = 5 * time.Second        // until the daemon is asked again, for somebody else may have made room
)

// Ledger is safe for concurrent use.
type Ledger struct {
	mu      sync.Mutex
	regions map[string]*book
	changed chan struct{} // closed at the next change
	last    time.Time     // of the changes
	plans   int           // resources whose plans were asked for
	applies bool          // something was written: this is no plan
	writes  int           // writes under way
	waiting int           // those of them that wait for room or a name
	slots   int           // how many of them there can be at once
}

type book struct {
	fates   map[string]quota.Held // by id
	creates map[string]bool       // names
	unnamed int
	judged  bool // a creation is waiting for the verdict, for all
}

// New makes an empty ledger, of a Terraform that does so many things at once.
func New(slots int) *Ledger {
	return &Ledger{regions: map[string]*book{}, changed: make(chan struct{}), slots: max(1, slots)}
}

// book gives the book of a region; the ledger must be locked.
func (l *Ledger) book(region string) *book {
	b, ok := l.regions[region]
	if !ok {
		b = &book{fates: map[string]quota.Held{}, creates: map[string]bool{}}
		l.regions[region] = b
	}
	return b
}

// change changes the book of a region, and wakes up who waits.
func (l *Ledger) change(region string, f func(b *book)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.book(region))
	l.touch()
}

func (l *Ledger) touch() {
	l.last = time.Now()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Plan notes that the plan of a resource, of any type, is asked for.
func (l *Ledger) Plan() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plans++
}

// Applies says whether this may be an apply: Terraform plans each resource again before it creates or changes it, and tells
// nothing of the others. So plans of two resources, and nothing written, are a plan.
func (l *Ledger) Applies() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.applies || l.plans < 2
}

// Manage notes that the state holds an image, unless more is known of it.
func (l *Ledger) Manage(region, id string) {
	l.change(region, func(b *book) {
		if _, ok := b.fates[id]; !ok {
			b.fates[id] = quota.Held{Fate: quota.Managed}
		}
	})
}

// Keep notes that an image is planned to stay, under a name; an empty one is not known yet.
func (l *Ledger) Keep(region, id, name string) {
	l.change(region, func(b *book) { b.fates[id] = quota.Held{Name: name, Fate: quota.Stays} })
}

// Drop notes that an image is planned to be deleted.
func (l *Ledger) Drop(region, id string) {
	l.change(region, func(b *book) { b.fates[id] = quota.Held{Fate: quota.Goes} })
}

// Create notes that an image is planned to be created; an empty name is not known yet.
func (l *Ledger) Create(region, name string) {
	l.change(region, func(b *book) {
		if name == "" {
			b.unnamed++
			return
		}
		b.creates[name] = true
	})
}

// plan puts together what the ledger and the snapshot of a region know; the ledger must be locked.
func (l *Ledger) plan(shot system.Snapshot) quota.Plan {
	b := l.book(shot.Region.Name)
	p := quota.Plan{Edition: shot.Region.Edition, Used: shot.ImagesUsed, Unnamed: b.unnamed}
	for _, i := range shot.Images {
		held := b.fates[i.ID]
		if held.Name == "" {
			held.Name = i.Name
		}
		p.Own = append(p.Own, held)
	}
	for name := range b.creates {
		p.Creates = append(p.Creates, name)
	}
	return p
}

// Judge judges the images of a region after a creation was noted, once nothing more is heard that could change the verdict.
// Of several creations one waits, for all; the others are told that all is well. So is every one in an apply, in which the
// daemon decides.
func (l *Ledger) Judge(ctx context.Context, shot system.Snapshot) (quota.Verdict, problem.List) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.book(shot.Region.Name)
	if b.judged {
		return quota.Fits, nil
	}
	b.judged = true
	defer func() { b.judged = false }()
	for {
		verdict, found := l.plan(shot).Judge()
		if verdict == quota.Fits || l.applies || ctx.Err() != nil {
			return quota.Fits, nil
		}
		left := time.Until(l.last.Add(settle))
		if verdict == quota.Exceeds {
			left = time.Until(l.last.Add(gather))
		}
		if left <= 0 {
			return verdict, found
		}
		l.wait(ctx, left)
	}
}

// Writing notes that something is being written, until the function that it gives is called.
func (l *Ledger) Writing() (done func()) {
	count := func(n int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.applies = true
		l.writes += n
		l.touch()
	}
	count(1)
	return sync.OnceFunc(func() { count(-1) })
}

// crowded says whether a write was refused for what another write of the same apply may put right: by a deletion that makes room, or
// by one, or a renaming, that sets a name free.
func crowded(err error) bool {
	return problem.Has(err, problem.ImageQuotaExceeded) || problem.Has(err, problem.NameConflict)
}

// Room calls a function again as long as it is refused for want of room or of a free name, and another write may still give it: it
// does so after each write that has ended, and now and then. It is for writes that are noted, and gives what the function gave last.
// Hopeless says of a refusal that no such write can come.
func (l *Ledger) Room(ctx context.Context, try func() error, hopeless func(refused error) bool) error {
	err := try()
	if !crowded(err) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting++
	defer func() { l.waiting-- }()
	for crowded(err) && l.mayCome(ctx, err) {
		changed := l.changed
		l.mu.Unlock()
		if hopeless(err) {
			l.mu.Lock()
			return err
		}
		l.mu.Lock()
		if changed == l.changed { // else there is something new already
			l.wait(ctx, min(retry, l.patience(err)))
		}
		l.mu.Unlock()
		err = try()
		l.mu.Lock()
	}
	return err
}

// Hopeless says whether there would be no room for what is to be created even if all was deleted of which it is not known
// that it stays.
func (l *Ledger) Hopeless(shot system.Snapshot) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	verdict, _ := l.plan(shot).Judge()
	return verdict == quota.Exceeds
}

// patience is how long it is waited in vain for what puts a refusal right. The ledger must be locked.
func (l *Ledger) patience(refused error) time.Duration {
	switch {
	case l.waiting >= l.slots:
		return stuck
	case problem.Has(refused, problem.NameConflict):
		return moment
	}
	return patience
}

// mayCome says whether what puts a refusal right may still come: something else is under way, or was a moment ago. Terraform runs
// only so many things at a time, and what is waited for may be waiting for its turn: so those that wait give up one by one, but
// those that wait for names and leave Terraform something to go on with.
func (l *Ledger) mayCome(ctx context.Context, refused error) bool {
	if ctx.Err() != nil {
		return false
	}
	if l.writes > l.waiting || time.Since(l.last) < l.patience(refused) {
		return true
	}
	if l.waiting >= l.slots || !problem.Has(refused, problem.NameConflict) {
		l.touch()
	}
	return false
}

// wait waits for the next change, or so long. The ledger must be locked, and is not while it waits.
func (l *Ledger) wait(ctx context.Context, atMost time.Duration) {
	changed := l.changed
	l.mu.Unlock()
	defer l.mu.Lock()
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}
