package image

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// MaxPage is the most images that one answer lists.
const MaxPage = 100

// Filter chooses images. Empty fields choose all; of several values in one field, one is enough.
type Filter struct {
	Region       string
	Name         string // a part of the name
	Visibilities []Visibility
	Stages       []Stage // of the current version, as users see them
	TaskTypes    []tasktype.Type

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
	for _, t := range f.TaskTypes {
		if !slices.Contains(tasktype.Types, t) {
			refuse("task_types", string(t), joined(tasktype.Types))
		}
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

// Page gives the images of a list that are chosen and on the wanted page, and where to go on; empty when there are no more. The list
// is in the order of regions and names, so that it does not matter what is made or deleted between two pages.
func (f Filter) Page(list []Image) (page []Image, next string) {
	size := f.PageSize
	if size == 0 {
		size = MaxPage
	}
	cut := strings.LastIndexByte(f.After, '/')
	region, name := f.After[:max(cut, 0)], f.After[cut+1:]
	for _, i := range list {
		switch {
		case f.After != "" && (i.Region < region || i.Region == region && i.Spec.Name <= name), !f.Matches(i):
		case len(page) == size:
			return page, page[size-1].Region + "/" + page[size-1].Spec.Name
		default:
			page = append(page, i)
		}
	}
	return page, ""
}

func joined[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}
