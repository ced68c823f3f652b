package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/build"
	"github.com/kilnhq/kiln/daemon/image"
	"github.com/kilnhq/kiln/daemon/server"
	"github.com/kilnhq/kiln/internal/client"
	domainimage "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domainprocess "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

func TestTheCallerIsTheSocketsPeer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	info, err := b.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Caller != me() {
		t.Errorf("caller is %q, want %q", info.Caller, me())
	}
	snapshot, err := b.Snapshot(t.Context(), "r")
	if err != nil || snapshot.Region.Name != "r" || snapshot.Images[0].ID != me() {
		t.Errorf("snapshot is %+v, %v", snapshot, err)
	}
}

func TestResourcesReachTheirServices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	w := workspace.Workspace{ID: "w1", Name: "analytics", Generation: 2}
	n := network.Network{ID: "n1", Name: "mirror", Egress: network.EgressNone}
	g := resourcegroup.ResourceGroup{ID: "g1", Name: "default", CU: 2}
	u := registry.Registry{ID: "u1", Name: "acr", NetworkIDs: []string{"n1"}}
	reach(t, b, w, []func() (workspace.Workspace, error){
		func() (workspace.Workspace, error) { return b.CreateWorkspace(ctx, "k", w) },
		func() (workspace.Workspace, error) { return b.Workspace(ctx, "x", "r") },
		func() (workspace.Workspace, error) { return first(b.Workspaces(ctx, "r")) },
		func() (workspace.Workspace, error) { return b.UpdateWorkspace(ctx, w) },
		func() (workspace.Workspace, error) { return w, b.DeleteWorkspace(ctx, "x") },
	})
	reach(t, b, n, []func() (network.Network, error){
		func() (network.Network, error) { return b.CreateNetwork(ctx, "k", n) },
		func() (network.Network, error) { return b.Network(ctx, "x", "r") },
		func() (network.Network, error) { return first(b.Networks(ctx, "r")) },
		func() (network.Network, error) { return b.UpdateNetwork(ctx, n) },
		func() (network.Network, error) { return n, b.DeleteNetwork(ctx, "x") },
	})
	reach(t, b, g, []func() (resourcegroup.ResourceGroup, error){
		func() (resourcegroup.ResourceGroup, error) { return b.CreateResourceGroup(ctx, "k", g) },
		func() (resourcegroup.ResourceGroup, error) { return b.ResourceGroup(ctx, "x", "r") },
		func() (resourcegroup.ResourceGroup, error) { return first(b.ResourceGroups(ctx, "r")) },
		func() (resourcegroup.ResourceGroup, error) { return b.UpdateResourceGroup(ctx, g) },
		func() (resourcegroup.ResourceGroup, error) { return g, b.DeleteResourceGroup(ctx, "x") },
	})
	reach(t, b, u, []func() (registry.Registry, error){
		func() (registry.Registry, error) { return b.CreateRegistry(ctx, "k", u) },
		func() (registry.Registry, error) { return b.Registry(ctx, "x", "r") },
		func() (registry.Registry, error) { return first(b.Registries(ctx, "r")) },
		func() (registry.Registry, error) { return b.UpdateRegistry(ctx, u) },
		func() (registry.Registry, error) { return u, b.DeleteRegistry(ctx, "x") },
	})
}

// TestQuestionsReachTheRegistries: who asks, which registry and through which network comes along.
func TestQuestionsReachTheRegistries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	q := client.RegistryQuestion{RegistryID: "u1", NetworkID: "n1"}
	if list, err := b.Repositories(t.Context(), q); err != nil || !slices.Equal(list, []string{"team/base"}) {
		t.Errorf("repositories = %v, %v", list, err)
	}
	if list, err := b.Tags(t.Context(), q, "team/base"); err != nil || !slices.Equal(list, []string{"v1"}) {
		t.Errorf("tags = %v, %v", list, err)
	}
	got, err := b.Resolve(t.Context(), q, "team/base", "v1")
	if want := (registry.Resolved{Digest: "d", Manifest: "m", Size: 1 << 40, Layers: 2}); err != nil || got != want {
		t.Errorf("resolved = %+v, %v", got, err)
	}
	who := "{Owner:" + me() + " ID:u1 NetworkID:n1}"
	want := []string{"repositories " + who, "tags " + who + " team/base", "resolve " + who + " team/base v1"}
	if diff := cmp.Diff(want, b.calls.all()); diff != "" {
		t.Error(diff)
	}
}

