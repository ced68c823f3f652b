package build_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/enginetest"
	imageservice "github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
)

const owner, stranger = servicetest.Owner, servicetest.Stranger

// setup makes a daemon with a group and an image whose version 1 is published.
func setup(t *testing.T, o servicetest.Options) (*servicetest.Daemon, resourcegroup.ResourceGroup, image.Image) {
	t.Helper()
	d := servicetest.New(t, o)
	g := d.Group(owner, "", "default")
	return d, g, d.Publish(servicetest.Spec("segmenter", g, "1"))
}

// stages reads the stages of an image's versions.
func stages(t *testing.T, d *servicetest.Daemon, id string) (list []image.Stage) {
	t.Helper()
	versions, err := d.Images.Versions(d.Context(), owner, id)
	servicetest.Must(t, err)
	for _, v := range versions {
		list = append(list, v.Stage)
	}
	return list
}

func update(d *servicetest.Daemon, b domain.Build, version int) (domain.Build, error) {
	return d.Builds.Update(d.Context(), build.UpdateRequest{
		Owner: owner, ID: b.ID, ImageVersion: version, ResourceGroupID: b.ResourceGroupID, CU: b.CU,
	})
}

func TestBake(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	release := d.Engine.Block(worker.KindImage)
	b := d.Bake(i)
	if !strings.HasPrefix(b.ID, "build-") || b.Owner != owner || b.Region != "local" || b.ImageID != i.ID || b.ImageVersion != 1 ||
		b.ResourceGroupID != g.ID || b.Stage != domain.StageBuilding || b.Digest != "" || b.BakedVersion != 0 || b.ProcessID == "" || b.Generation != 1 {
		t.Errorf("got %+v", b)
	}
	if diff := cmp.Diff([]image.Stage{image.StageBuilding}, stages(t, d, i.ID)); diff != "" {
		t.Error(diff)
	}
	if got := d.Image(i.ID); got.Stage.Public() != image.StagePublished || got.PublishedVersion != 1 {
		t.Errorf("while baking, the image is %+v", got)
	}
	release()
	v := d.Wait(b.ProcessID, process.StateCompleted)
	got := d.Build(b.ID)
	if got.Stage != domain.StageBuildSuccess || got.BakedVersion != 1 || got.SizeBytes == 0 || got.Generation <= b.Generation ||
		got.DurationSeconds <= 0 || got.CUSeconds != 0.5*got.DurationSeconds || got.ProcessID != b.ProcessID || v.CUSeconds != got.CUSeconds {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]image.Stage{image.StageBuildSuccess}, stages(t, d, i.ID)); diff != "" {
		t.Error(diff)
	}
	jobs := d.Engine.Jobs(worker.KindImage, worker.KindPush)
	baked, pushed := jobs[len(jobs)-2], jobs[len(jobs)-1]
	if baked.Image.Containerfile != i.Containerfile || baked.Image.Commands != nil || !strings.HasPrefix(baked.Image.Tag, "localhost/kiln-baked/"+i.ID+":v1-") {
		t.Errorf("it is baked as %+v", baked.Image)
	}
	host, repository, _ := strings.Cut(pushed.Push.Destination, "/")
	repository, _, _ = strings.Cut(repository, ":")
	if host != worker.HostAddress+":5381" || !pushed.Push.PlainHTTP || pushed.Push.Password == "" || pushed.Push.Image != enginetest.Default(baked).ImageID ||
		pushed.Network.Egress != worker.EgressRestricted || len(pushed.Network.Allow) != 1 {
		t.Errorf("it is pushed as %+v over %+v", pushed.Push, pushed.Network)
	}
	if want := enginetest.RegistryHost + "/" + repository + "@" + got.Digest; got.ImageRef != want {
		t.Errorf("image_ref = %q, want %q", got.ImageRef, want)
	}
	if diff := cmp.Diff([]string{repository + "@" + got.Digest}, d.Registry.Verified()); diff != "" {
		t.Error(diff)
	}
	if made, open := d.Registry.Grants(); made != 1 || open != 0 {
		t.Errorf("%d grants, %d of them open", made, open)
	}
	byImage, err := d.Builds.Get(d.Context(), owner, i.ID)
	if err != nil || cmp.Diff(got, byImage) != "" {
		t.Errorf("by its image: %+v, %v", byImage, err)
	}
	list, err := d.Builds.List(d.Context(), owner, "")
	if err != nil || len(list) != 1 {
		t.Errorf("got %v, %v", list, err)
	}
}

