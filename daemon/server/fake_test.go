package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/server"
	"github.com/kilnhq/kiln/daemon/upstream"
	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/binding"
	domainbuild "github.com/kilnhq/kiln/internal/domain/build"
	domainimage "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/internal/domain/usage"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// bundle is a whole API over a real unix socket, with services that remember what they were asked.
type bundle struct {
	*client.Client
	path          string
	log           *safeBuffer
	calls         *calls
	system        *fakeSystem
	workspace     *fakeResource[workspace.Workspace]
	network       *fakeResource[network.Network]
	resourceGroup *fakeResource[resourcegroup.ResourceGroup]
	registry      *fakeRegistry
	image         *fakeImage
	file          *fakeFile
	build         *fakeBuild
	process       *fakeProcess
	services      server.Services
}

func setup(t *testing.T, change ...func(*server.Services)) *bundle {
	t.Helper()
	b := newBundle(t)
	for _, c := range change {
		c(&b.services)
	}
	serve(t, b)
	b.Client = dial(t, b.path)
	return b
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	c := &calls{}
	b := &bundle{
		path: filepath.Join(shortDir(t), "run", "kilnd.sock"), log: &safeBuffer{}, calls: c, system: &fakeSystem{},
		workspace: &fakeResource[workspace.Workspace]{calls: c}, network: &fakeResource[network.Network]{calls: c},
		registry:      &fakeRegistry{fakeResource[registry.Registry]{calls: c}},
		resourceGroup: &fakeResource[resourcegroup.ResourceGroup]{calls: c}, image: &fakeImage{calls: c},
		file: &fakeFile{kept: map[string][]byte{}}, build: &fakeBuild{calls: c}, process: &fakeProcess{calls: c},
	}
	b.services = server.Services{
		System: b.system, Catalogue: fakeCatalogue{c}, Workspace: b.workspace, Network: b.network, ResourceGroup: b.resourceGroup,
		Registry: b.registry,
		Image:    b.image, File: b.file, Binding: fakeBinding{c}, Build: b.build, Process: b.process,
	}
	return b
}

// serve runs the API until the test ends, or until what it returns is called.
func serve(t *testing.T, b *bundle) (stop func()) {
	t.Helper()
	listener, err := server.Listen(b.path)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := server.HTTPServer(server.New(b.services, log), log)
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	stop = sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func dial(t *testing.T, path string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Endpoint: "unix://" + path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// raw calls the socket the way curl does.
func raw(t *testing.T, path string) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// shortDir is a directory whose path leaves room for the name of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kiln") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func me() string { return fmt.Sprintf("uid:%d", os.Getuid()) }

// calls remembers what was asked, in order.
type calls struct {
	mu   sync.Mutex
	list []string
}

func (c *calls) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

func (c *calls) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.list...)
}

type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

type fakeSystem struct{ info system.Info }

func (f *fakeSystem) Info(owner string) system.Info {
	info := f.info
	info.APIVersion, info.Caller = system.APIVersion, owner
	return info
}

func (f *fakeSystem) Usage(_ context.Context, owner string) (usage.Users, error) {
	return usage.Users{"img-1": {"workspace of " + owner}}, nil
}

func (f *fakeSystem) Snapshot(_ context.Context, owner, region string) (system.Snapshot, error) {
	return system.Snapshot{Region: system.Region{Name: region}, Images: []system.ImageSummary{{ID: owner}}}, nil
}

// fakeResource answers the last row that it was given, or its error; or does what answer says.
type fakeRegistry struct {
	fakeResource[registry.Registry]
}

func (f *fakeRegistry) Repositories(ctx context.Context, q upstream.Question) ([]string, error) {
	f.calls.add("repositories %+v", q)
	return []string{"team/base"}, f.say(ctx)
}

func (f *fakeRegistry) Tags(ctx context.Context, q upstream.Question, repository string) ([]string, error) {
	f.calls.add("tags %+v %s", q, repository)
	return []string{"v1"}, f.say(ctx)
}

