package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// sampleImage has something in every field that is kept with the image, and a name that the id gives.
func sampleImage(id, group string) image.Image {
	return image.Image{
		ID: id, Owner: "uid:1", Region: "local",
		Spec: image.Spec{
			Name: "name_of_" + id, Description: "分词", Visibility: image.VisibilityPublic, Publish: true,
			TaskTypes: []tasktype.Type{tasktype.PyODPS3, tasktype.Shell},
			Test:      image.Test{ResourceGroupID: group, Commands: []string{"echo 'a'", "true"}, CU: 0.75},
		},
		CurrentVersion: 1, Generation: 3, CreatedAt: start, UpdatedAt: start.Add(time.Minute),
	}
}

// sampleVersion has something in every field.
func sampleVersion(imageID string, number int) image.Version {
	r := recipe.Recipe{
		Base:     recipe.Base{Official: "dataworks_pyodps_task_pod", Version: "20261101"},
		Packages: []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{"jieba==0.42.1"}}, {Type: pkgmanager.Script, Script: "echo \"$A\"\n\ttrue"}},
		Files:    []recipe.File{{Target: "/opt/a", Mode: "0644", SHA256: "ab"}},
		Env:      map[string]string{"A": "1", "B": "<&>"},
		Platform: recipe.Platform,
	}
	return image.Version{
		ImageID: imageID, Number: number, InputHash: fmt.Sprintf("sha256:%d", number), Recipe: r, Stage: image.StageUnpublished,
		ProcessID: "proc-1", Packages: []official.Package{{Manager: "apt", Name: "bash", Version: "5.2"}}, SizeBytes: 1 << 40,
		TestedAt: start.Add(time.Second), CreatedAt: start,
	}
}

// image makes an image with one version, in the resource group rg-1.
func (b *bench) image(t *testing.T, id string) {
	t.Helper()
	b.write(t, func(tx Tx) error {
		return all(
			func() error { return tx.InsertImage(sampleImage(id, "rg-1")) },
			func() error { return tx.InsertVersion(sampleVersion(id, 1)) },
		)
	})
}

// testImage checks that an image comes back with what its current version says.
func testImage(b *bench) {
	t := b.t
	b.group(t)
	b.image(t, "img-1")
	want := func(i image.Image, v image.Version) image.Image {
		i.Spec.Recipe, i.Stage, i.InputHash, i.ProcessID = v.Recipe, v.Stage, v.InputHash, v.ProcessID
		i.Packages, i.SizeBytes, i.Containerfile = v.Packages, v.SizeBytes, v.Recipe.Containerfile()
		return i
	}
	b.read(t, func(tx Tx) error {
		got, err := tx.Image("img-1")
		same(t, want(sampleImage("img-1", "rg-1"), sampleVersion("img-1", 1)), got)
		inUTC(t, got.CreatedAt, got.UpdatedAt)
		return err
	})
	// Everything that may be empty is, and the current version is another one.
	bare := image.Image{
		ID: "img-1", Owner: "uid:1", Region: "local", CurrentVersion: 2, PublishedVersion: 1,
		Spec: image.Spec{Name: "bare", Test: image.Test{ResourceGroupID: "rg-1"}},
	}
	empty := image.Version{ImageID: "img-1", Number: 2, Stage: image.StageUntest}
	b.write(t, func(tx Tx) error {
		return all(func() error { return tx.InsertVersion(empty) }, func() error { return tx.UpdateImage(bare) })
	})
	b.read(t, func(tx Tx) error {
		byID, err := tx.Image("img-1")
		same(t, want(bare, empty), byID)
		if !byID.CreatedAt.IsZero() {
			t.Errorf("the zero time comes back as %s", byID.CreatedAt)
		}
		must(t, err)
		byName, err := tx.ImageByName("uid:1", "local", "bare")
		same(t, byID, byName)
		return err
	})
	b.read(t, func(tx Tx) error {
		for _, name := range [][3]string{{"uid:2", "local", "bare"}, {"uid:1", "east", "bare"}, {"uid:1", "local", "name_of_img-1"}} {
			if _, err := tx.ImageByName(name[0], name[1], name[2]); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%v: %v, want ErrNotFound", name, err)
			}
		}
		_, err := tx.Image("gone")
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an id that is not there: %v, want ErrNotFound", err)
		}
		return nil
	})
}

