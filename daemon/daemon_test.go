package daemon_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/daemon/enginetest"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// bench is a whole daemon that runs in the test, and a client that talks to it over its socket.
type bench struct {
	*client.Client
	t        *testing.T
	ctx      context.Context //nolint:containedctx // a bench ends with its test
	dir      string
	engine   *enginetest.Engine
	registry *enginetest.Registry
	stop     func() error
}

func newBench(t *testing.T) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
	b := &bench{t: t, ctx: ctx, dir: t.TempDir(), engine: enginetest.New(), registry: enginetest.NewRegistry()}
	c, err := client.New(client.Config{Endpoint: "unix://" + b.socket()})
	if err != nil {
		t.Fatal(err)
	}
	b.Client = c
	b.start()
	t.Cleanup(func() {
		b.must(b.stop())
		c.Close()
		cancel()
	})
	return b
}

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return hex.EncodeToString(s[:])
}

// freePort finds a port of loopback that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	return port
}

func (b *bench) socket() string { return filepath.Join(b.dir, "run", "kilnd.sock") }

func (b *bench) config() daemon.Config {
	return daemon.Config{DataDir: filepath.Join(b.dir, "data"), Socket: b.socket(), Workers: 1}
}

// start starts a daemon over what there is, with a new engine.
func (b *bench) start() {
	b.t.Helper()
	b.engine = enginetest.New()
	ctx, cancel := context.WithCancel(b.ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, b.config(), daemon.Options{
			Engine: b.engine, Registry: b.registry, Version: "1.2.3", Ready: func() { close(ready) },
		}, slog.New(slog.DiscardHandler))
	}()
	select {
	case <-ready:
	case err := <-ended:
		b.t.Fatalf("the daemon did not start: %v", err)
	}
	b.stop = func() error {
		b.stop = func() error { return nil }
		cancel()
		return <-ended
	}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) group() resourcegroup.ResourceGroup {
	b.t.Helper()
	n, err := b.CreateNetwork(b.ctx, "", network.Network{Name: "open", Egress: network.EgressPublic})
	b.must(err)
	g, err := b.CreateResourceGroup(b.ctx, "", resourcegroup.ResourceGroup{
		Name: "default", Type: resourcegroup.TypeServerless, NetworkID: n.ID, CU: 2, TimeZone: "Asia/Shanghai",
	})
	b.must(err)
	return g
}

func spec(g resourcegroup.ResourceGroup, version string) image.Spec {
	return image.Spec{
		Name: "segmenter", Visibility: image.VisibilityPrivate, TaskTypes: []tasktype.Type{tasktype.PyODPS3}, Publish: true,
		Recipe: recipe.Recipe{
			Base:     recipe.Base{Official: "dataworks_pyodps_task_pod"},
			Packages: []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{"jieba==" + version}}},
		},
		Test: image.Test{ResourceGroupID: g.ID, Commands: []string{"true"}, CU: 0.5},
	}
}

