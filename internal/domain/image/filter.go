package image

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// MaxPage is the most images that one answer lists.
const MaxPage = 100

// Order is what a list of images is sorted by.
type Order string

// The orders: by region and name, and by the time of creation.
const (
	OrderName    Order = "name"
	OrderCreated Order = "created"
)

// Orders lists the orders; the first one is the default.
var Orders = []Order{OrderName, OrderCreated}

// Filter chooses images. Empty fields choose all; of several values in one field, one is enough.
type Filter struct {
	Region       string
	Name         string // a part of the name
	Visibilities []Visibility
	Stages       []Stage // of the current version, as users see them
	TaskTypes    []tasktype.Type
	Workspaces   []string // ids of workspaces to which it is bound: for Bound to choose by, not for Matches

	OrderBy    Order // empty: OrderName
	Descending bool

	PageSize int    // 1 to MaxPage; 0: MaxPage
	After    string // what Page gave with the page before; empty: the first page
}

// Validate refuses values that no image can have.
func (f Filter) Validate() problem.List {
	var found problem.List
	refuse := func(field, value, limit string) {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: field, Value: value, Limit: limit, Remedy: "Choose values of this list.",
		})
	}
	for _, v := range f.Visibilities {
		if !slices.Contains(Visibilities, v) {
			refuse("visibilities", string(v), joined(Visibilities))
		}
	}
	for _, s := range f.Stages {
		if !slices.Contains(PublicStages(), s) {
			refuse("stages", string(s), joined(PublicStages()))
		}
	}
	found = append(found, tasktype.Validate("task_types", f.TaskTypes...)...)
	if f.OrderBy != "" && !slices.Contains(Orders, f.OrderBy) {
		refuse("order_by", string(f.OrderBy), joined(Orders))
	}
	if f.PageSize < 0 || f.PageSize > MaxPage {
		refuse("page_size", strconv.Itoa(f.PageSize), "0 to "+strconv.Itoa(MaxPage))
	}
	return found
}

// PublicStages lists the stages that a custom image can show.
func PublicStages() []Stage {
	var list []Stage
	for _, s := range Stages {
		if s.Public() == s {
			list = append(list, s)
		}
	}
	return list
}

// Matches says whether an image is chosen, whatever its region and page.
func (f Filter) Matches(i Image) bool {
	return strings.Contains(i.Spec.Name, f.Name) &&
		(len(f.Visibilities) == 0 || slices.Contains(f.Visibilities, i.Spec.Visibility)) &&
		(len(f.Stages) == 0 || slices.Contains(f.Stages, i.Stage.Public())) &&
		(len(f.TaskTypes) == 0 || slices.ContainsFunc(f.TaskTypes, func(t tasktype.Type) bool { return slices.Contains(i.Spec.TaskTypes, t) }))
}

// Page gives the images of a list that are chosen and on the wanted page, and where to go on; empty when there are no more. It goes
// on after what the last image is sorted by, so that it does not matter what is made or deleted between two pages.
func (f Filter) Page(list []Image) (page []Image, next string) {
	size := f.PageSize
	if size == 0 {
		size = MaxPage
	}
	cut := strings.LastIndexByte(f.After, '/')
	after := [2]string{f.After[:max(cut, 0)], f.After[cut+1:]}
	list = slices.SortedFunc(slices.Values(list), func(a, b Image) int { return f.compare(f.key(a), f.key(b)) })
	for _, i := range list {
		switch {
		case f.After != "" && f.compare(f.key(i), after) <= 0, !f.Matches(i):
		case len(page) == size:
			last := f.key(page[size-1])
			return page, last[0] + "/" + last[1]
		default:
			page = append(page, i)
		}
	}
	return page, ""
}

// key is what an image is sorted by; no two images have the same one.
func (f Filter) key(i Image) [2]string {
	if f.OrderBy == OrderCreated {
		return [2]string{i.CreatedAt.UTC().Format("2006-01-02T15:04:05.000000000"), i.ID}
	}
	return [2]string{i.Region, i.Spec.Name}
}

func (f Filter) compare(a, b [2]string) int {
	if f.Descending {
		a, b = b, a
	}
	return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
}

// Bound gives the images of a list that are bound to one of the chosen workspaces, all when none is chosen. Workspaces gives, for an
// image, those to which it is bound.
func (f Filter) Bound(list []Image, workspaces map[string][]string) []Image {
	if len(f.Workspaces) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(i Image) bool {
		return !slices.ContainsFunc(workspaces[i.ID], func(id string) bool { return slices.Contains(f.Workspaces, id) })
	})
}

func joined[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}