func (f *fakeRegistry) Resolve(ctx context.Context, q upstream.Question, repository, reference string) (registry.Resolved, error) {
	f.calls.add("resolve %+v %s %s", q, repository, reference)
	return registry.Resolved{Digest: "d", Manifest: "m", Size: 1 << 40, Layers: 2}, f.say(ctx)
}

type fakeResource[T any] struct {
	calls  *calls
	row    T
	err    error
	answer func(ctx context.Context) error
}

func (f *fakeResource[T]) say(ctx context.Context) error {
	if f.answer != nil {
		return f.answer(ctx)
	}
	return f.err
}

func (f *fakeResource[T]) Create(ctx context.Context, owner, key string, row T) (T, error) {
	f.calls.add("create %s %s", owner, key)
	f.row = row
	return f.row, f.say(ctx)
}

func (f *fakeResource[T]) Get(ctx context.Context, owner, region, id string) (T, error) {
	f.calls.add("get %s %s %s", owner, region, id)
	return f.row, f.say(ctx)
}

func (f *fakeResource[T]) List(ctx context.Context, owner, region string) ([]T, error) {
	f.calls.add("list %s %s", owner, region)
	return []T{f.row}, f.say(ctx)
}

func (f *fakeResource[T]) Update(ctx context.Context, owner string, row T) (T, error) {
	f.calls.add("update %s", owner)
	f.row = row
	return f.row, f.say(ctx)
}

func (f *fakeResource[T]) Delete(ctx context.Context, owner, id string) error {
	f.calls.add("delete %s %s", owner, id)
	return f.say(ctx)
}

type fakeCatalogue struct{ calls *calls }

func (f fakeCatalogue) List(_ context.Context, name string, t tasktype.Type) ([]official.Image, error) {
	f.calls.add("list %s %s", name, t)
	return []official.Image{{Name: "base"}}, nil
}

func (f fakeCatalogue) Prepare(_ context.Context, name, version string) (string, error) {
	f.calls.add("prepare %s %s", name, version)
	return "p1", nil
}

type fakeImage struct {
	calls  *calls
	create image.CreateRequest
	update image.UpdateRequest
	run    image.RunRequest
}

func (f *fakeImage) Create(_ context.Context, r image.CreateRequest) (domainimage.Image, error) {
	f.create = r
	return domainimage.Image{ID: "i1", Spec: r.Spec}, nil
}

func (f *fakeImage) Get(_ context.Context, owner, region, id string) (domainimage.Image, error) {
	f.calls.add("get %s %s %s", owner, region, id)
	return domainimage.Image{ID: id}, nil
}

func (f *fakeImage) List(_ context.Context, owner string, filter domainimage.Filter) ([]domainimage.Image, string, error) {
	f.calls.add("list %s %s", owner, filter.Region)
	return []domainimage.Image{{ID: "i1"}}, "", nil
}

func (f *fakeImage) Versions(_ context.Context, owner, id string) ([]domainimage.Version, error) {
	f.calls.add("versions %s %s", owner, id)
	return []domainimage.Version{{Number: 1}}, nil
}

func (f *fakeImage) History(_ context.Context, owner, id string) ([]domainimage.Entry, error) {
	f.calls.add("history %s %s", owner, id)
	return []domainimage.Entry{{Version: 1, Action: domainimage.ActionCreate, Actor: owner}}, nil
}

func (f *fakeImage) Rollback(_ context.Context, r image.RollbackRequest) (domainimage.Image, error) {
	f.calls.add("rollback %s %s %s %d %d", r.Owner, r.Region, r.ID, r.Generation, r.Version)
	return domainimage.Image{ID: r.ID, CurrentVersion: r.Version}, nil
}

func (f *fakeImage) Update(_ context.Context, r image.UpdateRequest) (domainimage.Image, error) {
	f.update = r
	return domainimage.Image{ID: r.ID, Spec: r.Spec}, nil
}

func (f *fakeImage) Delete(_ context.Context, owner, id string) error {
	f.calls.add("delete %s %s", owner, id)
	return nil
}

func (f *fakeImage) Run(_ context.Context, r image.RunRequest) (string, error) {
	f.run = r
	return "p2", nil
}

// fakeFile keeps contents in memory, the way the real store promises to.
type fakeFile struct {
	mu   sync.Mutex
	kept map[string][]byte
	read int64 // bytes of the last content
	err  error // refuses a content before reading it
}

