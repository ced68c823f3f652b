package image_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

const owner, stranger = servicetest.Owner, servicetest.Stranger

// setup makes a daemon with a resource group in the default region.
func setup(t *testing.T, o servicetest.Options) (*servicetest.Daemon, resourcegroup.ResourceGroup) {
	t.Helper()
	d := servicetest.New(t, o)
	return d, d.Group(owner, "", "default")
}

func region(edition quota.Edition, pinning system.Pinning) []system.Region {
	return []system.Region{{Name: "local", Edition: edition, Pinning: pinning}}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{Idle: true})
	spec := servicetest.Spec("segmenter", g, "0.42.1")
	spec.Recipe.Files = []recipe.File{{Target: "/opt/a", Mode: "0644", SHA256: d.Upload("content")}}
	spec.Recipe.Packages[0].Names = []string{" jieba==0.42.1", "jieba==0.42.1"}
	i, err := d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: spec})
	servicetest.Must(t, err)
	want := spec
	want.Recipe.Base.Version = i.Base.Version
	want.Recipe = want.Recipe.Normalize()
	if diff := cmp.Diff(want, i.Spec); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(i.ID, "img-") || i.Owner != owner || i.Region != "local" || i.CurrentVersion != 1 || i.PublishedVersion != 0 ||
		i.Stage != domain.StageTesting || i.InputHash != want.Recipe.Hash() || i.Containerfile != want.Recipe.Containerfile() ||
		i.ProcessID == "" || i.Generation != 1 || i.CreatedAt.IsZero() || i.Status() != domain.StatusAvailable {
		t.Errorf("got %+v", i)
	}
	p, err := d.Runner.Get(d.Context(), owner, i.ProcessID)
	servicetest.Must(t, err)
	if p.Kind != process.KindTest || p.State != process.StateQueued || p.Subject != i.ID || p.ImageID != i.ID || p.ImageVersion != 1 ||
		p.ResourceGroupID != g.ID || p.CU != 0.5 || p.QueuePosition != 1 {
		t.Errorf("got %+v", p)
	}
	for _, id := range []string{i.ID, "segmenter"} {
		if got := d.Image(id); cmp.Diff(i, got) != "" {
			t.Error(cmp.Diff(i, got))
		}
	}
}

// TestTreeTooLarge checks that the daemon does not take the size of a directory on trust.
func TestTreeTooLarge(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{Idle: true})
	spec := servicetest.Spec("segmenter", g, "0.42.1")
	nodes := []recipe.Node{{Path: "a", Mode: "0644", SHA256: d.Upload("a")}, {Path: "b", Mode: "0644", SHA256: d.Upload("b")}, {Path: "c", Link: "a"}}
	spec.Recipe.Files = []recipe.File{{Target: "/opt/x", SHA256: recipe.TreeSum(nodes), Tree: nodes}}
	servicetest.Must(t, os.Truncate(d.Files.Path(nodes[0].SHA256), recipe.MaxTreeSize))
	_, err := d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: spec})
	if !problem.Has(err, problem.FileTooLarge) {
		t.Errorf("got %v, want FileTooLarge", err)
	}
	servicetest.Must(t, os.Truncate(d.Files.Path(nodes[0].SHA256), recipe.MaxTreeSize-1))
	i, err := d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: spec})
	servicetest.Must(t, err)
	if diff := cmp.Diff(nodes, i.Spec.Recipe.Files[0].Tree); diff != "" {
		t.Error(diff)
	}
}

