package process

import (
	"cmp"
	"slices"
	"time"
)

// Turn says when an owner's latest process of a kind in a region was started.
type Turn struct {
	Owner     string
	Kind      Kind
	Region    string
	StartedAt time.Time
}

// Limits is how much runs at the same time. Processes of KindCatalogue count in neither: others wait for them while they
// hold their place.
type Limits struct {
	Workers int                     // processes in all
	Builds  func(region string) int // persistent builds in a region
}

// Queue is everything that is queued or running, as one moment sees it.
type Queue struct {
	Active []Process // in the order in which they were queued
	Turns  []Turn    // of the owners that have something queued; others may be there too
}

// lane is what waits for the same places: the persistent builds of a region, what makes official images, and all the rest.
type lane struct {
	kind   Kind
	region string
}

func laneOf(kind Kind, region string) lane {
	switch kind {
	case KindBuild:
		return lane{KindBuild, region}
	case KindCatalogue:
		return lane{kind: KindCatalogue}
	case KindTest, KindRun, KindCleanup:
	}
	return lane{}
}

// Next gives the queued process that is to be started now, if the limits let any in. Owners take turns, within what waits for
// the same places and between those: whoever has the least running goes first, among equals who has waited longest for a
// turn, and then who was queued first. So what one owner has queued never keeps another's first from its turn.
func (q Queue) Next(limits Limits) (Process, bool) {
	workers, builds, running := 0, map[string]int{}, map[string]int{}
	for _, p := range q.Active {
		if p.State != StateRunning || p.Kind == KindCatalogue {
			continue
		}
		workers++
		running[p.Owner]++
		if p.Kind == KindBuild {
			builds[p.Region]++
		}
	}
	var first []Process // of each lane that has a place
	seen := map[lane]bool{}
	for _, p := range q.Active {
		l := laneOf(p.Kind, p.Region)
		if p.State != StateQueued || seen[l] {
			continue
		}
		seen[l] = true
		switch {
		case p.Kind == KindCatalogue:
			return p, true
		case workers >= limits.Workers:
		case p.Kind == KindBuild && builds[p.Region] >= limits.Builds(p.Region):
		default:
			first = append(first, q.order(l)[0])
		}
	}
	if len(first) == 0 {
		return Process{}, false
	}
	served := q.served(nil)
	return slices.MinFunc(first, func(a, b Process) int {
		return cmp.Or(cmp.Compare(running[a.Owner], running[b.Owner]), served[a.Owner].Compare(served[b.Owner]))
	}), true
}

// Position is the place of a queued process among those that wait for the same places, from 1; 0 when it is not queued. It
// grows when an owner who has had fewer turns queues something.
func (q Queue) Position(p Process) int {
	return 1 + slices.IndexFunc(q.order(laneOf(p.Kind, p.Region)), func(other Process) bool { return other.ID == p.ID })
}

// order gives what is queued in a lane in the order in which it will be started, as far as one can tell now.
func (q Queue) order(l lane) []Process {
	running, waiting := map[string]int{}, map[string][]Process{}
	var owners []string
	n := 0
	for _, p := range q.Active {
		switch {
		case laneOf(p.Kind, p.Region) != l:
		case p.State == StateRunning:
			running[p.Owner]++
		case p.State == StateQueued:
			if waiting[p.Owner] == nil {
				owners = append(owners, p.Owner)
			}
			waiting[p.Owner] = append(waiting[p.Owner], p)
			n++
		}
	}
	served, list := q.served(&l), make([]Process, 0, n)
	for given := map[string]int{}; len(list) < n; {
		owners = slices.DeleteFunc(owners, func(o string) bool { return len(waiting[o]) == 0 })
		next := slices.MinFunc(owners, func(a, b string) int {
			return cmp.Or(cmp.Compare(running[a], running[b]), cmp.Compare(given[a], given[b]), served[a].Compare(served[b]))
		})
		list = append(list, waiting[next][0])
		waiting[next] = waiting[next][1:]
		running[next]++
		given[next] = len(list)
	}
	return list
}

// served says when each owner had the latest turn in a lane, or in any; never is the zero time.
func (q Queue) served(l *lane) map[string]time.Time {
	latest := map[string]time.Time{}
	for _, t := range q.Turns {
		if (l == nil || laneOf(t.Kind, t.Region) == *l) && t.StartedAt.After(latest[t.Owner]) {
			latest[t.Owner] = t.StartedAt
		}
	}
	return latest
}
