package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/enginetest"
	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/place"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/sqlite"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

// surroundings is the catalogue, the places and the files of a maker.
type surroundings struct {
	group   resourcegroup.ResourceGroup
	ensured int
	forgot  int
	missing error

	provides []string
}

func (s *surroundings) Ensure(_ context.Context, name, version string, _ func(string, ...any)) (official.Image, error) {
	s.ensured++
	return official.Image{Name: name, Version: version, Provides: s.provides}, s.missing
}

func (s *surroundings) Forget(context.Context, string, string) error {
	s.forgot++
	return nil
}

func (s *surroundings) Find(_ context.Context, id string) (place.Place, error) {
	if id != "rg-1" {
		return place.Place{}, problem.Problem{Code: problem.NotFound, Field: "resource_group_id", Value: id}
	}
	return place.Place{
		Group: s.group, Egress: network.EgressRestricted, Network: worker.Network{Egress: worker.EgressRestricted},
		Remarks: []string{"gone.internal does not resolve: 100%"},
	}, nil
}

func (*surroundings) Path(sha256 string) string { return "/files/" + sha256 }

// bench is a maker over a scripted engine.
type bench struct {
	*job.Maker
	engine *enginetest.Engine
	around *surroundings
}

func newBench() *bench {
	s := &surroundings{group: resourcegroup.ResourceGroup{Type: resourcegroup.TypeServerless, CU: 1, TimeZone: "Asia/Shanghai"}}
	e := enginetest.New()
	return &bench{&job.Maker{Engine: e, Catalogue: s, Places: s, Files: s, Mounts: []job.Mount{
		{Path: "/etc/pip.conf", Content: "[global]\n"}, {Path: "/etc/yum.repos.d/kiln.repo", Content: "[kiln]\n", Needs: "yum"},
	}}, e, s}
}

var base = recipe.Base{Official: "shell", Version: "20261101"}

func task(group string) job.Task {
	return job.Task{
		Process: domain.Process{ID: "proc-1", ResourceGroupID: group, CU: 1}, Tag: "localhost/x:1",
		Recipe: recipe.Recipe{
			Base:     base,
			Packages: []pkgmanager.Entry{{Type: pkgmanager.Apt, Names: []string{"curl=1"}}},
			Files:    []recipe.File{{Target: "/opt/a", Mode: "0644", SHA256: "ab"}},
		},
		Commands: []worker.Command{{Name: "test[0]", Argv: []string{"true"}}},
	}
}

// run does something with the log of a real process, and gives that log besides what came of it.
func run(t *testing.T, do func(ctx context.Context, log *process.Journal) (worker.Result, error)) (result worker.Result, lines []string, err error) {
	t.Helper()
	d := servicetest.New(t, servicetest.Options{Idle: true})
	d.Runner.Handle("any", handler{d, func(ctx context.Context, log *process.Journal) { result, err = do(ctx, log) }})
	servicetest.Must(t, d.Store.Write(d.Context(), func(tx *sqlite.Tx) error {
		return tx.InsertProcess(domain.Process{ID: "proc-1", Owner: servicetest.Owner, Kind: "any", State: domain.StateQueued, CreatedAt: tx.Now()})
	}))
	d.Start()
	d.Wait("proc-1", domain.StateCompleted)
	for _, l := range d.Log("proc-1") {
		lines = append(lines, l.Stream+": "+l.Text)
	}
	return result, lines, err
}

type handler struct {
	d  *servicetest.Daemon
	do func(ctx context.Context, log *process.Journal)
}

func (h handler) Run(ctx context.Context, _ domain.Process, log *process.Journal) (any, error) {
	h.do(ctx, log)
	return nil, nil
}

func (h handler) Finish(ctx context.Context, p domain.Process, _ any) error {
	return h.d.Store.Write(ctx, func(tx *sqlite.Tx) error { return tx.FinishProcess(p) })
}

// TestMounts checks that a base sees the configuration files that are of use on it.
func TestMounts(t *testing.T) {
	t.Parallel()
	for _, provides := range [][]string{nil, {"apt"}, {"apt", "yum"}} {
		b := newBench()
		b.around.provides = provides
		_, _, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) {
			return b.Build(ctx, task("rg-1"), log)
		})
		if err != nil {
			t.Fatal(err)
		}
		mounts := b.engine.Jobs()[0].Image.Mounts
		if _, yum := mounts["/etc/yum.repos.d/kiln.repo"]; yum != slices.Contains(provides, "yum") || mounts["/etc/pip.conf"] != "[global]\n" {
			t.Errorf("a base with %q sees %v", provides, mounts)
		}
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.engine.Log(worker.KindImage, "hello")
	want := task("rg-1")
	result, lines, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) { return b.Build(ctx, want, log) })
	if err != nil || result.ImageID == "" || b.around.ensured != 1 {
		t.Fatalf("result = %+v, err = %v, ensured %d times", result, err, b.around.ensured)
	}
	jobs := b.engine.Jobs()
	if diff := cmp.Diff([]worker.Job{{
		ID: "proc-1", Kind: worker.KindImage, Network: worker.Network{Egress: worker.EgressRestricted},
		Image: &worker.Image{
			Containerfile: want.Recipe.Containerfile(), Files: map[string]string{"sha256-ab": "/files/ab"},
			Mounts: map[string]string{"/etc/pip.conf": "[global]\n"}, Labels: map[string]string{"io.kiln.input-hash": want.Recipe.Hash()},
			Epoch: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Tag: "localhost/x:1", Commands: want.Commands, TimeZone: "Asia/Shanghai",
		},
	}}, jobs); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(lines, "kiln: gone.internal does not resolve: 100%") || !slices.Contains(lines, "stdout: hello") ||
		!slices.Contains(lines, "kiln: test[0]") {
		t.Errorf("the log is %q", lines)
	}
}

func TestBuildRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		group  string
		change func(*surroundings)
		code   problem.Code
	}{
		{"no such group", "rg-2", func(*surroundings) {}, problem.NotFound},
		{"a group that changed its type", "rg-1", func(s *surroundings) { s.group.Type = resourcegroup.TypeExclusiveScheduler }, problem.ResourceGroupTypeNotSupported},
		{"a group that has shrunk", "rg-1", func(s *surroundings) { s.group.CU = 0.5 }, problem.CuExceedsResourceGroup},
		{"no base", "rg-1", func(s *surroundings) { s.missing = problem.Problem{Code: problem.CatalogBuildFailed} }, problem.CatalogBuildFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			test.change(b.around)
			_, _, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) {
				return b.Build(ctx, task(test.group), log)
			})
			if !problem.Has(err, test.code) || len(b.engine.Jobs()) != 0 {
				t.Errorf("got %v after %d jobs, want %s", err, len(b.engine.Jobs()), test.code)
			}
		})
	}
}

// TestLostBase checks that a base that the image store has lost is made anew, once.
func TestLostBase(t *testing.T) {
	t.Parallel()
	lost := &worker.Failure{Kind: worker.FailureImage, Message: "no such image"}
	b := newBench()
	b.engine.FailOnce(worker.KindImage, lost)
	_, _, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) {
		return b.Build(ctx, task("rg-1"), log)
	})
	if err != nil || b.around.ensured != 2 || b.around.forgot != 1 {
		t.Errorf("err = %v, ensured %d times, forgot %d times", err, b.around.ensured, b.around.forgot)
	}
	b = newBench()
	b.engine.Fail(worker.KindRun, lost)
	_, _, err = run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) {
		return b.RunOfficial(ctx, task("rg-1").Process, base, worker.Command{Name: "run"}, log)
	})
	if !problem.Has(err, problem.OfficialImageUnavailable) || b.engine.Calls(worker.KindRun) != 2 {
		t.Errorf("err = %v after %d tries", err, b.engine.Calls(worker.KindRun))
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.engine.ScriptOnce(worker.KindRun, func(context.Context, worker.Job, func(worker.Event)) (worker.Result, error) {
		return worker.Result{ExitCode: 3}, nil
	})
	command := worker.Command{Name: "run", Argv: []string{"false"}, Env: map[string]string{"A": "1"}}
	result, _, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) {
		return b.RunOfficial(ctx, task("rg-1").Process, base, command, log)
	})
	if err != nil || result.ExitCode != 3 {
		t.Errorf("got %+v, %v", result, err)
	}
	want := &worker.Run{Image: "localhost/kiln/shell:20261101", Command: command, TimeZone: "Asia/Shanghai"}
	if diff := cmp.Diff(want, b.engine.Jobs()[0].Run); diff != "" {
		t.Error(diff)
	}
}

