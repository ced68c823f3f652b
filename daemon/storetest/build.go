package storetest

import (
	"errors"
	"time"

	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/official"
)

// sampleBuild has something in every field.
func sampleBuild(id, imageID string) build.Build {
	return build.Build{
		ID: id, Owner: "uid:1", Region: "local", ImageID: imageID, ImageVersion: 2, ResourceGroupID: "rg-1", CU: 0.5,
		Stage: build.StageBuildSuccess, BakedVersion: 1, Digest: "sha256:ab", ImageRef: "localhost:5380/local/a@sha256:ab", SizeBytes: 1 << 33,
		CUSeconds: 12.125, DurationSeconds: 24.25, ProcessID: "proc-1", Generation: 4, CreatedAt: start, UpdatedAt: start.Add(time.Hour),
	}
}

func testBuild(b *bench) {
	t := b.t
	b.group(t)
	for _, id := range []string{"img-1", "img-2", "img-3"} {
		b.image(t, id)
	}
	want := sampleBuild("build-1", "img-1")
	b.write(t, func(tx Tx) error { return tx.InsertBuild(want) })
	b.read(t, func(tx Tx) error {
		for _, id := range []string{"build-1", "img-1"} {
			got, err := tx.Build(id)
			must(t, err)
			same(t, want, got)
			inUTC(t, got.CreatedAt, got.UpdatedAt)
		}
		_, err := tx.Build("img-2")
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a build that is not there: %v, want ErrNotFound", err)
		}
		return nil
	})
	b.refused(t, store.ErrConflict, func(tx Tx) error { return tx.InsertBuild(sampleBuild("build-2", "img-1")) })
	b.refused(t, store.ErrConflict, func(tx Tx) error { return tx.InsertBuild(sampleBuild("build-1", "img-2")) })
	b.refused(t, store.ErrReferenced, func(tx Tx) error { return tx.DeleteImage("img-1") })
	b.refused(t, store.ErrNotFound, func(tx Tx) error { return tx.UpdateBuild(sampleBuild("gone", "img-1")) })
	b.refused(t, store.ErrNotFound, func(tx Tx) error { return tx.DeleteBuild("img-1") })

	bare := build.Build{ID: "build-1", Owner: "uid:1", Region: "east", ImageID: "img-1", ResourceGroupID: "rg-1", CreatedAt: start.Add(time.Minute)}
	second, other := sampleBuild("build-2", "img-2"), sampleBuild("build-3", "img-3")
	other.Owner = "uid:2"
	b.write(t, func(tx Tx) error {
		return all(
			func() error { return tx.UpdateBuild(bare) }, func() error { return tx.InsertBuild(second) }, func() error { return tx.InsertBuild(other) },
		)
	})
	b.read(t, func(tx Tx) error {
		got, err := tx.Build("build-1")
		same(t, bare, got)
		must(t, err)
		for region, want := range map[string][]string{"": {"build-2", "build-1"}, "local": {"build-2"}, "east": {"build-1"}, "west": nil} {
			list, err := tx.Builds("uid:1", region)
			must(t, err)
			same(t, want, each(list, func(b build.Build) string { return b.ID }))
		}
		return nil
	})
	b.write(t, func(tx Tx) error { return tx.DeleteBuild("build-1") })
	b.write(t, func(tx Tx) error { return tx.DeleteImage("img-1") })
}

func artifact(owner, hash string) build.Artifact {
	return build.Artifact{
		Owner: owner, InputHash: hash, Digest: "sha256:" + hash, Repository: "local/a_123456", ImageID: "0f" + hash, SizeBytes: 1 << 33, CreatedAt: start,
	}
}

func testArtifacts(b *bench) {
	t := b.t
	mine, theirs := artifact("uid:1", "aa"), artifact("uid:2", "aa")
	b.write(t, func(tx Tx) error {
		return all(
			func() error { return tx.PutArtifact(mine) },
			func() error { return tx.PutArtifact(theirs) },
			func() error { return tx.PutArtifact(artifact("uid:1", "bb")) },
		)
	})
	mine.Digest = "sha256:new"
	b.write(t, func(tx Tx) error {
		return all(func() error { return tx.PutArtifact(mine) }, func() error { return tx.DeleteArtifact("uid:1", "gone") })
	})
	b.read(t, func(tx Tx) error {
		got, err := tx.Artifact("uid:1", "aa")
		same(t, mine, got)
		must(t, err)
		got, err = tx.Artifact("uid:2", "aa")
		same(t, theirs, got)
		must(t, err)
		list, err := tx.Artifacts("uid:1")
		if len(list) != 2 {
			t.Errorf("uid:1 has %d artifacts, want 2", len(list))
		}
		return err
	})
	b.write(t, func(tx Tx) error { return tx.DeleteArtifact("uid:1", "aa") })
	b.refused(t, store.ErrNotFound, func(tx Tx) error {
		_, err := tx.Artifact("uid:1", "aa")
		return err
	})
	b.read(t, func(tx Tx) error {
		_, err := tx.Artifact("uid:2", "aa")
		return err
	})
}

// testArtifactShared checks that an artifact counts as shared while another image of the owner has its hash and a build.
func testArtifactShared(b *bench) {
	t := b.t
	b.group(t)
	for _, id := range []string{"img-1", "img-2", "img-3"} {
		b.image(t, id)
	}
	ask := func(owner, imageID string, want bool) {
		t.Helper()
		b.read(t, func(tx Tx) error {
			shared, err := tx.ArtifactShared(owner, sampleVersion("", 1).InputHash, imageID)
			if shared != want {
				t.Errorf("shared = %v, want %v", shared, want)
			}
			return err
		})
	}
	b.write(t, func(tx Tx) error { return tx.InsertBuild(sampleBuild("build-1", "img-1")) })
	ask("uid:1", "img-1", false)
	ask("uid:1", "img-2", true)
	ask("uid:2", "img-2", false)
	b.write(t, func(tx Tx) error { return tx.InsertBuild(sampleBuild("build-2", "img-2")) })
	ask("uid:1", "img-1", true)
	b.write(t, func(tx Tx) error { return tx.DeleteBuild("build-2") })
	ask("uid:1", "img-1", false)
}

func testOfficialImages(b *bench) {
	t := b.t
	entry := func(name, version string) official.Image {
		return official.Image{
			Name: name, Version: version, ImageID: "ab", SizeBytes: 1 << 33,
			Packages: []official.Package{{Manager: "pip", Name: "pip", Version: "23"}},
		}
	}
	b.write(t, func(tx Tx) error {
		for _, o := range []official.Image{entry("shell", "20261101"), entry("python", "20261101"), entry("shell", "20260301")} {
			must(t, tx.PutOfficialImage(o))
		}
		return nil
	})
	again := entry("python", "20261101")
	again.ImageID, again.Packages = "cd", nil
	b.write(t, func(tx Tx) error {
		return all(func() error { return tx.PutOfficialImage(again) }, func() error { return tx.ForgetOfficialImage("gone", "1") })
	})
	b.read(t, func(tx Tx) error {
		list, err := tx.OfficialImages()
		same(t, []official.Image{again, entry("shell", "20260301"), entry("shell", "20261101")}, list)
		return err
	})
	b.write(t, func(tx Tx) error { return tx.ForgetOfficialImage("shell", "20261101") })
	b.read(t, func(tx Tx) error {
		list, err := tx.OfficialImages()
		same(t, []official.Image{again, entry("shell", "20260301")}, list)
		return err
	})
}