// TestUnreachable checks that no test starts on a network that keeps it from its packages, and that what needs no test is not judged.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	spec := servicetest.Spec("segmenter", g, "0.42.1")
	closed := spec
	closed.Recipe.Packages = slices.Clone(spec.Recipe.Packages)
	closed.Recipe.Packages[0].Index = "https://mirror.internal/simple"
	_, err := d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: closed})
	if found := problem.From(err); len(found) != 1 || found[0].Code != problem.PublicAccessRequired || found[0].Field != "packages[0].index" {
		t.Errorf("got %v, want PublicAccessRequired", err)
	}
	if _, err := d.Images.Get(d.Context(), owner, "", spec.Name); !problem.Has(err, problem.NotFound) {
		t.Errorf("got %v, want no image", err)
	}
	n, err := d.Networks.Get(d.Context(), owner, "", g.NetworkID)
	servicetest.Must(t, err)
	n.Egress, n.Allow, n.Generation = network.EgressRestricted, []string{"mirror.internal:443"}, 0
	n, err = d.Networks.Update(d.Context(), owner, n)
	servicetest.Must(t, err)
	i, err := d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: closed})
	servicetest.Must(t, err)
	d.Wait(i.ProcessID, process.StateCompleted)
	n.Egress, n.Allow, n.Generation = network.EgressNone, nil, 0
	_, err = d.Networks.Update(d.Context(), owner, n)
	servicetest.Must(t, err)
	closed.Description = "without a new test"
	if i, err = d.Images.Update(d.Context(), image.UpdateRequest{Owner: owner, ID: i.ID, Spec: closed}); err != nil || i.Spec.Description != closed.Description {
		t.Errorf("got %+v, %v", i.Spec, err)
	}
	_, err = d.Builds.Create(d.Context(), build.CreateRequest{Owner: owner, ImageID: i.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5})
	if found := problem.From(err); len(found) != 1 || found[0].Code != problem.PublicAccessRequired || found[0].Field != "resource_group_id" {
		t.Errorf("got %v, want PublicAccessRequired", err)
	}
}

func TestCreateRefused(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{Idle: true, Regions: []system.Region{
		{Name: "local", Edition: quota.EditionProfessional, Pinning: system.PinningEnforce},
		{Name: "east", Edition: quota.EditionProfessional, Pinning: system.PinningEnforce},
	}})
	east, theirs := d.Group(owner, "east", "east"), d.Group(stranger, "", "default")
	exclusive, err := d.ResourceGroups.Create(d.Context(), owner, "", resourcegroup.ResourceGroup{
		Name: "exclusive", Type: resourcegroup.TypeExclusiveScheduler, NetworkID: g.NetworkID, CU: 2, TimeZone: "UTC",
	})
	servicetest.Must(t, err)
	for _, test := range []struct {
		name   string
		change func(*image.CreateRequest)
		code   problem.Code
		field  string
	}{
		{"name", func(r *image.CreateRequest) { r.Spec.Name = "Segmenter" }, problem.InvalidName, "name"},
		{"region", func(r *image.CreateRequest) { r.Region = "west" }, problem.UnknownRegion, "region"},
		{
			"base", func(r *image.CreateRequest) { r.Spec.Recipe.Base.Official = "none" }, problem.OfficialImageNotFound,
			"source.official.image",
		},
		{
			"version of the base", func(r *image.CreateRequest) { r.Spec.Recipe.Base.Version = "19700101" }, problem.VersionNotFound,
			"source.official.version",
		},
		{
			"task type", func(r *image.CreateRequest) { r.Spec.TaskTypes = []tasktype.Type{tasktype.Notebook} }, problem.TaskTypeNotSupported,
			"task_types",
		},
		{
			"runtime", func(r *image.CreateRequest) { r.Spec.Recipe.Base.Official = "dataworks_shell_task_pod" }, problem.RuntimeMissing,
			"packages[0].type",
		},
		{
			"unpinned", func(r *image.CreateRequest) { r.Spec.Recipe.Packages[0].Names = []string{"a==1", "a==1", "jieba"} },
			problem.UnpinnedPackage, "packages[0].names[2]",
		},
		{
			"the user's own numbers", func(r *image.CreateRequest) { r.Spec.Recipe.Packages[0].Names = []string{"a==1", "a==1", "a b"} },
			problem.InvalidRequirement, "packages[0].names[2]",
		},
		{"plan", func(r *image.CreateRequest) { r.ExpectedHash = "sha256:0" }, problem.PlanStale, "input_hash"},
		{
			"file", func(r *image.CreateRequest) {
				r.Spec.Recipe.Files = []recipe.File{{Target: "/opt/a", Mode: "0644", SHA256: strings.Repeat("a", 64)}}
			}, problem.FileMissing, "files",
		},
		{"no group", func(r *image.CreateRequest) { r.Spec.Test.ResourceGroupID = "" }, problem.NotFound, "test.resource_group_id"},
		{"a group by name", func(r *image.CreateRequest) { r.Spec.Test.ResourceGroupID = g.Name }, problem.NotFound, "test.resource_group_id"},
		{
			"another region's group", func(r *image.CreateRequest) { r.Spec.Test.ResourceGroupID = east.ID }, problem.RegionMismatch,
			"test.resource_group_id",
		},
		{
			"a stranger's group", func(r *image.CreateRequest) { r.Spec.Test.ResourceGroupID = theirs.ID }, problem.NotFound,
			"test.resource_group_id",
		},
		{
			"type of the group", func(r *image.CreateRequest) { r.Spec.Test.ResourceGroupID = exclusive.ID },
			problem.ResourceGroupTypeNotSupported, "test.resource_group_id",
		},
		{"size", func(r *image.CreateRequest) { r.Spec.Test.CU = 2.25 }, problem.CuExceedsResourceGroup, "test.cu"},
		{"no size", func(r *image.CreateRequest) { r.Spec.Test.CU = 0 }, problem.InvalidCu, "test.cu"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := image.CreateRequest{Owner: owner, Key: "key of " + test.name, Spec: servicetest.Spec("segmenter", g, "0.42.1")}
			test.change(&req)
			_, err := d.Images.Create(d.Context(), req)
			servicetest.Refused(t, err, test.code, test.field)
		})
	}
	t.Cleanup(func() {
		list, _, err := d.Images.List(context.WithoutCancel(d.Context()), owner, domain.Filter{})
		if err != nil || len(list) != 0 {
			t.Errorf("refused requests have left %v, %v", list, err)
		}
	})
}

