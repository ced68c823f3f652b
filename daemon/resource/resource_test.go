package resource_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

const owner, stranger = servicetest.Owner, servicetest.Stranger

func setup(t *testing.T) *servicetest.Daemon {
	t.Helper()
	return servicetest.New(t, servicetest.Options{Idle: true, Regions: []system.Region{
		{Name: "local", Edition: quota.EditionProfessional}, {Name: "east", Edition: quota.EditionBasic},
	}})
}

func TestWorkspace(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx := d.Context()
	made, err := d.Workspaces.Create(ctx, owner, "", workspace.Workspace{
		// What the daemon decides is not the caller's to say.
		ID: "ws-mine", Owner: stranger, Generation: 9, Name: "analytics", Description: "数据",
	})
	servicetest.Must(t, err)
	if !strings.HasPrefix(made.ID, "ws-") || made.ID == "ws-mine" || made.Owner != owner || made.Region != "local" || made.Generation != 1 ||
		made.CreatedAt.IsZero() || !made.CreatedAt.Equal(made.UpdatedAt) {
		t.Errorf("got %+v", made)
	}
	for _, id := range []string{made.ID, "analytics"} {
		for _, region := range []string{"", "local"} {
			got, err := d.Workspaces.Get(ctx, owner, region, id)
			servicetest.Must(t, err)
			if diff := cmp.Diff(made, got); diff != "" {
				t.Error(diff)
			}
		}
	}
	_, err = d.Workspaces.Get(ctx, owner, "east", "analytics")
	servicetest.Refused(t, err, problem.NotFound, "id")

	changed, err := d.Workspaces.Update(ctx, owner, workspace.Workspace{ID: made.ID, Name: "analysts", Region: "east", Generation: 1})
	servicetest.Must(t, err)
	if changed.Name != "analysts" || changed.Description != "" || changed.Generation != 2 || changed.Region != "local" ||
		!changed.CreatedAt.Equal(made.CreatedAt) || changed.UpdatedAt.Before(made.UpdatedAt) {
		t.Errorf("got %+v", changed)
	}
	list, err := d.Workspaces.List(ctx, owner, "")
	servicetest.Must(t, err)
	if diff := cmp.Diff([]workspace.Workspace{changed}, list); diff != "" {
		t.Error(diff)
	}
	servicetest.Must(t, d.Workspaces.Delete(ctx, owner, made.ID))
	servicetest.Refused(t, d.Workspaces.Delete(ctx, owner, made.ID), problem.NotFound, "id")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx := d.Context()
	first, err := d.Workspaces.Create(ctx, owner, "", workspace.Workspace{Name: "first"})
	servicetest.Must(t, err)
	second, err := d.Workspaces.Create(ctx, owner, "", workspace.Workspace{Name: "second"})
	servicetest.Must(t, err)

	_, err = d.Workspaces.Create(ctx, owner, "", workspace.Workspace{Name: "no good"})
	servicetest.Refused(t, err, problem.InvalidName, "name")
	_, err = d.Workspaces.Create(ctx, owner, "", workspace.Workspace{Name: "ok", Region: "west"})
	servicetest.Refused(t, err, problem.UnknownRegion, "region")
	_, err = d.Workspaces.Create(ctx, owner, "", workspace.Workspace{Name: "first"})
	if p := servicetest.Refusal(t, err, problem.NameConflict, "name"); !strings.Contains(p.Remedy, "terraform import ADDRESS "+first.ID) {
		t.Errorf("the remedy is %q", p.Remedy)
	}
	_, err = d.Workspaces.Update(ctx, owner, workspace.Workspace{ID: second.ID, Name: "first"})
	if p := servicetest.Refusal(t, err, problem.NameConflict, "name"); !strings.Contains(p.Detail, first.ID) {
		t.Errorf("the detail is %q", p.Detail)
	}
	_, err = d.Workspaces.Update(ctx, owner, workspace.Workspace{ID: first.ID, Name: "first", Generation: 2})
	if p := servicetest.Refusal(t, err, problem.Conflict, "generation"); p.Value != "2" || p.Limit != "1" {
		t.Errorf("got %v", p)
	}
	_, err = d.Workspaces.Update(ctx, owner, workspace.Workspace{ID: first.ID, Name: ""})
	servicetest.Refused(t, err, problem.InvalidName, "name")
	_, err = d.Workspaces.Update(ctx, owner, workspace.Workspace{ID: "first", Name: "first"})
	servicetest.Refused(t, err, problem.NotFound, "id") // a name is no id
	_, err = d.Workspaces.Get(ctx, owner, "west", first.ID)
	servicetest.Refused(t, err, problem.UnknownRegion, "region")

	// The same name is free to somebody else, and in another region.
	_, err = d.Workspaces.Create(ctx, stranger, "", workspace.Workspace{Name: "first"})
	servicetest.Must(t, err)
	_, err = d.Workspaces.Create(ctx, owner, "", workspace.Workspace{Name: "first", Region: "east"})
	servicetest.Must(t, err)
	east, err := d.Workspaces.List(ctx, owner, "east")
	servicetest.Must(t, err)
	all, err := d.Workspaces.List(ctx, owner, "")
	servicetest.Must(t, err)
	if len(east) != 1 || len(all) != 3 {
		t.Errorf("%d in the east, %d in all", len(east), len(all))
	}
}

