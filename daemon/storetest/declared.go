package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/usage"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

func testDeclared(b *bench) {
	t := b.t
	t.Run("Workspaces", func(t *testing.T) {
		rows(t, b.Workspaces, func(owner, region, name string) workspace.Workspace {
			return workspace.Workspace{
				ID: "ws-" + owner + region + name, Owner: owner, Region: region, Name: name, Description: "说明 'quoted' \"too\"", Generation: 7,
				CreatedAt: start, UpdatedAt: start.Add(1),
			}
		}, func(w *workspace.Workspace) (name, description *string) { return &w.Name, &w.Description })
	})
	t.Run("Networks", func(t *testing.T) {
		rows(t, b.Networks, func(owner, region, name string) network.Network {
			return network.Network{
				ID: "net-" + owner + region + name, Owner: owner, Region: region, Name: name, Egress: network.EgressRestricted,
				Allow: []string{"mirror.internal:443", "10.8.0.0/16:5000"}, Generation: 1, CreatedAt: start, UpdatedAt: start,
			}
		}, func(n *network.Network) (name, other *string) { return &n.Name, &n.Allow[0] })
	})
	t.Run("ResourceGroups", func(t *testing.T) {
		b.network(t, "net-1")
		rows(t, b.ResourceGroups, func(owner, region, name string) resourcegroup.ResourceGroup {
			return resourcegroup.ResourceGroup{
				ID: "rg-" + owner + region + name, Owner: owner, Region: region, Name: name, Type: resourcegroup.TypeServerless,
				NetworkID: "net-1", CU: 0.25, TimeZone: "Asia/Shanghai", Status: resourcegroup.StatusNormal, Generation: 1, CreatedAt: start,
			}
		}, func(g *resourcegroup.ResourceGroup) (name, zone *string) { return &g.Name, &g.TimeZone })
	})
	t.Run("Registries", func(t *testing.T) {
		rows(t, b.Registries, func(owner, region, name string) registry.Registry {
			return registry.Registry{
				ID: "reg-" + owner + region + name, Owner: owner, Region: region, Name: name, Endpoint: "registry.internal:5000",
				Edition: registry.EditionEnterprise, Spec: registry.SpecStandard, NetworkIDs: []string{"net-1", "net-2"}, CACert: "pem",
				Insecure: true, Generation: 1, CreatedAt: start, UpdatedAt: start,
				Credential: registry.Credential{
					Username: "ci", PasswordVersion: 3, PasswordFrom: registry.Reference{File: "f", Variable: "v"}, Sealed: []byte{0, 1, 255},
				},
			}
		}, func(r *registry.Registry) (name, endpoint *string) { return &r.Name, &r.Endpoint })
	})
}

// rows tests one table of declared resources: sample makes a row, and fields points at its name and at something else.
func rows[T any](
	t *testing.T, of store.Of[resource.Tx[T]], sample func(owner, region, name string) T, fields func(*T) (name, other *string),
) {
	t.Helper()
	insert := func(row T) error {
		return of.Write(ctx(t), func(tx resource.Tx[T]) error { return tx.Insert(row) })
	}
	for _, row := range []T{
		sample("uid:1", "local", "b"), sample("uid:1", "local", "a"), sample("uid:1", "east", "z"), sample("uid:2", "local", "a"),
	} {
		must(t, insert(row))
	}
	if err := insert(sample("uid:1", "local", "a")); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the same again: %v, want ErrConflict", err)
	}
	renamed := sample("uid:1", "local", "new")
	name, _ := fields(&renamed)
	*name = "a"
	if err := insert(renamed); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a name that is taken: %v, want ErrConflict", err)
	}
	change(t, of, sample, fields)
	must(t, of.Read(ctx(t), func(tx resource.Tx[T]) error {
		lists(t, tx, sample)
		return nil
	}))
}

// lists checks what is there after rows has inserted, and change has changed the workspace b into c.
func lists[T any](t *testing.T, tx resource.Tx[T], sample func(owner, region, name string) T) {
	t.Helper()
	got, err := tx.Get(id(t, tx, "uid:1", "east", "z"))
	must(t, err)
	same(t, sample("uid:1", "east", "z"), got)
	names := func(owner, region string) []string {
		t.Helper()
		found, err := tx.List(owner, region)
		must(t, err)
		return each(found, func(row T) string {
			for _, name := range []string{"a", "b", "c", "z"} {
				for _, where := range []string{"local", "east"} {
					if one, err := tx.ByName(owner, where, name); err == nil && cmp.Equal(one, row) {
						return where + "/" + name
					}
				}
			}
			return "?"
		})
	}
	same(t, []string{"local/a", "local/c"}, names("uid:1", "local"))
	same(t, []string{"east/z", "local/a", "local/c"}, names("uid:1", ""))
	same(t, []string{"local/a"}, names("uid:2", ""))
	same(t, nil, names("uid:3", ""))
	same(t, nil, names("uid:2", "east"))
	if _, err := tx.ByName("uid:2", "local", "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another owner's name: %v, want ErrNotFound", err)
	}
	if _, err := tx.Get("gone"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an id that is not there: %v, want ErrNotFound", err)
	}
}