func TestPinning(t *testing.T) {
	t.Parallel()
	for pinning, ok := range map[system.Pinning]bool{system.PinningEnforce: false, system.PinningWarn: true, system.PinningOff: true} {
		t.Run(string(pinning), func(t *testing.T) {
			t.Parallel()
			d, g := setup(t, servicetest.Options{Idle: true, Regions: region(quota.EditionProfessional, pinning)})
			spec := servicetest.Spec("segmenter", g, "1.*")
			_, err := d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: spec})
			if ok {
				servicetest.Must(t, err)
				return
			}
			servicetest.Refused(t, err, problem.UnpinnedPackage, "packages[0].names[0]")
		})
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	regions := append(region(quota.EditionBasic, system.PinningEnforce), system.Region{Name: "east", Edition: quota.EditionBasic})
	d, g := setup(t, servicetest.Options{Idle: true, Regions: regions})
	theirs, east := d.Group(stranger, "", "default"), d.Group(owner, "east", "east")
	var last domain.Image
	for n := range 9 {
		last = d.Create(servicetest.Spec(fmt.Sprintf("image_%d", n), g, "1"))
	}
	tenth := image.CreateRequest{Owner: stranger, Spec: servicetest.Spec("image", theirs, "1")} // the region's images count, of whom they may be
	_, err := d.Images.Create(d.Context(), tenth)
	servicetest.Must(t, err)
	eleventh := image.CreateRequest{Owner: owner, Spec: servicetest.Spec("one_more", g, "1")}
	_, err = d.Images.Create(d.Context(), eleventh)
	if p := servicetest.Refusal(t, err, problem.ImageQuotaExceeded, "name"); p.Value != "10 used, 1 planned" {
		t.Errorf("got %v", p)
	}
	if again := d.Create(last.Spec); again.ID != last.ID { // attaching needs no place
		t.Errorf("got %+v", again)
	}
	_, err = d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Region: "east", Spec: servicetest.Spec("one_more", east, "1")})
	servicetest.Must(t, err)
	d.Update(last.ID, servicetest.Spec("renamed", g, "1"))
	servicetest.Must(t, d.Images.Delete(d.Context(), owner, last.ID))
	_, err = d.Images.Create(d.Context(), eleventh)
	servicetest.Must(t, err)
}

