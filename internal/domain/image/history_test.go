package image_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// TestAdmitRollback tries versions in every stage: what was published can be gone back to, and nothing else.
func TestAdmitRollback(t *testing.T) {
	t.Parallel()
	var versions []image.Version
	for n, s := range image.Stages {
		versions = append(versions, image.Version{Number: n + 1, Stage: s})
	}
	published := map[image.Stage]bool{
		image.StagePublished: true, image.StageBuilding: true, image.StageBuildSuccess: true, image.StageBuildFailed: true,
	}
	for _, v := range versions {
		err := image.AdmitRollback(versions, v.Number)
		if published[v.Stage] {
			if err != nil {
				t.Errorf("to a version in stage %s: %v", v.Stage, err)
			}
			continue
		}
		if found := problem.From(err); len(found) != 1 || found[0].Code != problem.VersionNotPublishable || found[0].Limit != "versions 6, 8, 9, 10" {
			t.Errorf("to a version in stage %s: %v", v.Stage, err)
		}
	}
	for _, number := range []int{0, -1, len(versions) + 1} {
		if err := image.AdmitRollback(versions, number); !problem.Has(err, problem.VersionNotFound) {
			t.Errorf("to version %d: %v", number, err)
		}
	}
	err := image.AdmitRollback([]image.Version{{Number: 1, Stage: image.StageTestFailed}}, 1)
	if found := problem.From(err); len(found) != 1 || found[0].Limit != "none was published" {
		t.Errorf("got %v", err)
	}
}

func TestWithHistory(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	versions := []image.Version{{Number: 1}, {Number: 2}, {Number: 3}}
	got := image.WithHistory(versions, []image.Entry{
		{Version: 1, Action: image.ActionCreate, Actor: "a", At: at},
		{Version: 1, Action: image.ActionPublish, Actor: "b", At: at.Add(1)},
		{Version: 2, Action: image.ActionCreate, Actor: "c", At: at.Add(2)},
		{Version: 1, Action: image.ActionRollback, Actor: "d", At: at.Add(3)},
	})
	want := []image.Version{
		{Number: 1, CreatedBy: "a", PublishedBy: "b", PublishedAt: at.Add(1)}, {Number: 2, CreatedBy: "c"}, {Number: 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if versions[0].CreatedBy != "" {
		t.Error("what was given was changed")
	}
}