func change[T any](
	t *testing.T, of store.Of[resource.Tx[T]], sample func(owner, region, name string) T, fields func(*T) (name, other *string),
) {
	t.Helper()
	changed := sample("uid:1", "local", "b")
	name, other := fields(&changed)
	*name, *other = "c", "changed"
	must(t, of.Write(ctx(t), func(tx resource.Tx[T]) error {
		if err := tx.Update(sample("uid:1", "local", "gone")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("update of what is not there: %v, want ErrNotFound", err)
		}
		if err := tx.Delete("gone"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("delete of what is not there: %v, want ErrNotFound", err)
		}
		taken := sample("uid:1", "local", "b")
		name, _ := fields(&taken)
		*name = "a"
		if err := tx.Update(taken); !errors.Is(err, store.ErrConflict) {
			t.Errorf("update to a name that is taken: %v, want ErrConflict", err)
		}
		return tx.Update(changed) // a refused statement has not ended the transaction
	}))
	must(t, of.Write(ctx(t), func(tx resource.Tx[T]) error {
		got, err := tx.ByName("uid:1", "local", "c")
		must(t, err)
		same(t, changed, got)
		must(t, tx.Insert(sample("uid:1", "local", "passing")))
		return tx.Delete(id(t, tx, "uid:1", "local", "passing"))
	}))
}

// id finds the id of a row by asking for the name: the suite knows no field of T.
func id[T any](t *testing.T, tx resource.Tx[T], owner, region, name string) string {
	t.Helper()
	for _, prefix := range []string{"ws-", "net-", "rg-", "reg-"} {
		if _, err := tx.Get(prefix + owner + region + name); err == nil {
			return prefix + owner + region + name
		}
	}
	t.Fatalf("%s of %s in %s is not there", name, owner, region)
	return ""
}

func (b *bench) network(t *testing.T, id string) {
	t.Helper()
	must(t, b.Networks.Write(ctx(t), func(tx resource.Tx[network.Network]) error {
		return tx.Insert(network.Network{ID: id, Owner: "uid:1", Region: "local", Name: id, Egress: network.EgressNone})
	}))
}

// group makes the resource group rg-1, which images and builds need.
func (b *bench) group(t *testing.T) {
	t.Helper()
	const id = "rg-1"
	b.network(t, "net-of-"+id)
	must(t, b.ResourceGroups.Write(ctx(t), func(tx resource.Tx[resourcegroup.ResourceGroup]) error {
		return tx.Insert(resourcegroup.ResourceGroup{ID: id, Owner: "uid:1", Region: "local", Name: id, NetworkID: "net-of-" + id, CU: 1})
	}))
}

func (b *bench) workspace(t *testing.T, id string) {
	t.Helper()
	must(t, b.Workspaces.Write(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
		return tx.Insert(workspace.Workspace{ID: id, Owner: "uid:1", Region: "local", Name: "name-of-" + id})
	}))
}

// testUsers checks that a row says who uses it, in words and in order.
func testUsers(b *bench) {
	t := b.t
	b.group(t)
	b.workspace(t, "ws-1")
	b.workspace(t, "ws-2")
	b.image(t, "img-b")
	b.image(t, "img-a")
	b.write(t, func(tx Tx) error {
		return all(
			func() error { return tx.InsertBuild(sampleBuild("build-1", "img-a")) },
			func() error {
				return tx.InsertBinding(binding.Binding{ImageID: "img-b", WorkspaceID: "ws-1", Owner: "uid:1"})
			},
			func() error {
				return tx.InsertBinding(binding.Binding{ImageID: "img-a", WorkspaceID: "ws-1", Owner: "uid:1"})
			},
		)
	})
	must(t, b.Workspaces.Read(ctx(t), func(tx resource.Tx[workspace.Workspace]) error {
		return users(t, tx.Users, map[string][]string{"ws-1": {"image name_of_img-a", "image name_of_img-b"}, "ws-2": nil})
	}))
	must(t, b.Registries.Write(ctx(t), func(tx resource.Tx[registry.Registry]) error {
		return tx.Insert(registry.Registry{ID: "reg-1", Owner: "uid:1", Name: "acr", NetworkIDs: []string{"net-of-rg-1", "net-2"}})
	}))
	must(t, b.Networks.Read(ctx(t), func(tx resource.Tx[network.Network]) error {
		return users(t, tx.Users, map[string][]string{"net-of-rg-1": {"registry acr", "resource group rg-1"}, "net-2": {"registry acr"}, "gone": nil})
	}))
	must(t, b.ResourceGroups.Read(ctx(t), func(tx resource.Tx[resourcegroup.ResourceGroup]) error {
		want := []string{"image name_of_img-a", "image name_of_img-b", "persistent build build-1"}
		return users(t, tx.Users, map[string][]string{"rg-1": want})
	}))
	run, done, test := sampleProcess("run-1"), sampleProcess("run-2"), sampleProcess("test-1")
	run.Kind, run.ImageID, done.Kind, done.ImageID, test.ImageID = process.KindRun, "img-b", process.KindRun, "img-b", "img-b"
	done.State = process.StateCompleted
	b.queue(t, run, done, test)
	b.read(t, func(tx Tx) error {
		return users(t, tx.ImageUsers, map[string][]string{
			"img-a": {"persistent build build-1", "workspace name-of-ws-1"}, "img-b": {"process run-1", "workspace name-of-ws-1"}, "gone": nil,
		})
	})
	b.read(t, func(tx Tx) error {
		nobody, err := tx.Usage("uid:2")
		same(t, usage.Users{}, nobody)
		if err != nil {
			return err
		}
		all, err := tx.Usage("uid:1")
		same(t, usage.Users{
			"ws-1": {"image name_of_img-a", "image name_of_img-b"}, "net-of-rg-1": {"registry acr", "resource group rg-1"}, "net-2": {"registry acr"},
			"rg-1":  {"image name_of_img-a", "image name_of_img-b", "persistent build build-1"},
			"img-a": {"persistent build build-1", "workspace name-of-ws-1"}, "img-b": {"process run-1", "workspace name-of-ws-1"},
		}, all)
		return err
	})
}