// TestRun goes the whole way that a user goes, over the socket.
func TestRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	info, err := b.Info(b.ctx)
	b.must(err)
	if info.DaemonVersion != "1.2.3" || info.DefaultRegion != "local" || !strings.HasPrefix(info.Caller, "uid:") {
		t.Errorf("got %+v", info)
	}
	g := b.group()
	w, err := b.CreateWorkspace(b.ctx, "", workspace.Workspace{Name: "analytics"})
	b.must(err)

	content := "a dictionary\n"
	s := spec(g, "0.42.1")
	s.Recipe.Files = []recipe.File{{Target: "/opt/dict.txt", Mode: "0644", SHA256: sum("something that nobody uploads")}}
	_, err = b.CreateImage(b.ctx, client.CreateImage{Spec: s})
	if !problem.Has(err, problem.FileMissing) {
		t.Errorf("got %v, want FileMissing", err)
	}
	s.Recipe.Files[0].SHA256 = sum(content)
	b.must(b.UploadFile(b.ctx, sum(content), strings.NewReader(content)))
	i, err := b.CreateImage(b.ctx, client.CreateImage{Key: "key", Spec: s})
	b.must(err)
	b.engine.Log(worker.KindImage, "hello")
	var lines []string
	p, err := b.Wait(b.ctx, i.ProcessID, func(e client.Event) {
		if e.Line != nil {
			lines = append(lines, e.Line.Text)
		}
	})
	if err != nil || p.State != process.StateCompleted || len(lines) == 0 {
		t.Fatalf("got %+v, %v, %q", p, err, lines)
	}
	i, err = b.Image(b.ctx, i.ID, "")
	if err != nil || i.Stage != image.StagePublished || i.PublishedVersion != 1 || !strings.Contains(i.Containerfile, "jieba==0.42.1") {
		t.Errorf("got %+v, %v", i, err)
	}
	snapshot, err := b.Snapshot(b.ctx, "")
	if err != nil || snapshot.ImagesUsed != 1 || len(snapshot.Images) != 1 || snapshot.Images[0].Versions[0].InputHash != i.InputHash {
		t.Errorf("got %+v, %v", snapshot, err)
	}
	_, err = b.CreateBinding(b.ctx, i.ID, w.ID)
	b.must(err)
	baked, err := b.CreateBuild(b.ctx, client.CreateBuild{ImageID: i.ID, ImageVersion: 1, ResourceGroupID: g.ID, CU: 0.5})
	b.must(err)
	_, err = b.Wait(b.ctx, baked.ProcessID, nil)
	b.must(err)
	baked, err = b.Build(b.ctx, i.ID)
	if err != nil || baked.Stage != build.StageBuildSuccess || !strings.HasSuffix(baked.ImageRef, "@"+baked.Digest) {
		t.Errorf("got %+v, %v", baked, err)
	}
	id, err := b.RunImage(b.ctx, client.RunImage{Image: "segmenter", Argv: []string{"true"}})
	b.must(err)
	if p, err := b.Wait(b.ctx, id, nil); err != nil || p.ExitCode != 0 || b.engine.Calls(worker.KindRun) != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
	if err := b.DeleteImage(b.ctx, i.ID); !problem.Has(err, problem.ImageInUse) {
		t.Errorf("got %v, want ImageInUse", err)
	}
	b.must(b.DeleteBuild(b.ctx, baked.ID))
	b.must(b.DeleteBinding(b.ctx, i.ID, w.ID))
	b.must(b.DeleteImage(b.ctx, i.ID))
	if _, err := b.Image(b.ctx, i.ID, ""); !problem.Has(err, problem.NotFound) {
		t.Errorf("got %v, want NotFound", err)
	}
}

// TestRestart stops a daemon while a test runs and another is queued, and starts the next one over what it has left. A client
// that waits notices nothing but the result.
func TestRestart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := b.group()
	b.engine.Block(worker.KindImage)
	running, err := b.CreateImage(b.ctx, client.CreateImage{Spec: spec(g, "1")})
	b.must(err)
	other := spec(g, "2")
	other.Name = "other"
	queued, err := b.CreateImage(b.ctx, client.CreateImage{Spec: other})
	b.must(err)
	b.must(b.engine.WaitCalls(b.ctx, worker.KindImage, 1))
	type outcome struct {
		p   client.Process
		err error
	}
	wait := func(id string) <-chan outcome {
		seen, done := make(chan struct{}), make(chan outcome, 1)
		go func() {
			first := true
			p, err := b.Wait(b.ctx, id, func(client.Event) {
				if first {
					first = false
					close(seen)
				}
			})
			done <- outcome{p, err}
		}()
		<-seen
		return done
	}
	first, second := wait(running.ProcessID), wait(queued.ProcessID)
	b.must(b.stop())
	if _, err := os.Stat(b.socket()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if _, err := b.Info(b.ctx); !problem.Has(err, problem.DaemonUnavailable) {
		t.Errorf("got %v, want DaemonUnavailable", err)
	}
	b.start()
	if o := <-first; !problem.Has(o.err, problem.Interrupted) || o.p.State != process.StateFailed {
		t.Errorf("what ran: %+v, %v, want Interrupted", o.p, o.err)
	}
	if o := <-second; o.err != nil || o.p.State != process.StateCompleted {
		t.Errorf("what was queued: %+v, %v, want completed", o.p, o.err)
	}
	i, err := b.Image(b.ctx, running.ID, "")
	if err != nil || i.Stage != image.StageTestFailed || i.InputHash != running.InputHash {
		t.Errorf("got %+v, %v", i, err)
	}
	groups, err := b.ResourceGroups(b.ctx, "")
	b.must(err)
	if diff := cmp.Diff([]resourcegroup.ResourceGroup{g}, groups); diff != "" {
		t.Error(diff)
	}
	if jobs := b.engine.Jobs(); len(jobs) == 0 || jobs[0].Kind != worker.KindSweep {
		t.Errorf("the image store is not swept first: %+v", jobs)
	}
}