func (f *fakeFile) Missing(_ context.Context, sums []string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var missing []string
	for _, s := range sums {
		if _, ok := f.kept[s]; !ok {
			missing = append(missing, s)
		}
	}
	return missing, nil
}

func (f *fakeFile) Save(_ context.Context, sum string, r io.Reader) (int64, error) {
	if f.err != nil {
		return 0, f.err
	}
	data, err := io.ReadAll(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = int64(len(data))
	if err != nil {
		return 0, fmt.Errorf("save content: %w", err)
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return 0, problem.Problem{Code: problem.DigestMismatch, Field: "files", Value: sum, Remedy: "Send the file again."}
	}
	f.kept[sum] = data
	return int64(len(data)), nil
}

type fakeBinding struct{ calls *calls }

func (f fakeBinding) Create(_ context.Context, owner, imageID, workspaceID string) (binding.Binding, error) {
	f.calls.add("create %s %s %s", owner, imageID, workspaceID)
	return binding.Binding{ImageID: imageID, WorkspaceID: workspaceID, Owner: owner}, nil
}

func (f fakeBinding) Get(_ context.Context, owner, imageID, workspaceID string) (binding.Binding, error) {
	f.calls.add("get %s %s %s", owner, imageID, workspaceID)
	return binding.Binding{ImageID: imageID, WorkspaceID: workspaceID}, nil
}

func (f fakeBinding) List(_ context.Context, owner, imageID, workspaceID string) ([]binding.Binding, error) {
	f.calls.add("list %s %s %s", owner, imageID, workspaceID)
	return []binding.Binding{{ImageID: "i1"}}, nil
}

func (f fakeBinding) Delete(_ context.Context, owner, imageID, workspaceID string) error {
	f.calls.add("delete %s %s %s", owner, imageID, workspaceID)
	return nil
}

type fakeBuild struct {
	calls  *calls
	create build.CreateRequest
	update build.UpdateRequest
}

func (f *fakeBuild) Create(_ context.Context, r build.CreateRequest) (domainbuild.Build, error) {
	f.create = r
	return domainbuild.Build{ID: "b1"}, nil
}

func (f *fakeBuild) Get(_ context.Context, owner, id string) (domainbuild.Build, error) {
	f.calls.add("get %s %s", owner, id)
	return domainbuild.Build{ID: id}, nil
}

func (f *fakeBuild) List(_ context.Context, owner, region string) ([]domainbuild.Build, error) {
	f.calls.add("list %s %s", owner, region)
	return []domainbuild.Build{{ID: "b1"}}, nil
}

func (f *fakeBuild) Update(_ context.Context, r build.UpdateRequest) (domainbuild.Build, error) {
	f.update = r
	return domainbuild.Build{ID: r.ID}, nil
}

func (f *fakeBuild) Delete(_ context.Context, owner, id string) error {
	f.calls.add("delete %s %s", owner, id)
	return nil
}

type fakeProcess struct {
	calls *calls
	watch func(ctx context.Context, request process.WatchRequest, send func(process.Update) error) error
}

func (f *fakeProcess) Get(_ context.Context, owner, id string) (process.View, error) {
	f.calls.add("get %s %s", owner, id)
	v := process.View{QueuePosition: 3, CUSeconds: 1.5}
	v.ID = id
	return v, nil
}

func (f *fakeProcess) List(_ context.Context, owner string, filter process.Filter) ([]process.View, error) {
	f.calls.add("list %s %+v", owner, filter)
	return []process.View{{QueuePosition: 1}, {QueuePosition: 2}}, nil
}

func (f *fakeProcess) Cancel(_ context.Context, owner, id string) (process.View, error) {
	f.calls.add("cancel %s %s", owner, id)
	v := process.View{}
	v.ID = id
	return v, nil
}

func (f *fakeProcess) Watch(
	ctx context.Context, owner string, request process.WatchRequest, send func(process.Update) error,
) error {
	f.calls.add("watch %s %s after %d follow %t", owner, request.ID, request.After, request.Follow)
	return f.watch(ctx, request, send)
}