func TestRequestKey(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{Idle: true})
	req := image.CreateRequest{Owner: owner, Key: "key", Spec: servicetest.Spec("segmenter", g, "1")}
	first, err := d.Images.Create(d.Context(), req)
	servicetest.Must(t, err)
	again, err := d.Images.Create(d.Context(), req)
	servicetest.Must(t, err)
	if diff := cmp.Diff(first, again); diff != "" { // not even its generation has moved
		t.Error(diff)
	}
	other := req
	other.Spec.Description = "another"
	_, err = d.Images.Create(d.Context(), other)
	servicetest.Refused(t, err, problem.IdempotencyConflict, "request_key")
	servicetest.Must(t, d.Images.Delete(d.Context(), owner, first.ID))
	_, err = d.Images.Create(d.Context(), req)
	servicetest.Refused(t, err, problem.NotFound, "id")
}

// TestAttach checks that a creation that was interrupted goes on where it was.
func TestAttach(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	release := d.Engine.Block(worker.KindImage)
	spec := servicetest.Spec("segmenter", g, "1")
	first := d.Create(spec)
	spec.Description = "in other words"
	again := d.Create(spec)
	if again.ID != first.ID || again.ProcessID != first.ProcessID || again.Spec.Description != spec.Description || again.Stage != domain.StageTesting {
		t.Errorf("got %+v", again)
	}
	_, err := d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: servicetest.Spec("segmenter", g, "2")})
	if p := servicetest.Refusal(t, err, problem.NameConflict, "name"); !strings.Contains(p.Remedy, first.ID) {
		t.Errorf("got %v", p)
	}
	release()
	d.Wait(first.ProcessID, process.StateCompleted)
	_, err = d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: spec}) // it was published
	servicetest.Refused(t, err, problem.NameConflict, "name")

	// One that failed is tested once more.
	d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	failing := d.Create(servicetest.Spec("failing", g, "1"))
	d.Wait(failing.ProcessID, process.StateFailed)
	retried := d.Create(servicetest.Spec("failing", g, "1"))
	if retried.ID != failing.ID || retried.ProcessID == failing.ProcessID || retried.CurrentVersion != 1 {
		t.Errorf("got %+v", retried)
	}
	d.Wait(retried.ProcessID, process.StateCompleted)

	theirs := d.Group(stranger, "", "default")
	i, err := d.Images.Create(d.Context(), image.CreateRequest{Owner: stranger, Spec: servicetest.Spec("segmenter", theirs, "1")})
	if err != nil || i.ID == first.ID {
		t.Errorf("a stranger of the same taste: %+v, %v", i, err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	first := d.Publish(servicetest.Spec("segmenter", g, "1"))
	if first.Stage != domain.StagePublished || first.PublishedVersion != 1 || first.SizeBytes == 0 || len(first.Packages) == 0 {
		t.Fatalf("got %+v", first)
	}
	// The recipe stays: no version, no test.
	spec := first.Spec
	spec.Name, spec.Description, spec.Visibility = "renamed", "in other words", domain.VisibilityPublic
	spec.Test.Commands, spec.TaskTypes = nil, []tasktype.Type{tasktype.PyODPS3}
	same := d.Update(first.ID, spec)
	if same.CurrentVersion != 1 || same.Stage != domain.StagePublished || same.ProcessID != first.ProcessID || same.Generation <= first.Generation ||
		same.InputHash != first.InputHash {
		t.Errorf("got %+v", same)
	}
	if diff := cmp.Diff(spec, same.Spec); diff != "" {
		t.Error(diff)
	}
	// Another recipe: the published version serves until the new one is.
	release := d.Engine.Block(worker.KindImage)
	spec.Recipe.Packages = []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{"jieba==2"}}}
	second := d.Update(first.ID, spec)
	if second.CurrentVersion != 2 || second.PublishedVersion != 1 || second.Stage != domain.StageTesting || len(second.Packages) != 0 {
		t.Errorf("got %+v", second)
	}
	release()
	d.Wait(second.ProcessID, process.StateCompleted)
	if i := d.Image(first.ID); i.CurrentVersion != 2 || i.PublishedVersion != 2 || i.Stage != domain.StagePublished {
		t.Errorf("got %+v", i)
	}
	// Back again: nothing runs.
	calls := d.Engine.Calls(worker.KindImage)
	spec.Recipe = first.Spec.Recipe
	back := d.Update(first.ID, spec)
	if back.CurrentVersion != 1 || back.PublishedVersion != 1 || back.Stage != domain.StagePublished || back.InputHash != first.InputHash ||
		back.SizeBytes != first.SizeBytes {
		t.Errorf("got %+v", back)
	}
	spec.Recipe.Packages = []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{"jieba==3"}}}
	third := d.Update(first.ID, spec)
	if third.CurrentVersion != 3 || third.PublishedVersion != 1 {
		t.Errorf("got %+v", third)
	}
	d.Wait(third.ProcessID, process.StateCompleted)
	if n := d.Engine.Calls(worker.KindImage) - calls; n != 1 {
		t.Errorf("%d tests for a way back and a new recipe, want 1", n)
	}
	versions, err := d.Images.Versions(d.Context(), owner, first.ID)
	servicetest.Must(t, err)
	for n, v := range versions {
		if v.Number != n+1 || v.Stage != domain.StagePublished || v.TestedAt.IsZero() || v.ProcessID == "" || v.InputHash != v.Recipe.Hash() {
			t.Errorf("got %+v", v)
		}
	}
	if len(versions) != 3 {
		t.Errorf("%d versions, want 3", len(versions))
	}
}