// TestRepository checks that every name that an image may have gives a repository that the registry takes.
func TestRepository(t *testing.T) {
	t.Parallel()
	d, g, _ := setup(t, servicetest.Options{})
	for name, want := range map[string]string{
		"_": "local/", "a___b": "local/a_b_", "_a_": "local/a_", "a__b": "local/a_b_", "x1": "local/x1_", strings.Repeat("n", 128): "local/" + strings.Repeat("n", 128) + "_",
	} {
		i := d.Publish(servicetest.Spec(name, g, "1"))
		b := d.Bake(i)
		d.Wait(b.ProcessID, process.StateCompleted)
		path := strings.TrimPrefix(d.Build(b.ID).ImageRef, enginetest.RegistryHost+"/")
		path, _, _ = strings.Cut(path, "@")
		if path != want+i.ID[len(i.ID)-6:] {
			t.Errorf("%s is pushed to %s, want %s and the end of %s", name, path, want, i.ID)
		}
		servicetest.Must(t, d.Builds.Delete(d.Context(), owner, b.ID))
	}
}

func TestCreateRefused(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{Regions: []system.Region{
		{Name: "local", Edition: quota.EditionProfessional, Pinning: system.PinningEnforce},
		{Name: "east", Edition: quota.EditionStandard, Pinning: system.PinningEnforce},
	}})
	east := d.Group(owner, "east", "east")
	unpublished := servicetest.Spec("unpublished", g, "1")
	unpublished.Publish = false
	tested := d.Publish(unpublished)
	exclusive, err := d.ResourceGroups.Create(d.Context(), owner, "", resourcegroup.ResourceGroup{
		Name: "exclusive", Type: resourcegroup.TypeExclusiveScheduler, NetworkID: g.NetworkID, CU: 2, TimeZone: "UTC",
	})
	servicetest.Must(t, err)
	inEast := eastern(t, d, east)
	for _, test := range []struct {
		name   string
		change func(*build.CreateRequest)
		code   problem.Code
		field  string
	}{
		{"no image", func(r *build.CreateRequest) { r.ImageID = "" }, problem.MissingRequired, "image_id"},
		{"an image that is not there", func(r *build.CreateRequest) { r.ImageID = "img-gone" }, problem.NotFound, "image_id"},
		{"a stranger", func(r *build.CreateRequest) { r.Owner = stranger }, problem.NotFound, "image_id"},
		{"no version", func(r *build.CreateRequest) { r.ImageVersion = 0 }, problem.InvalidParameter, "image_version"},
		{"a version to come", func(r *build.CreateRequest) { r.ImageVersion = 2 }, problem.VersionNotFound, "image_version"},
		{"not published", func(r *build.CreateRequest) { r.ImageID = tested.ID }, problem.ImageNotPublished, "image_version"},
		{"no size", func(r *build.CreateRequest) { r.CU = 0 }, problem.InvalidCu, "cu"},
		{"no number", func(r *build.CreateRequest) { r.CU = math.NaN() }, problem.InvalidCu, "cu"},
		{"size", func(r *build.CreateRequest) { r.CU = 4 }, problem.CuExceedsResourceGroup, "cu"},
		{"no group", func(r *build.CreateRequest) { r.ResourceGroupID = "rg-gone" }, problem.NotFound, "resource_group_id"},
		{"another region's group", func(r *build.CreateRequest) { r.ResourceGroupID = east.ID }, problem.RegionMismatch, "resource_group_id"},
		{
			"type of the group", func(r *build.CreateRequest) { r.ResourceGroupID = exclusive.ID }, problem.ResourceGroupTypeNotSupported,
			"resource_group_id",
		},
		{
			"edition", func(r *build.CreateRequest) { r.ImageID, r.ResourceGroupID = inEast.ID, east.ID }, problem.EditionNotSupported,
			"image_id",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := build.CreateRequest{Owner: owner, ImageID: i.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5}
			test.change(&req)
			_, err := d.Builds.Create(d.Context(), req)
			servicetest.Refused(t, err, test.code, test.field)
		})
	}
}

