package binding_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

const owner, stranger = servicetest.Owner, servicetest.Stranger

func TestBind(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{})
	g := d.Group(owner, "", "default")
	i, w := d.Publish(servicetest.Spec("segmenter", g, "1")), d.Workspace("analytics")
	made, err := d.Bindings.Create(d.Context(), owner, "segmenter", "analytics")
	servicetest.Must(t, err)
	if made.ImageID != i.ID || made.WorkspaceID != w.ID || made.Owner != owner || made.CreatedAt.IsZero() {
		t.Errorf("got %+v", made)
	}
	again, err := d.Bindings.Create(d.Context(), owner, i.ID, w.ID) // that it is bound is no error
	servicetest.Must(t, err)
	if diff := cmp.Diff(made, again); diff != "" {
		t.Error(diff)
	}
	for _, ends := range [][2]string{{i.ID, w.ID}, {"segmenter", w.ID}, {i.ID, "analytics"}, {"segmenter", "analytics"}} {
		got, err := d.Bindings.Get(d.Context(), owner, ends[0], ends[1])
		if err != nil || cmp.Diff(made, got) != "" {
			t.Errorf("%v: %+v, %v", ends, got, err)
		}
	}
	for _, ends := range [][2]string{{"", ""}, {i.ID, ""}, {"", w.ID}, {i.ID, w.ID}} {
		list, err := d.Bindings.List(d.Context(), owner, ends[0], ends[1])
		if diff := cmp.Diff([]binding.Binding{made}, list); diff != "" || err != nil {
			t.Errorf("%v: %v %s", ends, err, diff)
		}
	}
	if list, err := d.Bindings.List(d.Context(), stranger, i.ID, ""); err != nil || len(list) != 0 {
		t.Errorf("a stranger sees %v, %v", list, err)
	}
	servicetest.Refused(t, d.Workspaces.Delete(d.Context(), owner, w.ID), problem.WorkspaceInUse, "id")
	servicetest.Must(t, d.Bindings.Delete(d.Context(), owner, "segmenter", w.ID))
	servicetest.Refused(t, d.Bindings.Delete(d.Context(), owner, i.ID, w.ID), problem.NotFound, "id")
	_, err = d.Bindings.Get(d.Context(), owner, i.ID, w.ID)
	servicetest.Refused(t, err, problem.NotFound, "id")
	servicetest.Must(t, d.Workspaces.Delete(d.Context(), owner, w.ID))
}

func TestRefused(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{Regions: []system.Region{
		{Name: "local", Edition: quota.EditionProfessional, Pinning: system.PinningEnforce}, {Name: "east", Edition: quota.EditionBasic},
	}})
	g := d.Group(owner, "", "default")
	i, w := d.Publish(servicetest.Spec("segmenter", g, "1")), d.Workspace("analytics")
	spec := servicetest.Spec("unpublished", g, "1")
	spec.Publish = false
	tested := d.Publish(spec)
	east, err := d.Workspaces.Create(d.Context(), owner, "", workspace.Workspace{Name: "eastern", Region: "east"})
	servicetest.Must(t, err)
	theirs, err := d.Workspaces.Create(d.Context(), stranger, "", workspace.Workspace{Name: "theirs"})
	servicetest.Must(t, err)
	for _, test := range []struct {
		name, owner, image, workspace string
		code                          problem.Code
		field                         string
	}{
		{"no image", owner, "gone", w.ID, problem.NotFound, "image_id"},
		{"no workspace", owner, i.ID, "gone", problem.WorkspaceNotFound, "workspace_id"},
		{"nothing", owner, "", "", problem.NotFound, "image_id"},
		{"not published", owner, tested.ID, w.ID, problem.ImageNotPublished, "image_id"},
		{"another region", owner, i.ID, east.ID, problem.RegionMismatch, "workspace_id"},
		{"another region's name", owner, i.ID, "eastern", problem.WorkspaceNotFound, "workspace_id"},
		{"a stranger's workspace", owner, i.ID, theirs.ID, problem.WorkspaceNotFound, "workspace_id"},
		{"a stranger's image", stranger, i.ID, theirs.ID, problem.NotFound, "image_id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := d.Bindings.Create(d.Context(), test.owner, test.image, test.workspace)
			servicetest.Refused(t, err, test.code, test.field)
		})
	}
	// What is bound to another workspace is not bound to this one.
	_, err = d.Bindings.Get(d.Context(), owner, i.ID, w.ID)
	servicetest.Refused(t, err, problem.NotFound, "id")
}

// TestNewVersion checks that a binding is of the image, and stays when there is another version of it.
func TestNewVersion(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{})
	g := d.Group(owner, "", "default")
	i, w := d.Publish(servicetest.Spec("segmenter", g, "1")), d.Workspace("analytics")
	_, err := d.Bindings.Create(d.Context(), owner, i.ID, w.ID)
	servicetest.Must(t, err)
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	again, err := d.Bindings.Create(d.Context(), owner, i.ID, w.ID) // while the next version is tested
	if err != nil || again.ImageID != i.ID {
		t.Errorf("got %+v, %v", again, err)
	}
	d.Wait(second.ProcessID, "completed")
	if list, err := d.Bindings.List(d.Context(), owner, i.ID, ""); err != nil || len(list) != 1 {
		t.Errorf("got %v, %v", list, err)
	}
}