// TestUpdateFailed checks that a version that failed its test leaves what serves alone.
func TestUpdateFailed(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	first := d.Publish(servicetest.Spec("segmenter", g, "1"))
	d.Engine.FailOnce(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	second := d.Update(first.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, process.StateFailed)
	if i := d.Image(first.ID); i.CurrentVersion != 2 || i.PublishedVersion != 1 || i.Stage != domain.StageTestFailed {
		t.Errorf("got %+v", i)
	}
	third := d.Update(first.ID, servicetest.Spec("segmenter", g, "2")) // the same once more
	if third.CurrentVersion != 2 || third.ProcessID == second.ProcessID {
		t.Errorf("got %+v", third)
	}
	d.Wait(third.ProcessID, process.StateCompleted)
	if i := d.Image(first.ID); i.CurrentVersion != 2 || i.PublishedVersion != 2 {
		t.Errorf("got %+v", i)
	}
}

func TestUpdateRefused(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	first := d.Publish(servicetest.Spec("segmenter", g, "1"))
	other := d.Publish(servicetest.Spec("other", g, "1"))
	for _, test := range []struct {
		name   string
		change func(*image.UpdateRequest)
		code   problem.Code
		field  string
	}{
		{"unpublish", func(r *image.UpdateRequest) { r.Spec.Publish = false }, problem.CannotUnpublish, "publish"},
		{"generation", func(r *image.UpdateRequest) { r.Generation = first.Generation - 1 }, problem.Conflict, "generation"},
		{"name", func(r *image.UpdateRequest) { r.Spec.Name = "other" }, problem.NameConflict, "name"},
		{"plan", func(r *image.UpdateRequest) { r.ExpectedHash = "sha256:0" }, problem.PlanStale, "input_hash"},
		{"unpinned", func(r *image.UpdateRequest) { r.Spec.Recipe.Packages[0].Names[0] = "jieba" }, problem.UnpinnedPackage, "packages[0].names[0]"},
		{"group", func(r *image.UpdateRequest) { r.Spec.Test.ResourceGroupID = "rg-gone" }, problem.NotFound, "test.resource_group_id"},
		{"id", func(r *image.UpdateRequest) { r.ID = "img-gone" }, problem.NotFound, "id"},
		{"stranger", func(r *image.UpdateRequest) { r.Owner = stranger }, problem.NotFound, "id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := image.UpdateRequest{Owner: owner, ID: first.ID, Spec: servicetest.Spec("segmenter", g, "1")}
			test.change(&req)
			_, err := d.Images.Update(d.Context(), req)
			p := servicetest.Refusal(t, err, test.code, test.field)
			if test.code == problem.NameConflict && !strings.Contains(p.Remedy, "terraform import ADDRESS "+other.ID) {
				t.Errorf("the remedy is %q", p.Remedy)
			}
		})
	}
}