func eastern(t *testing.T, d *servicetest.Daemon, g resourcegroup.ResourceGroup) image.Image {
	t.Helper()
	i := d.CreateIn("east", servicetest.Spec("eastern", g, "1"))
	d.Wait(i.ProcessID, process.StateCompleted)
	return d.Image(i.ID)
}

func TestAttach(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	release := d.Engine.Block(worker.KindImage)
	first := d.Bake(i)
	large := build.CreateRequest{Owner: owner, ImageID: i.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 4}
	_, refused := d.Builds.Create(d.Context(), large) // attaching is no way around the rules
	servicetest.Refused(t, refused, problem.CuExceedsResourceGroup, "cu")
	large.CU, large.ResourceGroupID = 0.5, "rg-gone"
	_, refused = d.Builds.Create(d.Context(), large)
	servicetest.Refused(t, refused, problem.NotFound, "resource_group_id")
	again := d.Bake(i)
	if again.ID != first.ID || again.ProcessID != first.ProcessID {
		t.Errorf("got %+v", again)
	}
	release()
	d.Wait(first.ProcessID, process.StateCompleted)
	req := build.CreateRequest{Owner: owner, ImageID: i.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5}
	_, err := d.Builds.Create(d.Context(), req) // it is finished: somebody has it
	if p := servicetest.Refusal(t, err, problem.NameConflict, "image_id"); !strings.Contains(p.Remedy, first.ID) {
		t.Errorf("got %v", p)
	}
	req.ImageID = first.ID
	_, err = d.Builds.Create(d.Context(), req) // a build is no image
	servicetest.Refused(t, err, problem.NotFound, "image_id")

	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)
	req.ImageID, req.ImageVersion = i.ID, 2
	_, err = d.Builds.Create(d.Context(), req)
	if p := servicetest.Refusal(t, err, problem.NameConflict, "image_id"); !strings.Contains(p.Remedy, first.ID) {
		t.Errorf("got %v", p)
	}
	if n := d.Engine.Calls(worker.KindPush); n != 1 {
		t.Errorf("%d pushes, want 1", n)
	}
}

func TestRequestKey(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	req := build.CreateRequest{Owner: owner, Key: "key", ImageID: i.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5}
	first, err := d.Builds.Create(d.Context(), req)
	servicetest.Must(t, err)
	d.Wait(first.ProcessID, process.StateCompleted)
	again, err := d.Builds.Create(d.Context(), req)
	servicetest.Must(t, err)
	want := d.Build(first.ID)
	want.Presence = "" // nobody has looked
	if diff := cmp.Diff(want, again); diff != "" {
		t.Error(diff)
	}
	other := req
	other.CU = 1
	_, err = d.Builds.Create(d.Context(), other)
	servicetest.Refused(t, err, problem.IdempotencyConflict, "request_key")
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, first.ID))
	_, err = d.Builds.Create(d.Context(), req)
	servicetest.Refused(t, err, problem.NotFound, "id")
}