// TestPasswordsGoInAndDoNotComeOut: the password of a registry reaches the service, and neither the answer nor the log has it, not even
// when the service, against its contract, gives it back.
func TestPasswordsGoInAndDoNotComeOut(t *testing.T) {
	t.Parallel()
	const password = "c4nary-password"
	b := setup(t)
	r := registry.Registry{ID: "u1", Name: "acr", Credential: registry.Credential{Username: "ci", Password: password, PasswordVersion: 1}}
	for name, call := range map[string]func() (registry.Registry, error){
		"create": func() (registry.Registry, error) { return b.CreateRegistry(t.Context(), "k", r) },
		"update": func() (registry.Registry, error) { return b.UpdateRegistry(t.Context(), r) },
	} {
		got, err := call()
		if err != nil || got.Credential.Password != "" || got.Credential.Username != "ci" {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		if b.registry.row.Credential.Password != password {
			t.Errorf("%s: the service got the password %#v", name, b.registry.row.Credential.Password)
		}
	}
	if strings.Contains(b.log.String(), password) {
		t.Errorf("it is in the log:\n%s", b.log.String())
	}
}

// reach makes the five calls of a plain resource and looks what the service was asked and what came back.
func reach[T any](t *testing.T, b *bundle, want T, do []func() (T, error)) {
	t.Helper()
	before := len(b.calls.all())
	for _, call := range do {
		got, err := call()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("came back as (-want +got):\n%s", diff)
		}
	}
	asked := []string{
		"create " + me() + " k", "get " + me() + " r x", "list " + me() + " r", "update " + me(), "delete " + me() + " x",
	}
	if diff := cmp.Diff(asked, b.calls.all()[before:]); diff != "" {
		t.Errorf("%T: the service was asked (-want +got):\n%s", want, diff)
	}
}

func first[T any](list []T, err error) (T, error) {
	if len(list) == 0 {
		var none T
		return none, errors.Join(err, errors.New("an empty list"))
	}
	return list[0], err
}