func TestRequestKey(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx := d.Context()
	first, err := d.Workspaces.Create(ctx, owner, "key", workspace.Workspace{Name: "first"})
	servicetest.Must(t, err)
	again, err := d.Workspaces.Create(ctx, owner, "key", workspace.Workspace{Name: "first"})
	servicetest.Must(t, err)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	_, err = d.Workspaces.Create(ctx, owner, "key", workspace.Workspace{Name: "second"})
	servicetest.Refused(t, err, problem.IdempotencyConflict, "request_key")
	_, err = d.Networks.Create(ctx, owner, "key", network.Network{Name: "first", Egress: network.EgressNone})
	servicetest.Refused(t, err, problem.IdempotencyConflict, "request_key")
	other, err := d.Workspaces.Create(ctx, stranger, "key", workspace.Workspace{Name: "first"}) // a key is its owner's
	servicetest.Must(t, err)
	if other.ID == first.ID {
		t.Error("a stranger's key answers what the owner has made")
	}
	changed, err := d.Workspaces.Update(ctx, owner, workspace.Workspace{ID: first.ID, Name: "renamed"})
	servicetest.Must(t, err)
	again, err = d.Workspaces.Create(ctx, owner, "key", workspace.Workspace{Name: "first"})
	servicetest.Must(t, err)
	if diff := cmp.Diff(changed, again); diff != "" {
		t.Errorf("a late repetition: %s", diff)
	}
	// A refused request uses its key not up.
	_, err = d.Workspaces.Create(ctx, owner, "second key", workspace.Workspace{Name: "renamed"})
	servicetest.Refused(t, err, problem.NameConflict, "name")
	_, err = d.Workspaces.Create(ctx, owner, "second key", workspace.Workspace{Name: "another"})
	servicetest.Must(t, err)
	servicetest.Must(t, d.Workspaces.Delete(ctx, owner, first.ID))
	_, err = d.Workspaces.Create(ctx, owner, "key", workspace.Workspace{Name: "first"})
	servicetest.Refused(t, err, problem.NotFound, "id")
}

