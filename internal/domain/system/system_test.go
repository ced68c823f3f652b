package system_test

import (
	"testing"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/system"
)

func TestByID(t *testing.T) {
	t.Parallel()
	s := system.Snapshot{Images: []system.ImageSummary{{ID: "img-1", Name: "a"}, {ID: "img-2", Name: "b"}}}
	if got, ok := s.ByID("img-2"); !ok || got.Name != "b" {
		t.Errorf("ByID = %+v, %v", got, ok)
	}
	if _, ok := s.ByID("a"); ok {
		t.Error("a name is taken for an id")
	}
}

func TestByHash(t *testing.T) {
	t.Parallel()
	i := system.ImageSummary{Versions: []system.VersionSummary{
		{Number: 1, InputHash: "a", Stage: image.StageTestFailed},
		{Number: 2, InputHash: "b", Stage: image.StagePublished},
		{Number: 3, InputHash: "a", Stage: image.StageBuildSuccess},
		{Number: 4, InputHash: "b", Stage: image.StageBuildFailed},
		{Number: 5, InputHash: "b", Stage: image.StageTesting},
		{Number: 6, InputHash: "c", Stage: image.StageUnpublished},
	}}
	for hash, want := range map[string]int{"a": 3, "b": 4, "c": 0, "d": 0, "": 0} {
		if got, ok := i.ByHash(hash); got.Number != want || ok != (want > 0) {
			t.Errorf("ByHash(%q) = %d, %v, want %d", hash, got.Number, ok, want)
		}
	}
}
