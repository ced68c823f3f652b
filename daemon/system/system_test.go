package system_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kilnhq/kiln/daemon/catalogue"
	imageservice "github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/system"
)

const owner, stranger = servicetest.Owner, servicetest.Stranger

var regions = []system.Region{
	{Name: "local", Edition: quota.EditionProfessional, Pinning: system.PinningEnforce},
	{Name: "east", Edition: quota.EditionBasic, Pinning: system.PinningWarn},
}

func TestInfo(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{Idle: true, Regions: regions})
	got := d.System.Info("uid:7")
	want := system.Info{APIVersion: system.APIVersion, DaemonVersion: "test", Regions: regions, DefaultRegion: "local", Caller: "uid:7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got.Regions[0].Name = "changed"
	if again := d.System.Info("uid:7"); again.Regions[0].Name != "local" {
		t.Error("a caller can change the regions")
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	d := servicetest.New(t, servicetest.Options{Regions: regions})
	g := d.Group(owner, "", "default")
	i := d.Publish(servicetest.Spec("segmenter", g, "1"))
	b := d.Bake(i)
	d.Wait(b.ProcessID, "completed")
	b = d.Build(b.ID)
	d.Engine.Fail(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 1})
	second := d.Update(i.ID, servicetest.Spec("segmenter", g, "2"))
	d.Wait(second.ProcessID, "failed")
	theirs := d.Group(stranger, "", "default")
	other, err := d.Images.Create(d.Context(), imageservice.CreateRequest{Owner: stranger, Spec: servicetest.Spec("theirs", theirs, "1")})
	servicetest.Must(t, err)
	if _, err := d.Runner.Wait(d.Context(), stranger, other.ProcessID); err != nil {
		t.Fatal(err)
	}

	got, err := d.System.Snapshot(d.Context(), owner, "")
	servicetest.Must(t, err)
	want := system.Snapshot{
		Region: regions[0], ImagesUsed: 2, ImagesLimit: 50,
		Images: []system.ImageSummary{{
			ID: i.ID, Name: "segmenter", CurrentVersion: 2, PublishedVersion: 1, Stage: image.StageTestFailed,
			Versions: []system.VersionSummary{
				{Number: 1, InputHash: i.InputHash, Stage: image.StageBuildSuccess, Digest: b.Digest},
				{Number: 2, InputHash: second.InputHash, Stage: image.StageTestFailed},
			},
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(system.Snapshot{}, "Official")); diff != "" {
		t.Error(diff)
	}
	available := 0
	for _, o := range got.Official {
		if o.Packages != nil {
			t.Errorf("%s has its packages", o.Name)
		}
		if o.Available {
			available++
		}
	}
	if len(got.Official) != len(catalogue.Shipped("", nil)) || available != 1 {
		t.Errorf("%d official images, %d of them there", len(got.Official), available)
	}
	if v, ok := got.Images[0].ByHash(i.InputHash); !ok || v.Number != 1 {
		t.Errorf("the plan would not find version 1: %+v", v)
	}

	east, err := d.System.Snapshot(d.Context(), owner, "east")
	if err != nil || east.Region != regions[1] || east.ImagesUsed != 0 || east.ImagesLimit != 10 || len(east.Images) != 0 {
		t.Errorf("got %+v, %v", east, err)
	}
	_, err = d.System.Snapshot(d.Context(), owner, "west")
	if p := servicetest.Refusal(t, err, problem.UnknownRegion, "region"); p.Value != "west" || p.Limit != "[local east]" {
		t.Errorf("got %v", p)
	}
}