// TestStranger checks that somebody else's resource answers exactly as one that does not exist.
func TestStranger(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx := d.Context()
	mine, err := d.Workspaces.Create(ctx, owner, "", workspace.Workspace{Name: "mine"})
	servicetest.Must(t, err)
	for name, try := range map[string]func(id string) error{
		"Get": func(id string) error { _, err := d.Workspaces.Get(ctx, stranger, "", id); return err },
		"Update": func(id string) error {
			_, err := d.Workspaces.Update(ctx, stranger, workspace.Workspace{ID: id, Name: "x"})
			return err
		},
		"Delete": func(id string) error { return d.Workspaces.Delete(ctx, stranger, id) },
	} {
		want := servicetest.Refusal(t, try("ws-gone"), problem.NotFound, "id")
		want.Value = mine.ID
		if diff := cmp.Diff(want, servicetest.Refusal(t, try(mine.ID), problem.NotFound, "id")); diff != "" {
			t.Errorf("%s tells the two apart: %s", name, diff)
		}
	}
	_, err = d.Workspaces.Get(ctx, stranger, "", "mine")
	servicetest.Refused(t, err, problem.NotFound, "id")
	list, err := d.Workspaces.List(ctx, stranger, "")
	if err != nil || len(list) != 0 {
		t.Errorf("a stranger sees %v, %v", list, err)
	}
	n, err := d.Networks.Create(ctx, owner, "", network.Network{Name: "mine", Egress: network.EgressNone})
	servicetest.Must(t, err)
	_, err = d.ResourceGroups.Create(ctx, stranger, "", group("theirs", n.ID))
	servicetest.Refused(t, err, problem.NotFound, "network_id")
}

func group(name, networkID string) resourcegroup.ResourceGroup {
	return resourcegroup.ResourceGroup{Name: name, Type: resourcegroup.TypeServerless, NetworkID: networkID, CU: 1, TimeZone: "UTC"}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx := d.Context()
	_, err := d.ResourceGroups.Create(ctx, owner, "", group("default", "net-gone"))
	servicetest.Refused(t, err, problem.NotFound, "network_id")
	east, err := d.Networks.Create(ctx, owner, "", network.Network{Name: "east", Region: "east", Egress: network.EgressNone})
	servicetest.Must(t, err)
	_, err = d.ResourceGroups.Create(ctx, owner, "", group("default", east.ID)) // a network of another region
	if p := servicetest.Refusal(t, err, problem.RegionMismatch, "network_id"); p.Value != "east" || p.Limit != "local" {
		t.Errorf("got %v", p)
	}

	n, err := d.Networks.Create(ctx, owner, "", network.Network{Name: "closed", Egress: network.EgressNone})
	servicetest.Must(t, err)
	g, err := d.ResourceGroups.Create(ctx, owner, "", group("default", n.ID))
	servicetest.Must(t, err)
	if g.Status != resourcegroup.StatusNormal {
		t.Errorf("status = %q", g.Status)
	}
	if p := servicetest.Refusal(t, d.Networks.Delete(ctx, owner, n.ID), problem.NetworkInUse, "id"); p.Limit != "used by resource group default" {
		t.Errorf("got %v", p)
	}
	moved := g
	moved.NetworkID, moved.Status = "net-gone", "Broken"
	_, err = d.ResourceGroups.Update(ctx, owner, moved)
	servicetest.Refused(t, err, problem.NotFound, "network_id")
	other, err := d.Networks.Create(ctx, owner, "", network.Network{Name: "other", Egress: network.EgressPublic})
	servicetest.Must(t, err)
	moved.NetworkID = other.ID
	moved, err = d.ResourceGroups.Update(ctx, owner, moved)
	servicetest.Must(t, err)
	if moved.Status != resourcegroup.StatusNormal {
		t.Errorf("status = %q", moved.Status)
	}
	servicetest.Must(t, d.Networks.Delete(ctx, owner, n.ID))

	i := d.Create(servicetest.Spec("segmenter", g, "1"))
	servicetest.Refused(t, d.ResourceGroups.Delete(ctx, owner, g.ID), problem.ResourceGroupInUse, "id")
	servicetest.Must(t, d.Images.Delete(ctx, owner, i.ID))
	servicetest.Must(t, d.ResourceGroups.Delete(ctx, owner, g.ID))
}

func TestNewID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	last := ""
	for range 1000 {
		id := resource.NewID("ws")
		if seen[id] || id < last || !strings.HasPrefix(id, "ws-") || strings.ToLower(id) != id {
			t.Fatalf("%s comes after %s", id, last)
		}
		seen[id], last = true, id
	}
}