// TestFailures checks what users are told of each way in which a worker can fail.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		kind    worker.Kind
		failure worker.Failure
		code    problem.Code // empty: a defect that users are not told of
		detail  string
	}{
		{"step", worker.KindImage, worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 2}, problem.Unclassified, "exit code 2"},
		{"command", worker.KindImage, worker.Failure{Kind: worker.FailureCommand, Step: "test[0]", ExitCode: 7}, problem.TestFailed, "exit code 7"},
		{"timeout", worker.KindImage, worker.Failure{Kind: worker.FailureTimeout, Step: "RUN x", Message: "after 10m"}, problem.StepTimeout, "after 10m"},
		{"step, killed", worker.KindImage, worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 137}, problem.Killed, "exit code 137"},
		{
			"push, unknown authority", worker.KindPush,
			worker.Failure{Kind: worker.FailureTransfer, Message: "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
			problem.TLSUnknownAuthority, "signed by unknown authority",
		},
		{"push", worker.KindPush, worker.Failure{Kind: worker.FailureTransfer, Message: "denied"}, problem.ImagePushFailed, "denied"},
		{"pull", worker.KindPull, worker.Failure{Kind: worker.FailureTransfer, Message: "denied"}, problem.ImagePullFailed, "denied"},
		{"bootstrap", worker.KindBootstrap, worker.Failure{Kind: worker.FailureBootstrap, Message: "no mirror"}, problem.CatalogBuildFailed, "no mirror"},
		{"conflict", worker.KindImage, worker.Failure{Kind: worker.FailureConflict, Message: "a needs b\nc needs d"}, problem.DependencyConflict, "do not fit together"},
		{"disk", worker.KindImage, worker.Failure{Kind: worker.FailureDisk, Message: "full"}, problem.InsufficientStorage, "full"},
		{"killed", worker.KindImage, worker.Failure{Kind: worker.FailureKilled, Message: " "}, problem.Killed, "the worker was killed"},
		{"internal", worker.KindImage, worker.Failure{Kind: worker.FailureInternal, Message: "bug"}, "", "run worker: internal: bug"},
		{"unheard of", worker.KindImage, worker.Failure{Kind: "new", Message: "bug"}, "", "unknown failure"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			b.engine.Script(test.kind, func(_ context.Context, _ worker.Job, emit func(worker.Event)) (worker.Result, error) {
				for n := range process.ProblemLines + 5 {
					emit(worker.Event{Log: &worker.Log{Stream: worker.StreamStdout, Line: fmt.Sprintf("before %d", n)}})
				}
				emit(worker.Event{Step: &worker.Step{Name: "RUN x"}})
				for n := range process.ProblemLines + 5 {
					emit(worker.Event{Log: &worker.Log{Stream: worker.StreamStderr, Line: fmt.Sprintf("line %d", n)}})
				}
				return worker.Result{}, &test.failure
			})
			result, _, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) {
				j := worker.Job{ID: "proc-1", Kind: test.kind, Image: &worker.Image{}}
				return b.Execute(ctx, j, network.EgressPublic, log)
			})
			if test.code == "" {
				if err == nil || len(problem.From(err)) > 0 || !strings.Contains(err.Error(), test.detail) {
					t.Errorf("got %v, want a defect", err)
				}
				return
			}
			found := problem.From(err)
			if len(found) != 1 || found[0].Code != test.code || !strings.Contains(found[0].Detail, test.detail) || found[0].Remedy == "" {
				t.Fatalf("got %v, want %s: %s", err, test.code, test.detail)
			}
			if log := found[0].Log; len(log) != process.ProblemLines || log[0] != "line 5" {
				t.Errorf("the problem shows %d lines from %q on", len(log), log[0])
			}
			if test.failure.Kind == worker.FailureCommand && result.ExitCode != 7 {
				t.Errorf("exit code = %d", result.ExitCode)
			}
		})
	}
}

// TestBlame checks that a failed step is blamed on its entry, however long its instruction is.
func TestBlame(t *testing.T) {
	t.Parallel()
	b := newBench()
	want := task("rg-1")
	step := strings.TrimSpace(strings.ReplaceAll(want.Recipe.Packages[0].Instructions(0), "\\\n", " "))
	b.engine.Fail(worker.KindImage, &worker.Failure{Kind: worker.FailureStep, Step: step, ExitCode: 100})
	_, _, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) { return b.Build(ctx, want, log) })
	if found := problem.From(err); len(step) < 257 || len(found) != 1 || found[0].Field != "packages[0]" || found[0].Value != "curl=1" {
		t.Errorf("%d bytes: %v", len(step), err)
	}
}

// TestLive checks that a user who waits is told what a step waits for, once, before the step ends; and that the timeout says it.
func TestLive(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.engine.Script(worker.KindImage, func(_ context.Context, _ worker.Job, emit func(worker.Event)) (worker.Result, error) {
		emit(worker.Event{Step: &worker.Step{Name: "RUN pip"}})
		for range 3 {
			emit(worker.Event{Log: &worker.Log{Stream: worker.StreamStderr, Line: "WARNING: Retrying: [Errno -3] Temporary failure in name resolution"}})
		}
		return worker.Result{}, &worker.Failure{Kind: worker.FailureTimeout, Step: "RUN pip", Message: "the step took longer than its limit"}
	})
	_, lines, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) {
		return b.Execute(ctx, worker.Job{ID: "proc-1", Kind: worker.KindImage, Image: &worker.Image{}}, network.EgressRestricted, log)
	})
	found := problem.From(err)
	if len(found) != 1 || found[0].Code != problem.PublicAccessRequired ||
		!strings.Contains(found[0].Detail, "longer than its limit: the step could not reach a host") || len(found[0].Log) != 3 {
		t.Errorf("got %v", err)
	}
	said := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "kiln: PublicAccessRequired: the step could not reach a host: Temporary failure in name resolution. Allow") {
			said++
			if i != 2 {
				t.Errorf("it is said in line %d", i)
			}
		}
	}
	if said != 1 {
		t.Errorf("it is said %d times: %q", said, lines)
	}
}

// TestExecuteCancelled checks that the reason why a job was stopped comes through.
func TestExecuteCancelled(t *testing.T) {
	t.Parallel()
	b := newBench()
	defer b.engine.Block(worker.KindRemove)()
	stop := errors.New("stop")
	_, _, err := run(t, func(ctx context.Context, log *process.Journal) (worker.Result, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(stop)
		return b.Execute(ctx, worker.Job{ID: "proc-1", Kind: worker.KindRemove, Remove: &worker.Remove{}}, network.EgressNone, log)
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the cause", err)
	}
}
