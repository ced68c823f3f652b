package session_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/provider/session"
)

// bundle is a session with a daemon that says nothing but its version, and counts.
type bundle struct {
	session   *session.Session
	snapshots atomic.Int64
	groups    atomic.Int64
	lists     atomic.Int64
	infos     atomic.Int64
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{}
	dir, err := os.MkdirTemp("", "kiln") //nolint:usetesting // the test's own directory may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(b.answer)}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Shutdown(context.WithoutCancel(t.Context())), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
		if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	c, err := client.New(client.Config{Endpoint: "unix://" + path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b.session = session.New(session.Config{Client: c})
	return b
}

func (b *bundle) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/proto")
	switch {
	case strings.HasSuffix(r.URL.Path, "/GetInfo"):
		b.infos.Add(1)
		_, _ = w.Write([]byte{0x08, system.APIVersion}) // the field api_version
	case strings.HasSuffix(r.URL.Path, "/GetSnapshot"):
		b.snapshots.Add(1)
	case strings.HasSuffix(r.URL.Path, "/GetResourceGroup"):
		b.groups.Add(1)
	case strings.HasSuffix(r.URL.Path, "/ListResourceGroups"):
		b.lists.Add(1)
		_, _ = w.Write([]byte("\x0a\x06\x0a\x04rg-1")) // one group with an id
	}
}

func TestSnapshotIsReadOnceAWrite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	read := func() {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := b.session.Snapshot(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	for want := range int64(3) {
		read()
		if b.snapshots.Load() != want+1 || b.infos.Load() != 1 {
			t.Errorf("%d snapshots, %d handshakes", b.snapshots.Load(), b.infos.Load())
		}
		b.session.Wrote()
	}
}

// TestFind: many questions are one list until something is written; what the list lacks is asked for by itself.
func TestFind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	find := func(id string, lists, gets int64) {
		t.Helper()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if g, err := b.session.Group(t.Context(), id); err != nil || lists > 0 && gets == 0 && g.ID != id {
					t.Errorf("%s = %v, %v", id, g, err)
				}
			})
		}
		all.Wait()
		if b.lists.Swap(0) != lists || b.groups.Swap(0) != gets {
			t.Errorf("%s: not %d lists and %d questions", id, lists, gets)
		}
	}
	find("rg-1", 1, 0)
	find("rg-2", 0, 10)
	done := b.session.Writing()
	find("rg-1", 0, 10)
	done()
	find("rg-1", 0, 10)
}

func TestPlannedGroup(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.session.PlanGroup(resourcegroup.ResourceGroup{ID: "rg-1", CU: 8}, false)
	g, err := b.session.Group(t.Context(), "rg-1")
	if err != nil || g.CU != 8 || b.groups.Load() != 0 {
		t.Errorf("group = %v, %v after %d calls, want the planned one", g, err, b.groups.Load())
	}
	b.session.Wrote()
	if _, err := b.session.Group(t.Context(), "rg-1"); err != nil || b.groups.Load() != 1 || b.lists.Load() != 0 {
		t.Errorf("%v after %d calls, want the daemon's after a write", err, b.groups.Load())
	}
}

func TestUnpublished(t *testing.T) {
	t.Parallel()
	snapshot := system.Snapshot{Images: []system.ImageSummary{{
		ID: "img-1", Name: "x", PublishedVersion: 1,
		Versions: []system.VersionSummary{{Number: 1, Stage: image.StageBuilding}, {Number: 2, Stage: image.StageTestFailed}},
	}, {ID: "img-2", Name: "y"}}}
	for name, tt := range map[string]struct {
		id       string
		version  int
		prepare  func(*session.Session)
		refusals int
	}{
		"AnyPublished":     {"img-1", 0, nil, 0},
		"AnyUnpublished":   {"img-2", 0, nil, 1},
		"Published":        {"img-1", 1, nil, 0},
		"Unpublished":      {"img-1", 2, nil, 1},
		"NoSuchVersion":    {"img-1", 3, nil, 0},
		"SomebodyElses":    {"img-9", 1, nil, 0},
		"MayChange":        {"img-2", 0, func(s *session.Session) { s.Manage("img-2") }, 0},
		"Changes":          {"img-2", 0, func(s *session.Session) { s.PlanImage("img-2", true, types.StringUnknown()) }, 0},
		"PlannedToStay":    {"img-2", 0, func(s *session.Session) { s.Manage("img-2"); s.PlanImage("img-2", false, types.StringUnknown()) }, 1},
		"ManagedPublished": {"img-1", 1, func(s *session.Session) { s.Manage("img-1") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := session.New(session.Config{})
			if tt.prepare != nil {
				tt.prepare(s)
			}
			if found := s.Unpublished(snapshot, tt.id, tt.version, "image_id"); len(found) != tt.refusals {
				t.Errorf("refusals = %v, want %d", found, tt.refusals)
			}
		})
	}
}

func TestUnavailableIsSaidOnce(t *testing.T) {
	t.Parallel()
	s := session.New(session.Config{})
	gone := problem.Problem{Code: problem.DaemonUnavailable, Remedy: "Start it."}
	var diags diag.Diagnostics
	for range 3 {
		s.AddPlanError(&diags, "read x", gone)
	}
	s.AddPlanError(&diags, "read x", problem.Problem{Code: problem.Internal})
	s.AddError(&diags, "create y", gone)
	var got []string
	for _, d := range diags {
		got = append(got, d.Summary()+" | "+d.Detail())
	}
	want := []string{
		"Cannot read x: DaemonUnavailable | Start it.", "Cannot read x: Internal | ",
		"Cannot create y: DaemonUnavailable | The daemon still cannot be reached.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNotConfiguredYet(t *testing.T) {
	t.Parallel()
	s := session.New(session.Config{})
	if _, err := s.Client(t.Context()); err == nil || s.Remote() {
		t.Errorf("err = %v, remote = %v, want an error and no daemon", err, s.Remote())
	}
}
