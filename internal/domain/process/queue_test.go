package process_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/process"
)

var dawn = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// simulation is a queue whose processes are started as the rule says, one tick apart.
type simulation struct {
	process.Queue
	limits process.Limits
	now    time.Time
}

func newSimulation(workers int) *simulation {
	return &simulation{now: dawn, limits: process.Limits{Workers: workers, Builds: func(string) int { return 2 }}}
}

// add queues n processes of an owner, named by owner, kind, region and number.
func (s *simulation) add(owner string, kind process.Kind, region string, n int) {
	for i := range n {
		s.Active = append(s.Active, process.Process{
			ID: fmt.Sprintf("%s %s %s %d", owner, kind, region, i), Owner: owner, Kind: kind, Region: region, State: process.StateQueued,
		})
	}
}

// start starts the next process and says which; empty: none.
func (s *simulation) start() string {
	next, ok := s.Next(s.limits)
	if !ok {
		return ""
	}
	s.now = s.now.Add(time.Second)
	i := slices.IndexFunc(s.Active, func(p process.Process) bool { return p.ID == next.ID })
	s.Active[i].State = process.StateRunning
	s.Turns = append(s.Turns, process.Turn{Owner: next.Owner, Kind: next.Kind, Region: next.Region, StartedAt: s.now})
	return next.ID
}

// startAll starts what may run now.
func (s *simulation) startAll() (ids []string) {
	for id := s.start(); id != ""; id = s.start() {
		ids = append(ids, id)
	}
	return ids
}

func (s *simulation) end(id string) {
	s.Active = slices.DeleteFunc(s.Active, func(p process.Process) bool { return p.ID == id })
}

// drain ends whatever was started first and starts what may run then, to the end; it gives the order of the starts.
func (s *simulation) drain() []string {
	order := s.startAll()
	for n := 0; n < len(order); n++ {
		s.end(order[n])
		order = append(order, s.startAll()...)
	}
	return order
}

func TestNextLimits(t *testing.T) {
	t.Parallel()
	s := newSimulation(4)
	s.add("a", process.KindBuild, "local", 3)
	s.add("a", process.KindTest, "local", 1)
	s.add("a", process.KindBuild, "east", 3)
	s.add("a", process.KindCatalogue, "local", 1)
	want := []string{"a catalogue local 0", "a build local 0", "a build local 1", "a test local 0", "a build east 0"}
	if diff := cmp.Diff(want, s.startAll()); diff != "" {
		t.Error(diff)
	}
	s.end("a test local 0")
	if diff := cmp.Diff([]string{"a build east 1"}, s.startAll()); diff != "" {
		t.Error(diff)
	}
	s.end("a build east 0") // a worker is free, and so is a place in the east alone
	if diff := cmp.Diff([]string{"a build east 2"}, s.startAll()); diff != "" {
		t.Error(diff)
	}
}

// TestOneOwner checks that what one owner has queued is started in the order in which it was queued.
func TestOneOwner(t *testing.T) {
	t.Parallel()
	s := newSimulation(1)
	s.add("a", process.KindTest, "local", 2)
	s.add("a", process.KindBuild, "local", 2)
	s.add("a", process.KindRun, "east", 2)
	var want []string
	for _, p := range s.Active {
		want = append(want, p.ID)
	}
	if diff := cmp.Diff(want, s.drain()); diff != "" {
		t.Error(diff)
	}
}

// TestTurns checks that fifty queued processes of one owner keep nobody else from a turn, whatever the number of places.
func TestTurns(t *testing.T) {
	t.Parallel()
	for workers := 1; workers <= 4; workers++ {
		for _, kind := range []process.Kind{process.KindBuild, process.KindTest} {
			t.Run(fmt.Sprintf("%d/%s", workers, kind), func(t *testing.T) {
				t.Parallel()
				s := newSimulation(workers)
				s.add("a", kind, "local", 50)
				begun := s.startAll()
				s.add("b", kind, "local", 3)
				s.add("c", kind, "local", 1)
				order := begun
				for n := 0; n < len(order); n++ {
					s.end(order[n])
					order = append(order, s.startAll()...)
				}
				at := func(id string) int { return slices.Index(order, id) - len(begun) }
				if len(order) != 54 || at(fmt.Sprintf("b %s local 0", kind)) != 0 || at(fmt.Sprintf("c %s local 0", kind)) != 1 {
					t.Errorf("the first of b and c are not the next two after %d: %q", len(begun), order[:12])
				}
				if last := at(fmt.Sprintf("b %s local 2", kind)); last > 8 {
					t.Errorf("the third of b is the %dth that is started", last+1)
				}
			})
		}
	}
}

// TestTurnsOfOthers checks that the tests of an owner do not cost him his turn among the builds.
func TestTurnsOfOthers(t *testing.T) {
	t.Parallel()
	s := newSimulation(8)
	s.add("a", process.KindTest, "local", 4)
	s.add("b", process.KindBuild, "local", 50)
	begun := s.startAll()
	s.add("a", process.KindBuild, "local", 1)
	if got := s.startAll(); got != nil {
		t.Fatalf("%q were started beyond the limit", got)
	}
	s.end(begun[slices.Index(begun, "b build local 0")])
	if diff := cmp.Diff([]string{"a build local 0"}, s.startAll()); diff != "" {
		t.Error(diff)
	}
}

// TestPosition checks that positions say who comes next, and that a process gets to its place.
func TestPosition(t *testing.T) {
	t.Parallel()
	s := newSimulation(2)
	s.add("a", process.KindBuild, "local", 4)
	s.add("a", process.KindTest, "local", 1)
	s.startAll()
	s.add("b", process.KindBuild, "local", 2)
	s.add("b", process.KindBuild, "east", 1)
	s.add("b", process.KindRun, "east", 1)
	for id, want := range map[string]int{
		"b build local 0": 1, "b build local 1": 2, "a build local 2": 3, "a build local 3": 4, "b build east 0": 1,
		"a test local 0": 1, "b run east 0": 2, "a build local 0": 0, "gone": 0,
	} {
		p := process.Process{ID: id}
		if i := slices.IndexFunc(s.Active, func(p process.Process) bool { return p.ID == id }); i >= 0 {
			p = s.Active[i]
		}
		if got := s.Position(p); got != want {
			t.Errorf("%s is at %d, want %d", id, got, want)
		}
	}
}

func TestNothingQueued(t *testing.T) {
	t.Parallel()
	if p, ok := (process.Queue{}).Next(process.Limits{Workers: 1}); ok {
		t.Errorf("got %+v", p)
	}
}