func TestUpdateBusy(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	defer d.Engine.Block(worker.KindImage)()
	i := d.Create(servicetest.Spec("segmenter", g, "1"))
	_, err := d.Images.Update(d.Context(), image.UpdateRequest{Owner: owner, ID: i.ID, Spec: servicetest.Spec("segmenter", g, "2")})
	if p := servicetest.Refusal(t, err, problem.ProcessAlreadyRunning, "stage"); !strings.Contains(p.Remedy, i.ProcessID) {
		t.Errorf("got %v", p)
	}
	// What needs no work is possible.
	spec := servicetest.Spec("segmenter", g, "1")
	spec.Description = "in other words"
	if i := d.Update(i.ID, spec); i.Stage != domain.StageTesting {
		t.Errorf("got %+v", i)
	}
}

// TestUpdateWhileBaking checks that the refusal names the process that bakes, not the test of long ago.
func TestUpdateWhileBaking(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	defer d.Engine.Block(worker.KindImage)()
	b := d.Bake(i)
	_, err := d.Images.Update(d.Context(), image.UpdateRequest{Owner: owner, ID: i.ID, Spec: servicetest.Spec("segmenter", g, "2")})
	p := servicetest.Refusal(t, err, problem.ProcessAlreadyRunning, "stage")
	if !strings.Contains(p.Remedy, b.ProcessID) || strings.Contains(p.Detail, i.ProcessID) {
		t.Errorf("got %v, want process %s", p, b.ProcessID)
	}
}

func TestPublishLater(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	spec := servicetest.Spec("segmenter", g, "1")
	spec.Publish = false
	i := d.Publish(spec)
	if i.Stage != domain.StageUnpublished || i.PublishedVersion != 0 || i.SizeBytes == 0 {
		t.Errorf("got %+v", i)
	}
	again := d.Update(i.ID, spec) // nothing to do
	if again.Stage != domain.StageUnpublished || again.ProcessID != i.ProcessID {
		t.Errorf("got %+v", again)
	}
	spec.Publish = true
	published := d.Update(i.ID, spec)
	if published.Stage != domain.StagePublished || published.PublishedVersion != 1 || published.ProcessID != i.ProcessID {
		t.Errorf("got %+v", published)
	}
	if n := d.Engine.Calls(worker.KindImage); n != 1 {
		t.Errorf("%d tests, want 1", n)
	}
}

// TestExpired checks what becomes of images whose base expires: they stay as they are, may change, and go back to it; new ones have the
// newest base, and no other.
func TestExpired(t *testing.T) {
	t.Parallel()
	entry := official.Image{
		Name: "site", Version: "20260101", Status: official.StatusReadOnly, Reference: "registry.test/site@sha256:0",
		TaskTypes: []tasktype.Type{tasktype.Shell}, Provides: []string{"python3"},
	}
	dir := t.TempDir()
	d, g := setup(t, servicetest.Options{Dir: dir, Entries: []official.Image{entry}})
	spec := servicetest.Spec("segmenter", g, "1")
	spec.Recipe.Base.Official = "site"
	i := d.Publish(spec)
	d.Stop()
	entry.Status = official.StatusExpired
	newer := entry
	newer.Version, newer.Status = "20270101", official.StatusReadOnly
	d = servicetest.New(t, servicetest.Options{Dir: dir, Entries: []official.Image{entry, newer}})
	if got := d.Image(i.ID); got.Status() != domain.StatusExpired || got.Stage != domain.StagePublished || got.InputHash != i.InputHash {
		t.Errorf("got %+v", got)
	}
	list, _, err := d.Images.List(d.Context(), owner, domain.Filter{})
	if err != nil || len(list) != 1 || list[0].Status() != domain.StatusExpired {
		t.Errorf("got %+v, %v", list, err)
	}
	spec.Name = "other"
	other := d.Create(spec)
	if other.Spec.Recipe.Base.Version != "20270101" {
		t.Errorf("a new image is based on %s", other.Spec.Recipe.Base.Version)
	}
	spec = i.Spec
	spec.Recipe.Base.Version, spec.Name = entry.Version, "third"
	_, err = d.Images.Create(d.Context(), image.CreateRequest{Owner: owner, Spec: spec})
	servicetest.Refused(t, err, problem.BaseImageExpired, "source.official.version")
	spec.Name = i.Spec.Name
	update := func(id, base, version string) error {
		spec.Recipe.Base.Version, spec.Recipe.Packages = base, servicetest.Spec("", g, version).Recipe.Packages
		changed, err := d.Images.Update(d.Context(), image.UpdateRequest{Owner: owner, ID: id, Spec: spec})
		if err == nil {
			d.Wait(changed.ProcessID, process.StateCompleted)
		}
		return err
	}
	servicetest.Must(t, update(i.ID, entry.Version, "2"))
	servicetest.Must(t, update(i.ID, newer.Version, "2"))
	servicetest.Must(t, update(i.ID, entry.Version, "1"))
	servicetest.Must(t, update(i.ID, newer.Version, "2"))
	servicetest.Refused(t, update(i.ID, entry.Version, "3"), problem.BaseImageExpired, "source.official.version")
}

