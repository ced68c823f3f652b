package quota_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
)

// held makes as many images as there are fates, named a, b, c and so on.
func held(fates ...quota.Fate) []quota.Held {
	list := make([]quota.Held, len(fates))
	for i, f := range fates {
		list[i] = quota.Held{Name: fmt.Sprint("own", i), Fate: f}
	}
	return list
}

func TestPlan(t *testing.T) {
	t.Parallel()
	const unseen, managed, stays, goes = quota.Unseen, quota.Managed, quota.Stays, quota.Goes
	for name, tt := range map[string]struct {
		used    int
		own     []quota.Held
		creates []string
		unnamed int
		want    quota.Verdict
		value   string
	}{
		"Nothing":            {used: 11, want: quota.Fits},
		"Empty":              {creates: []string{"a"}, want: quota.Fits},
		"LastOne":            {used: 9, creates: []string{"a"}, want: quota.Fits},
		"OneTooMany":         {used: 10, creates: []string{"a"}, want: quota.Exceeds, value: "10 used, 1 planned: a"},
		"ThreeAboveNine":     {used: 9, creates: []string{"c", "a", "b"}, want: quota.Exceeds, value: "9 used, 3 planned: a, b, c"},
		"UnnamedCounts":      {used: 9, creates: []string{"a"}, unnamed: 1, want: quota.Exceeds, value: "9 used, 2 planned: a"},
		"OnlyUnnamed":        {used: 10, unnamed: 1, want: quota.Exceeds, value: "10 used, 1 planned"},
		"OwnStay":            {used: 10, own: held(stays, stays), creates: []string{"a"}, want: quota.Exceeds, value: "10 used, 1 planned: a"},
		"OneGoes":            {used: 10, own: held(goes), creates: []string{"a"}, want: quota.Fits},
		"OneGoesTwoCome":     {used: 10, own: held(goes), creates: []string{"a", "b"}, want: quota.Exceeds, value: "10 used, 1 planned to go, 2 planned: a, b"},
		"MayGo":              {used: 10, own: held(managed), creates: []string{"a"}, want: quota.Awaits, value: "10 used, 1 planned: a"},
		"MayGoTooFew":        {used: 10, own: held(managed), creates: []string{"a", "b"}, want: quota.Exceeds, value: "10 used, 2 planned: a, b"},
		"UnseenMayGo":        {used: 10, own: held(unseen, stays), creates: []string{"a"}, want: quota.Unlikely, value: "10 used, 1 planned: a"},
		"ManagedAndUnseen":   {used: 10, own: held(unseen, managed), creates: []string{"a", "b"}, want: quota.Unlikely, value: "10 used, 2 planned: a, b"},
		"Replaced":           {used: 10, own: held(goes), creates: []string{"own0"}, want: quota.Fits},
		"ReplacedPlannedTwo": {used: 10, own: held(stays), creates: []string{"own0"}, want: quota.Fits},
		"Attached":           {used: 10, own: held(unseen), creates: []string{"own0"}, want: quota.Fits},
		"NameFreed":          {used: 10, own: []quota.Held{{Name: "new", Fate: stays}}, creates: []string{"old"}, want: quota.Exceeds, value: "10 used, 1 planned: old"},
		"OverAlready":        {used: 12, own: held(goes), creates: []string{"a"}, want: quota.Exceeds, value: "12 used, 1 planned to go, 1 planned: a"},
		"OverAlreadyStays":   {used: 12, own: held(stays), want: quota.Fits},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, found := quota.Plan{
				Edition: quota.EditionBasic, Used: tt.used, Own: tt.own, Creates: tt.creates, Unnamed: tt.unnamed,
			}.Judge()
			var want problem.List
			if tt.want != quota.Fits {
				want = problem.List{{
					Code: problem.ImageQuotaExceeded, Field: "name", Value: tt.value, Limit: "10 images in edition basic",
					Remedy: "Delete an image that is no longer needed, or raise the region's edition.",
				}}
			}
			if diff := cmp.Diff(want, found); got != tt.want || diff != "" {
				t.Errorf("verdict = %d, want %d; %s", got, tt.want, diff)
			}
		})
	}
}
