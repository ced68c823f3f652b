package quota

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Fate is what is known of an image while a plan is being made: Terraform plans everything at once, in any order.
type Fate int

// The fates.
const (
	Unseen  Fate = iota // nobody has asked about it: this plan may delete it, or have nothing to do with it
	Managed             // the state holds it, and its plan is still to come
	Stays               // planned to stay, perhaps under another name
	Goes                // planned to be deleted
)

// Held is an image that is there.
type Held struct {
	Name string // as it will be
	Fate Fate
}

// Plan is what is known of the images of one region while a plan is being made.
type Plan struct {
	Edition Edition
	Used    int      // images in the region, of every owner
	Own     []Held   // those of them that a plan of this caller could delete
	Creates []string // names of images to create; one that is held already takes its place
	Unnamed int      // images to create whose names are not known yet
}

// Verdict says whether a plan fits.
type Verdict int

// The verdicts, from good to bad.
const (
	Fits     Verdict = iota // with what is known
	Awaits                  // fits when images of this state, whose plans are still to come, are deleted
	Unlikely                // fits only when images are deleted of which nothing has been seen
	Exceeds                 // whatever is deleted
)

// Judge judges the sum of a plan: ImageQuotaExceeded unless it fits.
func (p Plan) Judge() (Verdict, problem.List) {
	created := p.created()
	limit := LimitsOf(p.Edition).Images
	if len(created)+p.Unnamed == 0 || p.count(Unseen, Managed, Stays) <= limit {
		return Fits, nil
	}
	verdict := Exceeds
	switch {
	case p.count(Unseen, Stays) <= limit:
		verdict = Awaits
	case p.count(Stays) <= limit:
		verdict = Unlikely
	}
	return verdict, exceeded(p.Edition, p.value(created))
}

// count counts the images that there will be when of the caller's own only those of some fates stay.
func (p Plan) count(staying ...Fate) int {
	names := map[string]bool{}
	for _, h := range p.Own {
		if slices.Contains(staying, h.Fate) {
			names[h.Name] = true
		}
	}
	for _, name := range p.Creates {
		names[name] = true
	}
	return p.Used - len(p.Own) + len(names) + p.Unnamed
}

// created lists the names that are new, sorted.
func (p Plan) created() []string {
	var names []string
	for _, name := range p.Creates {
		if !slices.ContainsFunc(p.Own, func(h Held) bool { return h.Name == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (p Plan) value(created []string) string {
	text := fmt.Sprintf("%d used, ", p.Used)
	deleted := 0
	for _, h := range p.Own {
		if h.Fate == Goes && !slices.Contains(p.Creates, h.Name) {
			deleted++
		}
	}
	if deleted > 0 {
		text += fmt.Sprintf("%d planned to go, ", deleted)
	}
	text += fmt.Sprintf("%d planned", len(created)+p.Unnamed)
	if len(created) > 0 {
		text += ": " + strings.Join(created, ", ")
	}
	return text
}