func TestDelete(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	release := d.Engine.Block(worker.KindImage)
	i := d.Create(servicetest.Spec("segmenter", g, "1"))
	servicetest.Must(t, d.Engine.WaitCalls(d.Context(), worker.KindImage, 1))
	servicetest.Must(t, d.Images.Delete(d.Context(), owner, i.ID)) // while its test runs
	if p := d.Wait(i.ProcessID, process.StateCancelled); p.Problem == nil || p.Problem.Code != problem.Cancelled {
		t.Errorf("got %+v", p)
	}
	servicetest.Must(t, d.Engine.WaitIdle(d.Context()))
	release()
	_, err := d.Images.Get(d.Context(), owner, "", i.ID)
	servicetest.Refused(t, err, problem.NotFound, "id")
	servicetest.Refused(t, d.Images.Delete(d.Context(), owner, i.ID), problem.NotFound, "id")

	i = d.Publish(servicetest.Spec("segmenter", g, "1")) // the name is free
	w := d.Workspace("analytics")
	_, err = d.Bindings.Create(d.Context(), owner, i.ID, w.ID)
	servicetest.Must(t, err)
	b := d.Bake(i)
	d.Wait(b.ProcessID, process.StateCompleted)
	p := servicetest.Refusal(t, d.Images.Delete(d.Context(), owner, i.ID), problem.ImageInUse, "id")
	if want := "used by persistent build " + b.ID + ", workspace analytics"; p.Limit != want || p.Value != "segmenter" {
		t.Errorf("got %v, want %q", p, want)
	}
	servicetest.Must(t, d.Bindings.Delete(d.Context(), owner, i.ID, w.ID))
	servicetest.Must(t, d.Builds.Delete(d.Context(), owner, b.ID))
	release = d.Engine.Block(worker.KindImage)
	running, err := d.Images.Run(d.Context(), image.RunRequest{Owner: owner, Image: i.ID, Argv: []string{"true"}})
	servicetest.Must(t, err)
	p = servicetest.Refusal(t, d.Images.Delete(d.Context(), owner, i.ID), problem.ImageInUse, "id")
	if want := "used by process " + running; p.Limit != want {
		t.Errorf("got %v, want %q", p, want)
	}
	release()
	d.Wait(running, process.StateCompleted)
	servicetest.Must(t, d.Images.Delete(d.Context(), owner, i.ID))
}