func testImages(b *bench) {
	t := b.t
	b.group(t)
	for _, one := range [][3]string{
		{"img-3", "uid:1", "local"}, {"img-1", "uid:1", "local"}, {"img-2", "uid:1", "east"}, {"img-4", "uid:2", "local"},
	} {
		b.write(t, func(tx Tx) error {
			i := sampleImage(one[0], "rg-1")
			i.Owner, i.Region = one[1], one[2]
			return all(func() error { return tx.InsertImage(i) }, func() error { return tx.InsertVersion(sampleVersion(i.ID, 1)) })
		})
	}
	b.read(t, func(tx Tx) error {
		for _, test := range []struct {
			owner, region string
			want          []string
		}{
			{"uid:1", "local", []string{"img-1", "img-3"}},
			{"uid:1", "", []string{"img-2", "img-1", "img-3"}},
			{"uid:2", "", []string{"img-4"}},
			{"uid:3", "", nil},
			{"uid:1", "west", nil},
		} {
			list, err := tx.Images(test.owner, test.region)
			must(t, err)
			same(t, test.want, each(list, func(i image.Image) string { return i.ID }))
		}
		for region, want := range map[string]int{"local": 3, "east": 1, "west": 0} {
			n, err := tx.CountImages(region)
			must(t, err)
			if n != want {
				t.Errorf("%s has %d images, want %d", region, n, want)
			}
		}
		return nil
	})
	b.refused(t, store.ErrConflict, func(tx Tx) error { return tx.InsertImage(sampleImage("img-3", "rg-1")) })
	b.refused(t, store.ErrConflict, func(tx Tx) error {
		i := sampleImage("img-9", "rg-1")
		i.Spec.Name = "name_of_img-1"
		return tx.InsertImage(i)
	})
	b.refused(t, store.ErrConflict, func(tx Tx) error {
		i := sampleImage("img-3", "rg-1")
		i.Spec.Name = "name_of_img-1"
		return tx.UpdateImage(i)
	})
	b.refused(t, store.ErrNotFound, func(tx Tx) error { return tx.UpdateImage(sampleImage("gone", "rg-1")) })
	b.refused(t, store.ErrNotFound, func(tx Tx) error { return tx.DeleteImage("gone") })
	for _, id := range []string{"img-1", "img-2", "img-3", "img-4"} {
		b.write(t, func(tx Tx) error { return tx.DeleteImage(id) })
	}
	b.read(t, func(tx Tx) error { // the versions went with it
		_, err := tx.Version("img-1", 1)
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a version without image: %v, want ErrNotFound", err)
		}
		return nil
	})
}

func testVersions(b *bench) {
	t := b.t
	b.group(t)
	b.image(t, "img-1")
	for _, n := range []int{3, 10, 2} {
		b.write(t, func(tx Tx) error { return tx.InsertVersion(sampleVersion("img-1", n)) })
	}
	changed := sampleVersion("img-1", 3)
	changed.Stage, changed.TestedAt, changed.Packages, changed.SizeBytes = image.StageTestFailed, time.Time{}, nil, 0
	b.write(t, func(tx Tx) error { return tx.UpdateVersion(changed) })
	b.read(t, func(tx Tx) error {
		list, err := tx.Versions("img-1")
		same(t, []image.Version{sampleVersion("img-1", 1), sampleVersion("img-1", 2), changed, sampleVersion("img-1", 10)}, list)
		inUTC(t, list[0].TestedAt, list[0].CreatedAt)
		must(t, err)
		one, err := tx.Version("img-1", 3)
		same(t, changed, one)
		must(t, err)
		none, err := tx.Versions("gone")
		same(t, nil, none)
		return err
	})
	b.refused(t, store.ErrConflict, func(tx Tx) error { return tx.InsertVersion(sampleVersion("img-1", 3)) })
	b.refused(t, store.ErrNotFound, func(tx Tx) error { return tx.UpdateVersion(sampleVersion("img-1", 4)) })
	b.refused(t, store.ErrNotFound, func(tx Tx) error {
		_, err := tx.Version("img-1", 0)
		return err
	})
}