func users(t *testing.T, ask func(id string) ([]string, error), want map[string][]string) error {
	t.Helper()
	for id, want := range want {
		got, err := ask(id)
		if err != nil {
			return err
		}
		same(t, want, got)
	}
	return nil
}

// testReferences checks that nothing points at what is not there.
func testReferences(b *bench) {
	t := b.t
	b.group(t)
	b.workspace(t, "ws-1")
	b.image(t, "img-1")
	b.write(t, func(tx Tx) error {
		return tx.InsertBinding(binding.Binding{ImageID: "img-1", WorkspaceID: "ws-1", Owner: "uid:1"})
	})
	orphan := resourcegroup.ResourceGroup{ID: "rg-2", Owner: "uid:1", Region: "local", Name: "b", NetworkID: "gone"}
	for name, err := range map[string]error{
		"a group without a network": b.ResourceGroups.Write(ctx(t), func(tx resource.Tx[resourcegroup.ResourceGroup]) error { return tx.Insert(orphan) }),
		"a used network":            b.Networks.Write(ctx(t), func(tx resource.Tx[network.Network]) error { return tx.Delete("net-of-rg-1") }),
		"a used group":              b.ResourceGroups.Write(ctx(t), func(tx resource.Tx[resourcegroup.ResourceGroup]) error { return tx.Delete("rg-1") }),
		"a used workspace":          b.Workspaces.Write(ctx(t), func(tx resource.Tx[workspace.Workspace]) error { return tx.Delete("ws-1") }),
		"a bound image":             b.All.Write(ctx(t), func(tx Tx) error { return tx.DeleteImage("img-1") }),
		"an image without a group":  b.All.Write(ctx(t), func(tx Tx) error { return tx.InsertImage(sampleImage("img-2", "gone")) }),
		"a version without image":   b.All.Write(ctx(t), func(tx Tx) error { return tx.InsertVersion(sampleVersion("gone", 1)) }),
		"a build without image":     b.All.Write(ctx(t), func(tx Tx) error { return tx.InsertBuild(sampleBuild("build-1", "gone")) }),
		"a binding without image": b.All.Write(ctx(t), func(tx Tx) error {
			return tx.InsertBinding(binding.Binding{ImageID: "gone", WorkspaceID: "ws-1"})
		}),
		"a binding without workspace": b.All.Write(ctx(t), func(tx Tx) error {
			return tx.InsertBinding(binding.Binding{ImageID: "img-1", WorkspaceID: "gone"})
		}),
	} {
		if !errors.Is(err, store.ErrReferenced) {
			t.Errorf("%s: %v, want ErrReferenced", name, err)
		}
	}
}

func testRequests(b *bench) {
	t := b.t
	want := store.Request{Hash: "hash", Subject: "img-1"}
	b.write(t, func(tx Tx) error {
		if _, err := tx.Recall("uid:1", "key"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a key that was never used: %v, want ErrNotFound", err)
		}
		return all(
			func() error { return tx.Remember("uid:1", "key", want) },
			func() error { return tx.Remember("uid:2", "key", store.Request{Hash: "other", Subject: "img-2"}) },
		)
	})
	b.read(t, func(tx Tx) error {
		got, err := tx.Recall("uid:1", "key")
		same(t, want, got)
		return err
	})
	b.refused(t, store.ErrConflict, func(tx Tx) error { return tx.Remember("uid:1", "key", want) })
}