func TestImagesReachTheirService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	spec := domainimage.Spec{Name: "segmenter", Publish: true}
	created, err := b.CreateImage(ctx, client.CreateImage{Key: "k", Region: "r", Spec: spec, ExpectedHash: "h"})
	if err != nil || created.ID != "i1" {
		t.Fatalf("created %+v, %v", created, err)
	}
	if diff := cmp.Diff(image.CreateRequest{Owner: me(), Key: "k", Region: "r", Spec: spec, ExpectedHash: "h"}, b.image.create); diff != "" {
		t.Error(diff)
	}
	if _, err := b.UpdateImage(ctx, client.UpdateImage{ID: "i1", Generation: 4, Spec: spec, ExpectedHash: "h"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(image.UpdateRequest{Owner: me(), ID: "i1", Generation: 4, Spec: spec, ExpectedHash: "h"}, b.image.update); diff != "" {
		t.Error(diff)
	}
	run := client.RunImage{Image: "i1", Region: "r", ResourceGroup: "g", Argv: []string{"a", "-b"}, Env: map[string]string{"K": "V"}}
	if id, err := b.RunImage(ctx, run); err != nil || id != "p2" {
		t.Fatalf("process %q, %v", id, err)
	}
	want := image.RunRequest{Owner: me(), Image: "i1", Region: "r", ResourceGroup: "g", Argv: run.Argv, Env: run.Env}
	if diff := cmp.Diff(want, b.image.run); diff != "" {
		t.Error(diff)
	}
	versions, err := b.ImageVersions(ctx, "i1")
	if err != nil || len(versions) != 1 || versions[0].ImageID != "i1" {
		t.Errorf("versions are %+v, %v", versions, err)
	}
	history, err := b.ImageHistory(ctx, "i1")
	if diff := cmp.Diff([]domainimage.Entry{{ImageID: "i1", Version: 1, Action: domainimage.ActionCreate, Actor: me()}}, history); diff != "" || err != nil {
		t.Errorf("the history is %v: %s", err, diff)
	}
	if back, err := b.RollbackImage(ctx, client.RollbackImage{ID: "i1", Region: "r", Generation: 4, Version: 2}); err != nil || back.CurrentVersion != 2 {
		t.Errorf("went back to %+v, %v", back, err)
	}
	_, getErr := b.Image(ctx, "segmenter", "r")
	_, listErr := b.Images(ctx, "r")
	if err := errors.Join(getErr, listErr, b.DeleteImage(ctx, "i1")); err != nil {
		t.Error(err)
	}
	asked := []string{
		"versions " + me() + " i1", "history " + me() + " i1", "rollback " + me() + " r i1 4 2", "get " + me() + " r segmenter", "list " + me() + " r", "delete " + me() + " i1",
	}
	if diff := cmp.Diff(asked, b.calls.all()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestTheOthersReachTheirServices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	_, e1 := b.CreateBinding(ctx, "i", "w")
	_, e2 := b.Binding(ctx, "i", "w")
	_, e3 := b.Bindings(ctx, "", "w")
	e4 := b.DeleteBinding(ctx, "i", "w")
	_, e5 := b.Build(ctx, "b1")
	_, e6 := b.Builds(ctx, "r")
	e7 := b.DeleteBuild(ctx, "b1")
	_, e8 := b.OfficialImages(ctx, "base", "shell")
	_, e9 := b.PrepareOfficialImage(ctx, "base", "20260101")
	p, e10 := b.Process(ctx, "p1")
	list, e11 := b.Processes(ctx, client.ProcessFilter{
		Region: "r", Kind: domainprocess.KindTest, State: domainprocess.StateQueued, ImageID: "i", Limit: 5,
	})
	_, e12 := b.CancelProcess(ctx, "p1")
	if err := errors.Join(e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12); err != nil {
		t.Fatal(err)
	}
	if p.ID != "p1" || p.QueuePosition != 3 || p.CUSeconds != 1.5 || len(list) != 2 {
		t.Errorf("got %+v and %d processes", p, len(list))
	}
	asked := []string{
		"create " + me() + " i w", "get " + me() + " i w", "list " + me() + "  w", "delete " + me() + " i w",
		"get " + me() + " b1", "list " + me() + " r", "delete " + me() + " b1",
		"list base shell", "prepare base 20260101",
		"get " + me() + " p1", "list " + me() + " {Region:r Kind:test State:queued ImageID:i Limit:5}", "cancel " + me() + " p1",
	}
	if diff := cmp.Diff(asked, b.calls.all()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if _, err := b.CreateBuild(ctx, client.CreateBuild{Key: "k", ImageID: "i", ImageVersion: 2, ResourceGroupID: "g", CU: 0.5}); err != nil {
		t.Fatal(err)
	}
	create := build.CreateRequest{Owner: me(), Key: "k", ImageID: "i", ImageVersion: 2, ResourceGroupID: "g", CU: 0.5}
	if diff := cmp.Diff(create, b.build.create); diff != "" {
		t.Error(diff)
	}
	if _, err := b.UpdateBuild(ctx, client.UpdateBuild{ID: "b1", Generation: 3, ImageVersion: 2, ResourceGroupID: "g", CU: 0.5}); err != nil {
		t.Fatal(err)
	}
	update := build.UpdateRequest{Owner: me(), ID: "b1", Generation: 3, ImageVersion: 2, ResourceGroupID: "g", CU: 0.5}
	if diff := cmp.Diff(update, b.build.update); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsArriveWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := problem.List{
		{Code: problem.InvalidName, Field: "name", Value: "a b", Limit: "letters", Remedy: "Choose another name."},
		{Code: problem.InvalidAllowEntry, Field: "allow[0]", Value: "x y", Log: []string{"one", "two"}, Detail: "d"},
	}
	b.network.err = want
	_, err := b.CreateNetwork(t.Context(), "k", network.Network{})
	if diff := cmp.Diff(want, problem.From(err)); diff != "" {
		t.Errorf("arrived as (-want +got):\n%s", diff)
	}
	b.network.err = problem.Problem{Code: problem.NotFound, Field: "id", Value: "x"}
	_, err = b.Network(t.Context(), "x", "")
	var p problem.Problem
	if !errors.As(err, &p) || p.Kind() != problem.KindNotFound || p.Value != "x" {
		t.Errorf("arrived as %v", err)
	}
	if !strings.Contains(b.log.String(), `"problems":["InvalidName","InvalidAllowEntry"]`) || strings.Contains(b.log.String(), "x y") {
		t.Errorf("the log is to hold codes and no values:\n%s", b.log)
	}
}

func TestSubordinateUIDsAreRefused(t *testing.T) {
	t.Parallel()
	var asked []uint32
	b := setup(t, func(s *server.Services) {
		s.RefuseUID = func(uid uint32) bool { asked = append(asked, uid); return true }
	})
	_, err := b.Info(t.Context())
	if !problem.Has(err, problem.Forbidden) || !strings.Contains(err.Error(), me()) {
		t.Errorf("got %v", err)
	}
	if len(asked) != 1 || asked[0] != uint32(os.Getuid()) {
		t.Errorf("asked for %v", asked)
	}
	if _, err := b.WatchProcess(t.Context(), client.Watch{ID: "p"}, nil); !problem.Has(err, problem.Forbidden) {
		t.Errorf("a stream got %v", err)
	}
	if err := b.UploadFile(t.Context(), "0", strings.NewReader("x")); !problem.Has(err, problem.Forbidden) {
		t.Errorf("an upload got %v", err)
	}
	if len(b.calls.all()) != 0 || !strings.Contains(b.log.String(), "caller refused") {
		t.Errorf("calls %v, log:\n%s", b.calls.all(), b.log)
	}
}

func TestFailuresAndPanicsTellNothing(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(context.Context) error{
		"failure": func(context.Context) error { return errors.New("open /secret/path: denied") },
		"panic":   func(context.Context) error { panic("open /secret/path: denied") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.workspace.answer = fail
			_, err := b.Workspace(t.Context(), "x", "")
			if !problem.Has(err, problem.Internal) || strings.Contains(err.Error(), "secret") {
				t.Fatalf("got %v", err)
			}
			id := strings.TrimPrefix(problem.From(err)[0].Value, "request ")
			log := b.log.String()
			if len(id) != 36 || !strings.Contains(log, id) || !strings.Contains(log, "/secret/path") {
				t.Errorf("request %q is not explained in the log:\n%s", id, log)
			}
			if name == "panic" && !strings.Contains(log, "goroutine") {
				t.Errorf("no stack in the log:\n%s", log)
			}
			b.workspace.answer = nil
			if _, err := b.Workspace(t.Context(), "x", ""); err != nil {
				t.Errorf("the daemon did not go on: %v", err)
			}
		})
	}
}

func TestRequestsAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	large := workspace.Workspace{Description: strings.Repeat("x", 2<<20)}
	if _, err := b.CreateWorkspace(t.Context(), "k", large); !problem.Has(err, problem.RequestTooLarge) {
		t.Errorf("got %v", err)
	}
	if len(b.calls.all()) != 0 {
		t.Error("the service was asked")
	}
	small := workspace.Workspace{Description: strings.Repeat("x", 1<<19)}
	if _, err := b.CreateWorkspace(t.Context(), "k", small); err != nil {
		t.Error(err)
	}
}

// TestLargestSpecification: what the rules admit, a request can carry.
func TestLargestSpecification(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spec := domainimage.Spec{Test: domainimage.Test{Commands: slices.Repeat([]string{"x"}, domainimage.MaxTestCommands)}}
	for n := range recipe.MaxFiles {
		spec.Recipe.Files = append(spec.Recipe.Files, recipe.File{Target: fmt.Sprintf("/%d", n), Mode: "0644"})
	}
	spec.Recipe.Env = map[string]string{"LARGE": strings.Repeat("x", domainimage.MaxSize-60_000)}
	if problem.Has(spec.Validate(), problem.RequestTooLarge) {
		t.Fatal("the rules refuse it")
	}
	if _, err := b.CreateImage(t.Context(), client.CreateImage{Spec: spec}); err != nil {
		t.Error(err)
	}
	spec.Recipe.Env["LARGE"] += strings.Repeat("x", 10_000)
	if !problem.Has(spec.Validate(), problem.RequestTooLarge) {
		t.Error("the rules admit more")
	}
}

func TestDeadlinesReachTheService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.workspace.answer = func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Workspace(ctx, "x", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	b := setup(t)
	curl := raw(t, b.path)
	for _, test := range []struct {
		method, url, body string
		status            int
		want              string
	}{
		{"GET", "/healthz", "", 200, "ok\n"},
		{"POST", "/kiln.v1.SystemService/GetInfo", "{}", 200, `"caller":"` + me() + `"`},
		{"POST", "/kiln.v1.SystemService/GetInfo", "{", 400, `"invalid_argument"`},
		{"POST", "/kiln.v1.SystemService/Nonsense", "{}", 404, `"unimplemented"`},
		{"GET", "/nothing", "", 404, `"unimplemented"`},
		{"GET", "/kiln.v1.SystemService/GetInfo", "", 405, ""},
	} {
		t.Run(test.method+test.url+test.body, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), test.method, "http://kilnd"+test.url, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := curl.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err := errors.Join(err, response.Body.Close()); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status || !strings.Contains(string(body), test.want) {
				t.Errorf("got %d %s", response.StatusCode, body)
			}
			if response.Header.Get(server.RequestIDHeader) == "" {
				t.Error("no request id")
			}
		})
	}
}