// TestRebake checks that the old digest serves until the new one is there, and after a bake that failed.
func TestRebake(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	first := d.Build(b.ID)
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)

	d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	release := d.Engine.Block(worker.KindImage)
	baking, err := update(d, first, 2)
	servicetest.Must(t, err)
	if baking.Stage != domain.StageBuilding || baking.ImageVersion != 2 || baking.Digest != first.Digest || baking.BakedVersion != 1 {
		t.Errorf("got %+v", baking)
	}
	_, err = update(d, first, 1)
	if p := servicetest.Refusal(t, err, problem.ProcessAlreadyRunning, "image_version"); !strings.Contains(p.Remedy, baking.ProcessID) {
		t.Errorf("got %v", p)
	}
	if _, err := update(d, first, 2); err != nil { // the same once more
		t.Error(err)
	}
	release()
	if v := d.Wait(baking.ProcessID, process.StateFailed); v.Problem.Code != problem.Unclassified {
		t.Errorf("got %+v", v.Problem)
	}
	failed := d.Build(b.ID)
	if failed.Stage != domain.StageBuildFailed || failed.ImageVersion != 2 || failed.BakedVersion != 1 || failed.Digest != first.Digest ||
		failed.ImageRef != first.ImageRef || failed.DurationSeconds <= 0 {
		t.Errorf("got %+v", failed)
	}
	if diff := cmp.Diff([]image.Stage{image.StageBuildSuccess, image.StageBuildFailed}, stages(t, d, i.ID)); diff != "" {
		t.Error(diff)
	}
	retried, err := update(d, first, 2)
	servicetest.Must(t, err)
	d.Wait(retried.ProcessID, process.StateCompleted)
	done := d.Build(b.ID)
	if done.Stage != domain.StageBuildSuccess || done.BakedVersion != 2 || done.Digest == first.Digest {
		t.Errorf("got %+v", done)
	}
	// Back to what was baked before: nothing runs.
	pushes := d.Engine.Calls(worker.KindPush)
	back, err := update(d, first, 1)
	servicetest.Must(t, err)
	if back.Stage != domain.StageBuildSuccess || back.BakedVersion != 1 || back.Digest != first.Digest || back.ProcessID != "" || back.CUSeconds != 0 ||
		d.Engine.Calls(worker.KindPush) != pushes {
		t.Errorf("got %+v", back)
	}
}

// TestFailedThenBack checks the way back from a bake that failed to the version that still serves.
func TestFailedThenBack(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	first := d.Build(b.ID)
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)
	d.Engine.FailOnce(worker.KindPush, &worker.Failure{Kind: worker.FailureTransfer, Message: "denied"})
	baking, err := update(d, first, 2)
	servicetest.Must(t, err)
	if v := d.Wait(baking.ProcessID, process.StateFailed); v.Problem.Code != problem.ImagePushFailed {
		t.Errorf("got %+v", v.Problem)
	}
	back, err := update(d, first, 1)
	servicetest.Must(t, err)
	if back.Stage != domain.StageBuildSuccess || back.Digest != first.Digest || back.ImageVersion != 1 {
		t.Errorf("got %+v", back)
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	d.Registry.FailVerify(errors.New("content has digest sha256:0"))
	b := d.Bake(i)
	v := d.Wait(b.ProcessID, process.StateFailed)
	if v.Problem.Code != problem.DigestMismatch || !strings.Contains(v.Problem.Detail, "content has digest sha256:0") {
		t.Errorf("got %+v", v.Problem)
	}
	if got := d.Build(b.ID); got.Stage != domain.StageBuildFailed || got.Digest != "" || got.ImageRef != "" {
		t.Errorf("got %+v", got)
	}
	d.Registry.FailVerify(nil)
	again := d.Bake(i)
	d.Wait(again.ProcessID, process.StateCompleted)
	if made, open := d.Registry.Grants(); made != 4 || open != 0 {
		t.Errorf("%d grants, %d of them open: want three tries and one", made, open)
	}
	if n := len(d.Registry.Mended()); n != 2 {
		t.Errorf("mended %d times between three tries", n)
	}
}