// testHistory checks that a history keeps its order, is its image's own, and goes with it.
func testHistory(b *bench) {
	t := b.t
	b.group(t)
	b.image(t, "img-1")
	b.image(t, "img-2")
	entry := func(id string, version int, what image.Action) image.Entry {
		return image.Entry{ImageID: id, Version: version, Action: what, Actor: "uid:1", At: start.Add(-time.Duration(version) * time.Minute)}
	}
	want := []image.Entry{
		entry("img-1", 1, image.ActionCreate), entry("img-1", 2, image.ActionPublish), entry("img-1", 1, image.ActionRollback),
	}
	for _, e := range append([]image.Entry{entry("img-2", 1, image.ActionCreate)}, want...) {
		b.write(t, func(tx Tx) error { return tx.InsertEntry(e) })
	}
	b.refused(t, store.ErrReferenced, func(tx Tx) error { return tx.InsertEntry(entry("gone", 1, image.ActionCreate)) })
	b.read(t, func(tx Tx) error {
		got, err := tx.History("img-1")
		same(t, want, got)
		inUTC(t, got[0].At)
		return err
	})
	b.write(t, func(tx Tx) error { return tx.DeleteImage("img-1") })
	b.read(t, func(tx Tx) error {
		gone, err := tx.History("img-1")
		must(t, err)
		same(t, nil, gone)
		other, err := tx.History("img-2")
		same(t, []image.Entry{entry("img-2", 1, image.ActionCreate)}, other)
		return err
	})
}

func testBindings(b *bench) {
	t := b.t
	b.group(t)
	for _, id := range []string{"1", "2"} {
		b.workspace(t, "ws-"+id)
		b.image(t, "img-"+id)
	}
	bind := func(image, workspace, owner string) binding.Binding {
		return binding.Binding{ImageID: image, WorkspaceID: workspace, Owner: owner, CreatedAt: start}
	}
	b.write(t, func(tx Tx) error {
		return all(
			func() error { return tx.InsertBinding(bind("img-2", "ws-1", "uid:1")) },
			func() error { return tx.InsertBinding(bind("img-1", "ws-2", "uid:1")) },
			func() error { return tx.InsertBinding(bind("img-1", "ws-1", "uid:1")) },
			func() error { return tx.InsertBinding(bind("img-2", "ws-2", "uid:2")) },
		)
	})
	b.refused(t, store.ErrConflict, func(tx Tx) error { return tx.InsertBinding(bind("img-1", "ws-1", "uid:9")) })
	b.refused(t, store.ErrNotFound, func(tx Tx) error { return tx.DeleteBinding("img-1", "ws-9") })
	b.read(t, func(tx Tx) error {
		got, err := tx.Binding("img-1", "ws-2")
		same(t, bind("img-1", "ws-2", "uid:1"), got)
		must(t, err)
		for _, test := range []struct {
			owner, image, workspace string
			want                    []string
		}{
			{"uid:1", "", "", []string{"img-1/ws-1", "img-1/ws-2", "img-2/ws-1"}},
			{"uid:1", "img-1", "", []string{"img-1/ws-1", "img-1/ws-2"}},
			{"uid:1", "", "ws-1", []string{"img-1/ws-1", "img-2/ws-1"}},
			{"uid:1", "img-2", "ws-2", nil},
			{"uid:2", "", "", []string{"img-2/ws-2"}},
		} {
			list, err := tx.Bindings(test.owner, test.image, test.workspace)
			must(t, err)
			same(t, test.want, each(list, binding.Binding.ID))
		}
		if _, err := tx.Binding("img-9", "ws-1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a binding that is not there: %v, want ErrNotFound", err)
		}
		byName, err := tx.Workspace("uid:1", "local", "name-of-ws-1")
		must(t, err)
		byID, err := tx.Workspace("uid:1", "elsewhere", "ws-1")
		same(t, byName, byID)
		must(t, err)
		if _, err := tx.Workspace("uid:2", "local", "ws-1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another owner's workspace: %v, want ErrNotFound", err)
		}
		return nil
	})
	b.write(t, func(tx Tx) error { return tx.DeleteBinding("img-1", "ws-1") })
}