// TestUnknownRegion refuses a region that is none in every call that names one, lists among them.
func TestUnknownRegion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, call := range map[string]func(region string) error{
		"images":     func(region string) error { _, err := b.Images(b.ctx, region); return err },
		"builds":     func(region string) error { _, err := b.Builds(b.ctx, region); return err },
		"networks":   func(region string) error { _, err := b.Networks(b.ctx, region); return err },
		"groups":     func(region string) error { _, err := b.ResourceGroups(b.ctx, region); return err },
		"registries": func(region string) error { _, err := b.Registries(b.ctx, region); return err },
		"workspaces": func(region string) error { _, err := b.Workspaces(b.ctx, region); return err },
		"snapshot":   func(region string) error { _, err := b.Snapshot(b.ctx, region); return err },
		"processes": func(region string) error {
			_, err := b.Processes(b.ctx, client.ProcessFilter{Region: region})
			return err
		},
	} {
		if err := call("nowhere"); !problem.Has(err, problem.UnknownRegion) {
			t.Errorf("%s: got %v, want UnknownRegion", name, err)
		}
		if err := call("local"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecondDaemon(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	cfg := b.config()
	cfg.Socket = filepath.Join(b.dir, "other.sock")
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second) // a second daemon that does start would run until then
	defer cancel()
	err := daemon.Run(ctx, cfg, daemon.Options{Engine: b.engine, Registry: b.registry}, slog.New(slog.DiscardHandler))
	if !problem.Has(err, problem.StateInUse) {
		t.Errorf("over the same data: %v, want StateInUse", err)
	}
	cfg = b.config()
	cfg.DataDir = filepath.Join(b.dir, "other")
	err = daemon.Run(ctx, cfg, daemon.Options{Engine: b.engine, Registry: b.registry}, slog.New(slog.DiscardHandler))
	if !problem.Has(err, problem.StateInUse) {
		t.Errorf("on the same socket: %v, want StateInUse", err)
	}
	if _, err := b.Info(b.ctx); err != nil { // the first one is not disturbed
		t.Error(err)
	}
}

func TestRunRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	cfg := daemon.Config{DataDir: filepath.Join(dir, "data"), Socket: filepath.Join(dir, "kilnd.sock")}
	bad := cfg
	bad.VersionPinning = "sometimes"
	if err := daemon.Run(t.Context(), bad, daemon.Options{}, quiet); !problem.Has(err, problem.InvalidParameter) {
		t.Errorf("got %v, want InvalidParameter", err)
	}
	if _, err := os.Stat(cfg.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused configuration has made something: %v", err)
	}
	// One that cannot start leaves nothing running, and nothing locked: with the real registry, that shows.
	cfg.Registry = &daemon.Registry{Listen: "127.0.0.1:0"}
	broken := enginetest.New()
	broken.Fail(worker.KindSweep, &worker.Failure{Kind: worker.FailureInternal, Message: "no store"})
	for range 2 {
		err := daemon.Run(t.Context(), cfg, daemon.Options{Engine: broken}, quiet)
		if err == nil || !strings.Contains(err.Error(), "sweep image store") {
			t.Errorf("got %v", err)
		}
	}
	if info, err := os.Stat(cfg.DataDir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory is %v, %v", info, err)
	}
	cfg.Registry.Listen = "192.0.2.1:5380"
	if err := daemon.Run(t.Context(), cfg, daemon.Options{Engine: enginetest.New()}, quiet); err == nil {
		t.Error("the registry listens where it must not")
	}
}

// TestRegistry checks that a daemon serves its registry, and stops doing so.
func TestRegistry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port := freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{
			DataDir: filepath.Join(dir, "data"), Socket: filepath.Join(dir, "kilnd.sock"), Registry: &daemon.Registry{Listen: "127.0.0.1:" + port},
		}, daemon.Options{Engine: enginetest.New(), Ready: func() { close(ready) }}, slog.New(slog.DiscardHandler))
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	get := func() (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/v2/", nil)
		if err != nil {
			return 0, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, errors.Join(err, resp.Body.Close())
	}
	if status, err := get(); err != nil || status != http.StatusOK {
		t.Errorf("the registry answers %d, %v", status, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if status, err := get(); err == nil {
		t.Errorf("the registry still answers %d", status)
	}
}
