package command

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/build"
	domainimage "github.com/kilnhq/kiln/internal/domain/image"
)

func versioned() (f *fake, day func(hour int) string) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 22, hour, 0, 0, 0, time.UTC) }
	f = &fake{
		images: []domainimage.Image{{ID: "img-1", CurrentVersion: 2, PublishedVersion: 1, Spec: domainimage.Spec{Name: "segmenter"}}},
		versions: []domainimage.Version{
			{
				Number: 1, Stage: domainimage.StageBuildSuccess, InputHash: "sha256:0123456789abcdef", CreatedAt: at(1), CreatedBy: "uid:1",
				TestedAt: at(2), PublishedAt: at(3), PublishedBy: "uid:2",
			},
			{Number: 2, Stage: domainimage.StageTestFailed, InputHash: "sha256:short", CreatedAt: at(4), CreatedBy: "uid:3"},
		},
		history: []domainimage.Entry{
			{Version: 1, Action: domainimage.ActionCreate, Actor: "uid:1", At: at(1)},
			{Version: 1, Action: domainimage.ActionRollback, Actor: "uid:2", At: at(5)},
		},
	}
	return f, func(hour int) string { return at(hour).Local().Format(time.DateTime) }
}

func TestVersions(t *testing.T) {
	t.Parallel()
	f, day := versioned()
	got := f.kiln(t.Context(), t, "versions", "segmenter")
	want := "" +
		"VERSION  STAGE       INPUT HASH           CREATED              TESTED               PUBLISHED            BY\n" +
		"1 >      Published   sha256:0123456789ab  " + day(1) + "  " + day(2) + "  " + day(3) + "  uid:2\n" +
		"2        TestFailed  sha256:short         " + day(4) + "  -                    -                    uid:3\n"
	if diff := cmp.Diff(result{0, want, ""}, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
	got = f.kiln(t.Context(), t, "versions", "img-1", "-o", "json")
	var rows []versionRow
	if err := json.Unmarshal([]byte(got.stdout), &rows); err != nil || len(rows) != 2 || !rows[0].Published || rows[0].Current || !rows[1].Current ||
		rows[1].Published || rows[0].InputHash != "sha256:0123456789abcdef" || rows[1].PublishedAt != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	got = f.kiln(t.Context(), t, "versions", "segmenter", "--history")
	want = "" +
		"TIME                 ACTION    VERSION  BY\n" +
		day(1) + "  Create    1        uid:1\n" +
		day(5) + "  Rollback  1        uid:2\n"
	if diff := cmp.Diff(result{0, want, ""}, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
	if got := f.kiln(t.Context(), t, "versions", "nobody"); got.code != ExitFailed || !strings.Contains(got.stderr, "NotFound") {
		t.Errorf("got %+v", got)
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	f, _ := versioned()
	if got := f.kiln(t.Context(), t, "rollback", "segmenter", "1"); got != (result{0, "segmenter version 1 Published\n", ""}) {
		t.Errorf("got %+v", got)
	}
	f.build = build.Build{ImageID: "img-1", ImageVersion: 2, BakedVersion: 2, Digest: "sha256:22"}
	const want = "segmenter version 1 Published\nits persistent build still has version 2, sha256:22, until the next apply: runs install version 1 meanwhile\n"
	if got := f.kiln(t.Context(), t, "rollback", "segmenter", "1"); got != (result{0, want, ""}) {
		t.Errorf("got %+v", got)
	}
	f.build.BakedVersion = 1
	if got := f.kiln(t.Context(), t, "rollback", "segmenter", "1"); got != (result{0, "segmenter version 1 Published\n", ""}) {
		t.Errorf("got %+v", got)
	}
	for arguments, want := range map[string]string{"segmenter 2": "VersionNotPublishable", "segmenter two": "InvalidParameter", "nobody 1": "NotFound"} {
		got := f.kiln(t.Context(), t, append([]string{"rollback"}, strings.Fields(arguments)...)...)
		if got.code != ExitFailed || !strings.Contains(got.stderr, "kiln: "+want) || got.stdout != "" {
			t.Errorf("rollback %s: %+v, want %s", arguments, got, want)
		}
	}
	if got := f.kiln(t.Context(), t, "rollback", "segmenter"); got.code != ExitUsage {
		t.Errorf("got %+v", got)
	}
}