// TestLost: an artifact that the registry has lost is told, is baked again when it is asked for, and serves nobody meanwhile.
func TestLost(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	presence := func(want domain.Presence) domain.Build {
		t.Helper()
		one, err := d.Builds.Get(d.Context(), owner, b.ID)
		servicetest.Must(t, err)
		list, err := d.Builds.List(d.Context(), owner, "")
		servicetest.Must(t, err)
		if one.Presence != want || len(list) != 1 || list[0].Presence != want {
			t.Errorf("read as %q, listed as %+v, want %s", one.Presence, list, want)
		}
		return one
	}
	first := presence(domain.PresenceAvailable)
	for _, lost := range []domain.Presence{domain.PresenceMissing, domain.PresenceChanged} {
		d.Registry.SetPresence(first.Digest, lost)
		shot, err := d.System.Snapshot(d.Context(), owner, "")
		servicetest.Must(t, err)
		if digest := shot.Images[0].Versions[0].Digest; digest != "" {
			t.Errorf("a plan would show the digest %s", digest)
		}
		gone := presence(lost)
		again, err := update(d, gone, gone.ImageVersion)
		servicetest.Must(t, err)
		if again.Stage != domain.StageBuilding || again.ProcessID == gone.ProcessID {
			t.Fatalf("it is not baked again: %+v", again)
		}
		d.Wait(again.ProcessID, process.StateCompleted)
		if back := presence(domain.PresenceAvailable); back.Stage != domain.StageBuildSuccess || back.Digest != first.Digest {
			t.Errorf("got %+v", back)
		}
	}
	pushes := d.Engine.Calls(worker.KindPush)
	there, err := update(d, presence(domain.PresenceAvailable), 1)
	servicetest.Must(t, err)
	if there.Stage != domain.StageBuildSuccess || d.Engine.Calls(worker.KindPush) != pushes {
		t.Errorf("what is there was baked again: %+v", there)
	}
}

// TestCannotTell: a registry that cannot be read is an error, and changes nothing.
func TestCannotTell(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	d.Registry.FailCheck(errors.New("registry answers 500"))
	_, err := d.Builds.Get(d.Context(), owner, b.ID)
	if p := servicetest.Refusal(t, err, problem.RegistryUnreadable, ""); !strings.Contains(p.Detail, "registry answers 500") {
		t.Errorf("got %v", p)
	}
	_, err = d.Builds.List(d.Context(), owner, "")
	servicetest.Refused(t, err, problem.RegistryUnreadable, "")
	_, err = update(d, b, 1)
	servicetest.Refused(t, err, problem.RegistryUnreadable, "")
	if _, err := d.System.Snapshot(d.Context(), owner, ""); err != nil {
		t.Errorf("plans that bake nothing fail, too: %v", err)
	}
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, b.ID))
}

func TestCancel(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	release := d.Engine.Block(worker.KindPush)
	b := d.Bake(i)
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindPush, 1))
	_, err := d.Runner.Cancel(d.Context(), owner, b.ProcessID)
	servicetest.Must(t, err)
	if got := d.Build(b.ID); got.Stage != domain.StageBuildFailed || got.Digest != "" {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]image.Stage{image.StagePublished}, stages(t, d, i.ID)); diff != "" {
		t.Error(diff)
	}
	release()
	again := d.Bake(i)
	d.Wait(again.ProcessID, process.StateCompleted)
	if _, open := d.Registry.Grants(); open != 0 {
		t.Errorf("%d grants are open", open)
	}
}

// TestReuse checks that what was baked from a recipe serves another image of the owner with the same recipe.
func TestReuse(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	first := d.Bake(i)
	d.Wait(first.ProcessID, process.StateCompleted)
	first = d.Build(first.ID)
	twin := d.Publish(servicetest.Spec("twin", g, "1"))
	second := d.Bake(twin)
	if second.Stage != domain.StageBuildSuccess || second.Digest != first.Digest || second.ImageRef != first.ImageRef || second.ProcessID != "" ||
		second.CUSeconds != 0 || second.BakedVersion != 1 {
		t.Errorf("got %+v", second)
	}
	// What is shared stays while somebody needs it.
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, first.ID))
	list, err := d.Runner.List(d.Context(), owner, process.Filter{Kind: process.KindCleanup})
	if err != nil || len(list) != 0 {
		t.Errorf("cleanups = %v, %v", list, err)
	}
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, twin.ID))
	cleaned(t, d, 1)

	// A stranger of the same taste bakes his own.
	theirs := d.Group(stranger, "", "default")
	other, err := d.Images.Create(d.Context(), imageservice.CreateRequest{Owner: stranger, Spec: servicetest.Spec("twin", theirs, "1")})
	servicetest.Must(t, err)
	if v, err := d.Runner.Wait(d.Context(), stranger, other.ProcessID); err != nil || v.State != process.StateCompleted {
		t.Fatalf("got %+v, %v", v, err)
	}
	third, err := d.Builds.Create(d.Context(), build.CreateRequest{Owner: stranger, ImageID: other.ID, ImageVersion: 1, ResourceGroupID: theirs.ID, CU: 0.5})
	if err != nil || third.ProcessID == "" {
		t.Errorf("got %+v, %v", third, err)
	}
}