// TestStranger checks that somebody else's image answers exactly as one that does not exist.
func TestStranger(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	theirs := d.Group(stranger, "", "default")
	_, err := d.Workspaces.Create(d.Context(), stranger, "", workspace.Workspace{Name: "theirs"})
	servicetest.Must(t, err)
	for name, try := range map[string]func(id string) error{
		"Get":      func(id string) error { _, err := d.Images.Get(d.Context(), stranger, "", id); return err },
		"Versions": func(id string) error { _, err := d.Images.Versions(d.Context(), stranger, id); return err },
		"Delete":   func(id string) error { return d.Images.Delete(d.Context(), stranger, id) },
		"Update": func(id string) error {
			_, err := d.Images.Update(d.Context(), image.UpdateRequest{Owner: stranger, ID: id, Spec: servicetest.Spec("x", theirs, "1")})
			return err
		},
		"Run": func(id string) error {
			_, err := d.Images.Run(d.Context(), image.RunRequest{Owner: stranger, Image: id, ResourceGroup: "default", Argv: []string{"true"}})
			return err
		},
		"Bind": func(id string) error { _, err := d.Bindings.Create(d.Context(), stranger, id, "theirs"); return err },
	} {
		for _, mine := range []string{i.ID, "segmenter"} {
			gone, there := problem.From(try("gone")), problem.From(try(mine))
			if len(gone) != 1 || len(there) != 1 || gone[0].Code != problem.NotFound {
				t.Errorf("%s: %v and %v, want NotFound", name, gone, there)
				continue
			}
			gone[0].Value = mine
			if diff := cmp.Diff(gone, there); diff != "" {
				t.Errorf("%s tells the two apart: %s", name, diff)
			}
		}
	}
	list, _, err := d.Images.List(d.Context(), stranger, domain.Filter{})
	if err != nil || len(list) != 0 {
		t.Errorf("a stranger sees %v, %v", list, err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	d.Publish(servicetest.Spec("b", g, "1"))
	d.Publish(servicetest.Spec("a", g, "1"))
	list, next, err := d.Images.List(d.Context(), owner, domain.Filter{Region: "local"})
	servicetest.Must(t, err)
	if next != "" {
		t.Errorf("there are more after %s", next)
	}
	if len(list) != 2 || list[0].Spec.Name != "a" || list[0].Packages != nil || list[0].SizeBytes == 0 || list[0].Base.Name == "" {
		t.Errorf("got %+v", list)
	}
	page, next, err := d.Images.List(d.Context(), owner, domain.Filter{PageSize: 1})
	servicetest.Must(t, err)
	rest, end, err := d.Images.List(d.Context(), owner, domain.Filter{PageSize: 1, After: next})
	servicetest.Must(t, err)
	if len(page) != 1 || page[0].Spec.Name != "a" || len(rest) != 1 || rest[0].Spec.Name != "b" || end != "" {
		t.Errorf("pages are %+v and %+v, and then %q", page, rest, end)
	}
	_, _, err = d.Images.List(d.Context(), owner, domain.Filter{Stages: []domain.Stage{"Sleeping"}})
	servicetest.Refused(t, err, problem.InvalidParameter, "stages")
	page, _, err = d.Images.List(d.Context(), owner, domain.Filter{OrderBy: domain.OrderCreated})
	servicetest.Must(t, err)
	if len(page) != 2 || page[0].Spec.Name != "b" {
		t.Errorf("by creation: %+v", page)
	}
}

// TestListOfWorkspace: images are found by the workspaces that use them, which must be there and the owner's.
func TestListOfWorkspace(t *testing.T) {
	t.Parallel()
	d, g := setup(t, servicetest.Options{})
	w, none := d.Workspace("w"), d.Workspace("none")
	bound := d.Publish(servicetest.Spec("a", g, "1"))
	d.Publish(servicetest.Spec("b", g, "1"))
	_, err := d.Bindings.Create(d.Context(), owner, bound.ID, w.ID)
	servicetest.Must(t, err)
	for want, workspaces := range map[int][]string{1: {w.ID, none.ID}, 0: {none.ID}, 2: nil} {
		list, _, err := d.Images.List(d.Context(), owner, domain.Filter{Workspaces: workspaces})
		servicetest.Must(t, err)
		if len(list) != want || want == 1 && list[0].ID != bound.ID {
			t.Errorf("%q: %+v", workspaces, list)
		}
	}
	for as, id := range map[string]string{owner: "w", "somebody": w.ID} {
		_, _, err = d.Images.List(d.Context(), as, domain.Filter{Workspaces: []string{id}})
		servicetest.Refused(t, err, problem.NotFound, "workspace_ids")
	}
}
