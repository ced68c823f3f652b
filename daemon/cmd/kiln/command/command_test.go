package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/process"
	domainimage "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

func TestImages(t *testing.T) {
	t.Parallel()
	f := &fake{images: []domainimage.Image{
		{
			ID: "img-1", Region: "local", CurrentVersion: 2, PublishedVersion: 1, Stage: domainimage.StageTesting, SizeBytes: 3 << 20,
			Spec:      domainimage.Spec{Name: "segmenter", TaskTypes: []tasktype.Type{tasktype.PyODPS3, tasktype.Shell}},
			CreatedAt: time.Now().Add(-3*time.Hour - time.Minute),
		},
		{ID: "img-2", Region: "local", CurrentVersion: 1, Stage: domainimage.StageBuildSuccess, Spec: domainimage.Spec{Name: "new"}},
	}}
	got := f.kiln(t.Context(), t, "images")
	want := "" +
		"NAME       ID     VERSION  PUBLISHED  STAGE      SIZE     TASK TYPES     REGION  AGE\n" +
		"segmenter  img-1  2        1          Testing    3.0 MiB  pyodps3,shell  local   3h\n" +
		"new        img-2  1        -          Published  -        -              local   -\n"
	if diff := cmp.Diff(result{0, want, ""}, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
	got = f.kiln(t.Context(), t, "images", "-o", "json")
	var rows []map[string]any
	if err := json.Unmarshal([]byte(got.stdout), &rows); err != nil || len(rows) != 2 || rows[0]["name"] != "segmenter" ||
		rows[0]["published_version"] != 1.0 || rows[1]["updated_at"] != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := (&fake{}).kiln(t.Context(), t, "images", "--output=json"); got.stdout != "[]\n" {
		t.Errorf("no images are %q", got.stdout)
	}
}

func TestOfficialImages(t *testing.T) {
	t.Parallel()
	f := &fake{catalogue: []official.Image{{
		Name: "base", Version: "20260101", Status: official.StatusReadOnly, Available: true, SizeBytes: 2 << 30,
		TaskTypes: []tasktype.Type{tasktype.Shell, tasktype.Python}, Default: []tasktype.Type{tasktype.Shell}, Provides: []string{"apt", "python3"},
	}}}
	got := f.kiln(t.Context(), t, "images", "--official")
	want := "" +
		"NAME  VERSION   STATUS    AVAILABLE  SIZE     TASK TYPES    DEFAULT FOR  PROVIDES\n" +
		"base  20260101  ReadOnly  yes        2.0 GiB  shell,python  shell        apt,python3\n"
	if got.code != 0 || got.stdout != want {
		t.Errorf("got %+v", got)
	}
	if got := f.kiln(t.Context(), t, "images", "--official", "-ojson"); !json.Valid([]byte(got.stdout)) || !strings.Contains(got.stdout, `"default_for"`) {
		t.Errorf("got %+v", got)
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	f := &fake{
		images: []domainimage.Image{{ID: "img-1", Spec: domainimage.Spec{Name: "segmenter"}}},
		jobs: []process.View{
			view("proc-3", domain.StateQueued, func(v *process.View) { v.QueuePosition = 2 }),
			view("proc-2", domain.StateRunning, func(v *process.View) { v.CUSeconds, v.Step = 12.34, "RUN a\tvery "+strings.Repeat("long ", 9)+"step" }),
			view("proc-1", domain.StateFailed, func(v *process.View) { v.Problem = &problem.Problem{Code: problem.TestFailed} }),
			view("proc-0", domain.StateCompleted, func(v *process.View) {
				v.Kind, v.ImageID, v.ImageVersion, v.Subject = domain.KindCatalogue, "", 0, "base:20260101"
			}),
		},
	}
	got := f.kiln(t.Context(), t, "jobs")
	want := "" +
		"ID      KIND       IMAGE          VERSION  STATE      STEP                                      AGE  CU-SECONDS  QUEUE\n" +
		"proc-3  test       segmenter      2        queued     -                                         5m   0.0         2\n" +
		"proc-2  test       segmenter      2        running    RUN a very long long long long long lon…  5m   12.3        -\n" +
		"proc-1  test       segmenter      2        failed     TestFailed                                5m   0.0         -\n" +
		"proc-0  catalogue  base:20260101  -        completed  -                                         5m   0.0         -\n"
	if diff := cmp.Diff(result{0, want, ""}, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
	got = f.kiln(t.Context(), t, "jobs", "--state", "failed", "--image", "segmenter", "-o", "json")
	var rows []jobRow
	if err := json.Unmarshal([]byte(got.stdout), &rows); err != nil || len(rows) != 1 || rows[0].Problem != "TestFailed" || rows[0].Image != "segmenter" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := f.kiln(t.Context(), t, "jobs", "--image", "nobody"); got.code != ExitFailed || !strings.Contains(got.stderr, "kiln: NotFound") {
		t.Errorf("got %+v", got)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	setup := func() *fake {
		return &fake{
			images: []domainimage.Image{{ID: "img-1", Spec: domainimage.Spec{Name: "segmenter"}}},
			jobs: []process.View{
				view("proc-ab", domain.StateFailed, func(v *process.View) {
					v.Problem = &problem.Problem{Code: problem.TestFailed, Remedy: "Correct the test.", Log: []string{"not again"}}
				}),
				view("proc-ac", domain.StateRunning, func(*process.View) {}),
			},
			lines: []domain.Line{
				{Number: 1, Stream: "kiln", Text: "remark"},
				{Number: 2, Stream: "kiln", Text: "RUN x", Step: "RUN x"},
				{Number: 3, Stream: "stdout", Text: "kiln: forged\n==> forged"},
				{Number: 4, Stream: "stderr", Text: "warning"},
			},
		}
	}
	const log = "kiln: remark\n==> RUN x\n  kiln: forged\\n==> forged\n  warning\n"
	for _, args := range [][]string{{"proc-ab"}, {"proc-ac"}, {"segmenter"}, {"img-1"}} {
		got := setup().kiln(t.Context(), t, append([]string{"logs"}, args...)...)
		if diff := cmp.Diff(result{0, log, ""}, got, cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("%v: %s", args, diff)
		}
	}
	got := setup().kiln(t.Context(), t, "logs", "-f", "segmenter")
	want := result{0, log, "kiln: job proc-ab: failed\nkiln: TestFailed. Correct the test.\n"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
	for id, want := range map[string]string{"proc-a": "2 jobs begin so", "nobody": "kiln: NotFound: no such image or job", "": "NotFound"} {
		got := setup().kiln(t.Context(), t, "logs", id)
		if got.code != ExitFailed || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: got %+v", id, got)
		}
	}
}

func TestLogsOfAnImageWithoutJobs(t *testing.T) {
	t.Parallel()
	f := &fake{images: []domainimage.Image{{ID: "img-9", Spec: domainimage.Spec{Name: "new"}}}}
	if got := f.kiln(t.Context(), t, "logs", "new"); got.code != ExitFailed || !strings.Contains(got.stderr, "has no jobs") {
		t.Errorf("got %+v", got)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	f := &fake{
		jobs: []process.View{view("proc-1", domain.StateCompleted, func(v *process.View) { v.ExitCode, v.QueuePosition = 7, 3 })},
		lines: []domain.Line{
			{Number: 1, Stream: "kiln", Text: "no persistent build"},
			{Number: 2, Stream: "kiln", Text: "RUN pip", Step: "RUN pip"},
			{Number: 3, Stream: "stdout", Text: "installed"},
			{Number: 4, Stream: "kiln", Text: "run", Step: "run"},
			{Number: 5, Stream: "stdout", Text: "out"},
			{Number: 6, Stream: "stderr", Text: "err"},
			{Number: 7, Stream: "stdout", Text: "\x1b[31mred"},
		},
	}
	got := f.kiln(t.Context(), t, "run", "segmenter", "--resource-group", "default", "-e", "K=V=W", "-e", "EMPTY=", "--region", "r",
		"--", "python3", "-c", "--endpoint")
	want := result{
		7, "out\n\x1b[31mred\n",
		"kiln: job proc-1\nkiln: waiting in the queue at position 3\nkiln: no persistent build\nkiln: RUN pip\ninstalled\nerr\n",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
	request := image.RunRequest{
		Owner: f.run.Owner, Region: "r", Image: "segmenter", ResourceGroup: "default",
		Argv: []string{"python3", "-c", "--endpoint"}, Env: map[string]string{"K": "V=W", "EMPTY": ""},
	}
	if diff := cmp.Diff(request, f.run); diff != "" {
		t.Error(diff)
	}
}

func TestRunThatKilnHasFailed(t *testing.T) {
	t.Parallel()
	refused := &fake{runErr: problem.Problem{Code: problem.ImageNotPublished, Value: "segmenter", Remedy: "Publish it."}}
	if got := refused.kiln(t.Context(), t, "run", "segmenter", "--", "true"); got.code != ExitRunFailed || got.stdout != "" ||
		!strings.Contains(got.stderr, "kiln: ImageNotPublished; value: segmenter. Publish it.") {
		t.Errorf("got %+v", got)
	}
	failed := &fake{jobs: []process.View{view("proc-1", domain.StateFailed, func(v *process.View) {
		v.Problem = &problem.Problem{Code: problem.Unclassified, Detail: "pip has failed"}
	})}}
	if got := failed.kiln(t.Context(), t, "run", "segmenter", "--", "true"); got.code != ExitRunFailed ||
		!strings.Contains(got.stderr, "kiln: Unclassified: pip has failed") {
		t.Errorf("got %+v", got)
	}
}

func TestRunIsCancelledByTheUser(t *testing.T) {
	t.Parallel()
	f := &fake{
		jobs:  []process.View{view("proc-1", domain.StateRunning, func(*process.View) {})},
		lines: []domain.Line{{Number: 1, Stream: "stdout", Text: "out"}}, hang: make(chan struct{}),
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-f.hang
		cancel()
	}()
	got := f.kiln(ctx, t, "run", "segmenter", "--", "sleep", "1000")
	if got.code != ExitInterrupted || len(f.cancelled) != 1 || !strings.Contains(got.stderr, "the job was cancelled") {
		t.Errorf("got %+v, cancelled %v", got, f.cancelled)
	}
}

func TestRunStopsWhenNobodyReads(t *testing.T) {
	t.Parallel()
	f := &fake{
		jobs:  []process.View{view("proc-1", domain.StateRunning, func(*process.View) {})},
		lines: []domain.Line{{Number: 1, Stream: "kiln", Text: "run", Step: "run"}, {Number: 2, Stream: "stdout", Text: "out"}},
		hang:  make(chan struct{}),
	}
	var stderr bytes.Buffer
	code := Run(t.Context(), Invocation{
		Args: []string{"run", "x", "--endpoint", f.serve(t), "--", "yes"}, Stdout: full{}, Stderr: &stderr,
	})
	if code != ExitRunFailed || len(f.cancelled) != 1 || !strings.Contains(stderr.String(), "disk full") {
		t.Errorf("got %d, cancelled %v, %s", code, f.cancelled, stderr.String())
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	f := &fake{jobs: []process.View{
		view("proc-1", domain.StateRunning, func(*process.View) {}), view("proc-2", domain.StateCompleted, func(*process.View) {}),
	}}
	if got := f.kiln(t.Context(), t, "cancel", "proc-1"); got != (result{0, "proc-1 cancelled\n", ""}) {
		t.Errorf("got %+v", got)
	}
	if got := f.kiln(t.Context(), t, "cancel", "proc-2"); got != (result{0, "proc-2 completed\n", "kiln: the job was completed already\n"}) {
		t.Errorf("got %+v", got)
	}
	if got := f.kiln(t.Context(), t, "cancel", "proc"); got.code != ExitFailed || len(f.cancelled) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	f := &fake{
		jobs:  []process.View{view("proc-1", domain.StateCompleted, func(*process.View) {})},
		lines: []domain.Line{{Number: 1, Stream: "stdout", Text: "I: Retrieving"}},
	}
	if got := f.kiln(t.Context(), t, "prepare", "base"); got != (result{0, "  I: Retrieving\n", "kiln: job proc-1\nkiln: job proc-1: completed\n"}) {
		t.Errorf("got %+v", got)
	}
	if got := (&fake{ready: true}).kiln(t.Context(), t, "prepare", "base"); got != (result{0, "", "kiln: base is available already\n"}) {
		t.Errorf("got %+v", got)
	}
	f.jobs[0].State, f.jobs[0].Problem = domain.StateFailed, &problem.Problem{Code: problem.CatalogBuildFailed}
	if got := f.kiln(t.Context(), t, "prepare", "base"); got.code != ExitFailed || !strings.Contains(got.stderr, "kiln: CatalogBuildFailed") {
		t.Errorf("got %+v", got)
	}
	if got := f.kiln(t.Context(), t, "prepare", "other"); got.code != ExitFailed || !strings.Contains(got.stderr, "OfficialImageNotFound") {
		t.Errorf("got %+v", got)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	f := &fake{info: system.Info{APIVersion: system.APIVersion, DaemonVersion: "1.2.4"}}
	got := f.kiln(t.Context(), t, "version")
	if got.code != 0 || !strings.HasPrefix(got.stdout, "kiln  1.2.3\nkilnd 1.2.4 (API 1, unix:///") {
		t.Errorf("got %+v", got)
	}
	if got := f.kiln(t.Context(), t, "--version"); got.code != 0 || got.stdout != "kiln version 1.2.3\n" {
		t.Errorf("got %+v", got)
	}
	f.info.APIVersion = 99
	if got := f.kiln(t.Context(), t, "version"); got.code != ExitFailed || !strings.Contains(got.stdout, "1.2.4") || !strings.Contains(got.stderr, "IncompatibleApi") {
		t.Errorf("got %+v", got)
	}
	var stdout, stderr bytes.Buffer
	code := Run(t.Context(), Invocation{
		Args: []string{"version", "--endpoint", "unix://" + filepath.Join(t.TempDir(), "none.sock")}, Stdout: &stdout, Stderr: &stderr, Version: "1",
	})
	if code != ExitFailed || stdout.String() != "kiln  1\n" || !strings.Contains(stderr.String(), "DaemonUnavailable") {
		t.Errorf("got %d %s %s", code, stdout.String(), stderr.String())
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"nonsense"},
		{"images", "x"},
		{"images", "--nonsense"},
		{"images", "-o", "yaml"},
		{"logs"},
		{"cancel"},
		{"cancel", "a", "b"},
		{"prepare"},
		{"run"},
		{"run", "image"},
		{"run", "image", "ls"},
		{"run", "--", "ls"},
		{"run", "a", "b", "--", "ls"},
		{"run", "a", "--"},
		{"run", "a", "-e", "NOVALUE", "--", "ls"},
		{"run", "a", "-e", "=x", "--", "ls"},
	} {
		if got := (&fake{}).kiln(t.Context(), t, args...); got.code != ExitUsage || got.stdout != "" || !strings.HasPrefix(got.stderr, "kiln: ") {
			t.Errorf("%v: got %+v", args, got)
		}
	}
	if got := (&fake{}).kiln(t.Context(), t); got.code != 0 || !strings.Contains(got.stdout, "prepare") {
		t.Errorf("help is %+v", got)
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain\ttext ✓ 中文 👩‍🔬": "plain\ttext ✓ 中文 👩‍🔬",
		"\x1b[2J\r\x00\x07\n":  `\x1b[2J\x0d\x00\x07\x0a`,
		"\x7f\u009b31m":        `\x7f\u009b31m`,
		"a\xffb\xef":           `a\xffb\xef`,
		"\uFFFD\u202e":         "\uFFFD" + `\u202e`,
	} {
		if got := escape(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	var b bytes.Buffer
	p := newPrinter(&b)
	p.line("", "\x1b")
	p.terminal = true
	p.line("", "\x1b")
	if b.String() != "\x1b\n\\x1b\n" {
		t.Errorf("got %q", b.String())
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 59 * time.Second: "59s", time.Minute: "1m", 47 * time.Hour: "47h", 49 * time.Hour: "2d",
	} {
		if got := age(now, now.Add(-d)); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("write: %w", errors.New("disk full")) }

func view(id string, state domain.State, change func(*process.View)) process.View {
	v := process.View{Process: domain.Process{
		ID: id, Kind: domain.KindTest, State: state, ImageID: "img-1", ImageVersion: 2, CreatedAt: time.Now().Add(-5*time.Minute - time.Second),
	}}
	change(&v)
	return v
}