// cleaned waits for the newest of n cleanups.
func cleaned(t *testing.T, d *servicetest.Daemon, n int) {
	t.Helper()
	list, err := d.Runner.List(d.Context(), owner, process.Filter{Kind: process.KindCleanup})
	servicetest.Must(t, err)
	if len(list) != n {
		t.Fatalf("%d cleanups, want %d", len(list), n)
	}
	d.Wait(list[0].ID, process.StateCompleted)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	first := d.Build(b.ID)
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateCompleted)
	baking, err := update(d, first, 2)
	servicetest.Must(t, err)
	d.Wait(baking.ProcessID, process.StateCompleted)
	last := d.Build(b.ID)

	before := d.Engine.Images()
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, b.ID))
	_, err = d.Builds.Get(d.Context(), owner, b.ID)
	servicetest.Refused(t, err, problem.NotFound, "id")
	servicetest.Refused(t, d.Builds.Delete(d.Context(), owner, b.ID), problem.NotFound, "id")
	if diff := cmp.Diff([]image.Stage{image.StagePublished, image.StagePublished}, stages(t, d, i.ID)); diff != "" {
		t.Error(diff)
	}
	cleaned(t, d, 1)
	var deleted []string
	for _, ref := range []string{first.ImageRef, last.ImageRef} {
		deleted = append(deleted, strings.TrimPrefix(ref, enginetest.RegistryHost+"/"))
	}
	if diff := cmp.Diff(deleted, d.Registry.Deleted()); diff != "" {
		t.Error(diff)
	}
	if after := d.Engine.Images(); len(before)-len(after) != 2 {
		t.Errorf("of the images %v, %v are left", before, after)
	}
	again := d.Bake(d.Image(i.ID)) // it is baked anew
	if again.ID == b.ID || again.ProcessID == "" {
		t.Errorf("got %+v", again)
	}
	d.Wait(again.ProcessID, process.StateCompleted)
}

// TestDeleteWhileBaking checks that a bake ends with its build, and leaves the image as it was.
func TestDeleteWhileBaking(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	defer d.Engine.Block(worker.KindImage)()
	b := d.Bake(i)
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindImage, 2))
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, i.ID)) // by its image
	d.Wait(b.ProcessID, process.StateCancelled)
	if diff := cmp.Diff([]image.Stage{image.StagePublished}, stages(t, d, i.ID)); diff != "" {
		t.Error(diff)
	}
	servicetest.Must(t, d.Images.Delete(d.Context(), owner, i.ID))
}

// TestCleanupFails checks that a cleanup that cannot be done says so.
func TestCleanupFails(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	d.Registry.FailDelete(errors.New("registry answers 500"))
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, b.ID))
	list, err := d.Runner.List(d.Context(), owner, process.Filter{Kind: process.KindCleanup})
	servicetest.Must(t, err)
	if v := d.Wait(list[0].ID, process.StateFailed); v.Problem.Code != problem.Internal {
		t.Errorf("got %+v", v.Problem)
	}
}

// TestCleanupInterrupted kills the daemon while an artifact is removed: the next one removes it.
func TestCleanupInterrupted(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	release := d.Engine.Block(worker.KindRemove)
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, b.ID))
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindRemove, 1))
	dir := d.Killed()
	release()
	d = servicetest.New(t, servicetest.Options{Dir: dir})
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindRemove, 1))
	servicetest.Must(t, d.Engine.WaitIdle(d.Context()))
	list, err := d.Runner.List(d.Context(), owner, process.Filter{Kind: process.KindCleanup})
	servicetest.Must(t, err)
	if len(list) != 2 || len(d.Registry.Deleted()) != 1 {
		t.Fatalf("%d cleanups, and the registry was asked to delete %v", len(list), d.Registry.Deleted())
	}
	d.Wait(list[0].ID, process.StateCompleted)
}

