package command

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/server"
	"github.com/kilnhq/kiln/internal/domain/build"
	domainimage "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	usagedomain "github.com/kilnhq/kiln/internal/domain/usage"
)

// fake is a daemon as far as the command line sees it.
type fake struct {
	info      system.Info
	images    []domainimage.Image
	versions  []domainimage.Version
	history   []domainimage.Entry
	build     build.Build // none without an image
	catalogue []official.Image
	ready     bool // no image needs to be prepared
	jobs      []process.View
	lines     []domain.Line
	runErr    error

	mu        sync.Mutex
	run       image.RunRequest
	cancelled []string
	hang      chan struct{} // when set, a watch closes it after the lines and goes on until it is cancelled
}

// result is what a command line has done.
type result struct {
	code           int
	stdout, stderr string
}

// kiln runs a command line against the fake.
func (f *fake) kiln(ctx context.Context, t *testing.T, args ...string) result {
	t.Helper()
	endpoint := f.serve(t)
	var stdout, stderr bytes.Buffer
	code := Run(ctx, Invocation{
		Args: append([]string{"--endpoint", endpoint}, args...), Stdout: &stdout, Stderr: &stderr, Version: "1.2.3",
	})
	return result{code, stdout.String(), stderr.String()}
}

func (f *fake) serve(t *testing.T) (endpoint string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kiln") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kilnd.sock")
	listener, err := server.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	services := server.Services{System: (*fakeSystem)(f), Catalogue: (*fakeCatalogue)(f), Image: (*fakeImage)(f), Process: (*fakeProcess)(f), Build: fakeBuild{f: f}}
	s := server.HTTPServer(server.New(services, log), log)
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return "unix://" + path
}

func (f *fake) job(id string) (process.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if j.ID == id {
			return j, nil
		}
	}
	return process.View{}, problem.Problem{Code: problem.NotFound, Field: "id", Value: id, Detail: "no such process"}
}

type fakeSystem fake

func (f *fakeSystem) Info(owner string) system.Info {
	info := f.info
	info.Caller = owner
	return info
}

func (f *fakeSystem) Snapshot(context.Context, string, string) (system.Snapshot, error) {
	return system.Snapshot{}, nil
}

func (f *fakeSystem) Usage(context.Context, string) (usagedomain.Users, error) { return nil, nil }

type fakeCatalogue fake

func (f *fakeCatalogue) List(context.Context, string, tasktype.Type) ([]official.Image, error) {
	return f.catalogue, nil
}

func (f *fakeCatalogue) Prepare(_ context.Context, name, _ string) (string, error) {
	if f.ready {
		return "", nil
	}
	if name != "base" {
		return "", problem.Problem{Code: problem.OfficialImageNotFound, Value: name, Remedy: "Choose an image of the catalogue."}
	}
	return f.jobs[0].ID, nil
}

type fakeImage fake

func (f *fakeImage) Create(context.Context, image.CreateRequest) (domainimage.Image, error) {
	return domainimage.Image{}, nil
}

func (f *fakeImage) Get(_ context.Context, _, _, id string) (domainimage.Image, error) {
	for _, i := range f.images {
		if i.ID == id || i.Spec.Name == id {
			return i, nil
		}
	}
	return domainimage.Image{}, problem.Problem{Code: problem.NotFound, Value: id}
}

func (f *fakeImage) List(context.Context, string, domainimage.Filter) ([]domainimage.Image, string, error) {
	return f.images, "", nil
}

func (f *fakeImage) Versions(context.Context, string, string) ([]domainimage.Version, error) {
	return f.versions, nil
}

func (f *fakeImage) History(context.Context, string, string) ([]domainimage.Entry, error) {
	return f.history, nil
}

func (f *fakeImage) Rollback(ctx context.Context, r image.RollbackRequest) (domainimage.Image, error) {
	i, err := f.Get(ctx, r.Owner, r.Region, r.ID)
	if r.Version != 1 {
		err = problem.Problem{Code: problem.VersionNotPublishable, Field: "version"}
	}
	i.CurrentVersion, i.PublishedVersion, i.Stage = r.Version, r.Version, domainimage.StageBuildSuccess
	return i, err
}

func (f *fakeImage) Update(context.Context, image.UpdateRequest) (domainimage.Image, error) {
	return domainimage.Image{}, nil
}

func (f *fakeImage) Delete(context.Context, string, string) error { return nil }

func (f *fakeImage) Run(_ context.Context, r image.RunRequest) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.run = r
	if f.runErr != nil {
		return "", f.runErr
	}
	return f.jobs[0].ID, nil
}

// fakeBuild has what the command line asks for.
type fakeBuild struct {
	server.BuildService

	f *fake
}

func (b fakeBuild) Get(_ context.Context, _, id string) (build.Build, error) {
	if b.f.build.ImageID != id {
		return build.Build{}, problem.Problem{Code: problem.NotFound, Value: id}
	}
	return b.f.build, nil
}

type fakeProcess fake

func (f *fakeProcess) Get(_ context.Context, _, id string) (process.View, error) {
	return (*fake)(f).job(id)
}

func (f *fakeProcess) List(_ context.Context, _ string, filter process.Filter) ([]process.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []process.View
	for _, j := range f.jobs {
		matches := (filter.ImageID == "" || j.ImageID == filter.ImageID) && (filter.State == "" || j.State == filter.State)
		if matches && (filter.Limit == 0 || len(found) < filter.Limit) {
			found = append(found, j)
		}
	}
	return found, nil
}

func (f *fakeProcess) Cancel(_ context.Context, _, id string) (process.View, error) {
	j, err := (*fake)(f).job(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancelled = append(f.cancelled, id)
	if !j.State.Final() {
		j.State = domain.StateCancelled
	}
	return j, err
}

func (f *fakeProcess) Watch(ctx context.Context, _ string, r process.WatchRequest, send func(process.Update) error) error {
	j, err := (*fake)(f).job(r.ID)
	if err != nil {
		return err
	}
	if j.QueuePosition > 0 {
		waiting := j
		waiting.State = domain.StateQueued
		if err := send(process.Update{View: &waiting}); err != nil {
			return err
		}
		j.QueuePosition = 0
	}
	for i := range f.lines {
		if err := send(process.Update{Line: &f.lines[i]}); err != nil {
			return err
		}
	}
	if f.hang != nil {
		close(f.hang)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return send(process.Update{View: &j})
}
