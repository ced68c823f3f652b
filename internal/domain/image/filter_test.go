package image_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

func thirty() (list []image.Image) {
	for n := range 30 { // the first one is the newest
		i := image.Image{CreatedAt: time.Unix(int64(1000-n/2), 0), ID: fmt.Sprintf("img-%02d", n), Region: []string{"east", "west"}[n/15], Stage: image.StagePublished, Spec: image.Spec{
			Name: fmt.Sprintf("image_%02d", n), Visibility: image.VisibilityPrivate, TaskTypes: []tasktype.Type{tasktype.Shell},
		}}
		switch n {
		case 3:
			i.Stage = image.StageBuildFailed // which users see as Published
		case 4:
			i.Stage = image.StageTestFailed
		case 5:
			i.Spec.Visibility = image.VisibilityPublic
		case 6:
			i.Spec.TaskTypes = []tasktype.Type{tasktype.PyODPS3, tasktype.Shell}
		}
		list = append(list, i)
	}
	return list
}

func TestFilter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		filter image.Filter
		first  string
		want   int
	}{
		{"all", image.Filter{}, "img-00", 30},
		{"a part of the name", image.Filter{Name: "_1"}, "img-10", 10},
		{"stage", image.Filter{Stages: []image.Stage{image.StageTestFailed}}, "img-04", 1},
		{"published", image.Filter{Stages: []image.Stage{image.StagePublished}}, "img-00", 29},
		{"stages", image.Filter{Stages: []image.Stage{image.StagePublished, image.StageTestFailed}}, "img-00", 30},
		{"visibility", image.Filter{Visibilities: []image.Visibility{image.VisibilityPublic}}, "img-05", 1},
		{"task type", image.Filter{TaskTypes: []tasktype.Type{tasktype.PyODPS3}}, "img-06", 1},
		{"created", image.Filter{OrderBy: image.OrderCreated}, "img-28", 30},
		{"created last", image.Filter{OrderBy: image.OrderCreated, Descending: true}, "img-01", 30},
		{"name, descending", image.Filter{OrderBy: image.OrderName, Descending: true}, "img-29", 30},
		{"everything", image.Filter{Name: "06", TaskTypes: []tasktype.Type{tasktype.PyODPS3}, Stages: []image.Stage{image.StagePublished}}, "img-06", 1},
		{"nothing", image.Filter{Name: "06", Visibilities: []image.Visibility{image.VisibilityPublic}}, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			page, next := test.filter.Page(thirty())
			if len(page) != test.want || next != "" || test.want > 0 && page[0].ID != test.first {
				t.Errorf("%d images, next %q, want %d from %s: %+v", len(page), next, test.want, test.first, page)
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, order := range []struct {
		by         image.Order
		descending bool
	}{{"", false}, {image.OrderName, true}, {image.OrderCreated, false}, {image.OrderCreated, true}} {
		for _, deleting := range []bool{false, true} {
			t.Run(fmt.Sprint(order, deleting), func(t *testing.T) {
				t.Parallel()
				pages(t, image.Filter{OrderBy: order.by, Descending: order.descending}, deleting)
			})
		}
	}
}

// pages reads thirty images in pages of several sizes; what was seen may be deleted meanwhile.
func pages(t *testing.T, f image.Filter, deleting bool) {
	t.Helper()
	for size, want := range map[int]int{10: 3, 30: 1, 29: 2, 1: 30, 0: 1} {
		seen, pages := map[string]bool{}, 0
		f.PageSize = size
		for {
			page, next := f.Page(slices.DeleteFunc(thirty(), func(i image.Image) bool { return deleting && seen[i.ID] }))
			pages++
			for _, i := range page {
				if seen[i.ID] {
					t.Errorf("size %d: %s twice", size, i.ID)
				}
				seen[i.ID] = true
			}
			if f.After = next; next == "" || pages > 30 {
				break
			}
		}
		if pages != want || len(seen) != 30 {
			t.Errorf("size %d: %d images on %d pages, want 30 on %d", size, len(seen), pages, want)
		}
	}
}

func TestFilterRefused(t *testing.T) {
	t.Parallel()
	for field, f := range map[string]image.Filter{
		"visibilities": {Visibilities: []image.Visibility{"team"}}, "stages": {Stages: []image.Stage{image.StageBuilding}},
		"task_types": {TaskTypes: []tasktype.Type{"cobol"}}, "page_size": {PageSize: 101}, "order_by": {OrderBy: "size"},
	} {
		if found := f.Validate(); len(found) != 1 || found[0].Field != field || found[0].Code != problem.InvalidParameter {
			t.Errorf("%s: %v", field, found)
		}
	}
	if found := (image.Filter{PageSize: image.MaxPage, Stages: image.PublicStages()}).Validate(); len(found) != 0 {
		t.Errorf("found = %v", found)
	}
}

func TestBound(t *testing.T) {
	t.Parallel()
	workspaces := map[string][]string{"img-03": {"ws-a"}, "img-07": {"ws-a", "ws-b"}, "img-09": {"ws-c"}}
	for _, tt := range []struct {
		chosen []string
		want   []string
	}{
		{[]string{"ws-a"}, []string{"img-03", "img-07"}},
		{[]string{"ws-b", "ws-c"}, []string{"img-07", "img-09"}},
		{[]string{"ws-d"}, nil},
	} {
		var got []string
		for _, i := range (image.Filter{Workspaces: tt.chosen}).Bound(thirty(), workspaces) {
			got = append(got, i.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.chosen, got, tt.want)
		}
	}
	if all := (image.Filter{}).Bound(thirty(), nil); len(all) != 30 {
		t.Errorf("no workspace chooses %d images, want all", len(all))
	}
}