// TestCleanupTooLate bakes again what is about to be removed: it stays.
func TestCleanupTooLate(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	release := d.Engine.Block(worker.KindRemove)
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, b.ID))
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindRemove, 1))
	again := d.Bake(i)
	d.Wait(again.ProcessID, process.StateCompleted)
	dir := d.Killed() // the removal, which the next daemon queues again
	release()
	d = servicetest.New(t, servicetest.Options{Dir: dir})
	list, err := d.Runner.List(d.Context(), owner, process.Filter{Kind: process.KindCleanup})
	servicetest.Must(t, err)
	d.Wait(list[0].ID, process.StateCompleted)
	if len(d.Registry.Deleted()) != 0 {
		t.Errorf("the registry was asked to delete %v", d.Registry.Deleted())
	}
}

func TestUpdateRefused(t *testing.T) {
	t.Parallel()
	d, g, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	for _, test := range []struct {
		name   string
		change func(*build.UpdateRequest)
		code   problem.Code
		field  string
	}{
		{"generation", func(r *build.UpdateRequest) { r.Generation = 1 }, problem.Conflict, "generation"},
		{"version", func(r *build.UpdateRequest) { r.ImageVersion = 9 }, problem.VersionNotFound, "image_version"},
		{"no version", func(r *build.UpdateRequest) { r.ImageVersion = 0 }, problem.InvalidParameter, "image_version"},
		{"group", func(r *build.UpdateRequest) { r.ResourceGroupID = "rg-gone" }, problem.NotFound, "resource_group_id"},
		{"size", func(r *build.UpdateRequest) { r.CU = 64 }, problem.CuExceedsResourceGroup, "cu"},
		{"id", func(r *build.UpdateRequest) { r.ID = "build-gone" }, problem.NotFound, "id"},
		{"stranger", func(r *build.UpdateRequest) { r.Owner = stranger }, problem.NotFound, "id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := build.UpdateRequest{Owner: owner, ID: b.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5}
			test.change(&req)
			_, err := d.Builds.Update(d.Context(), req)
			servicetest.Refused(t, err, test.code, test.field)
		})
	}
}

// TestResize checks that another size or group alone bakes nothing.
func TestResize(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	other := d.Group(owner, "", "other")
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	b = d.Build(b.ID)
	got, err := d.Builds.Update(d.Context(), build.UpdateRequest{
		Owner: owner, ID: b.ID, Generation: b.Generation, ImageVersion: 1, ResourceGroupID: other.ID, CU: 1,
	})
	servicetest.Must(t, err)
	if got.CU != 1 || got.ResourceGroupID != other.ID || got.Stage != domain.StageBuildSuccess || got.ProcessID != b.ProcessID ||
		got.Digest != b.Digest || got.Generation != b.Generation+1 {
		t.Errorf("got %+v", got)
	}
	if n := d.Engine.Calls(worker.KindPush); n != 1 {
		t.Errorf("%d pushes, want 1", n)
	}
}

// TestStranger checks that somebody else's build answers exactly as one that does not exist.
func TestStranger(t *testing.T) {
	t.Parallel()
	d, _, i := setup(t, servicetest.Options{})
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	for name, try := range map[string]func(id string) error{
		"Get":    func(id string) error { _, err := d.Builds.Get(d.Context(), stranger, id); return err },
		"Delete": func(id string) error { return d.Builds.Delete(d.Context(), stranger, id) },
		"Update": func(id string) error {
			_, err := d.Builds.Update(d.Context(), build.UpdateRequest{Owner: stranger, ID: id, ImageVersion: 1, CU: 0.5})
			return err
		},
	} {
		for _, mine := range []string{b.ID, i.ID} {
			want := servicetest.Refusal(t, try("gone"), problem.NotFound, "id")
			want.Value = mine
			if diff := cmp.Diff(want, servicetest.Refusal(t, try(mine), problem.NotFound, "id")); diff != "" {
				t.Errorf("%s tells the two apart: %s", name, diff)
			}
		}
	}
}
