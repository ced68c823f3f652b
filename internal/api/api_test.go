package api

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	t.Run("Workspace", roundTrip(WorkspaceToProto, WorkspaceFromProto, nil))
	t.Run("Network", roundTrip(NetworkToProto, NetworkFromProto, nil))
	t.Run("Registry", roundTrip(RegistryToProto, RegistryFromProto, func(r *registry.Registry) {
		r.Credential.Password, r.Credential.Sealed = "", nil
	}))
	t.Run("Resolved", roundTrip(ResolvedToProto, ResolvedFromProto, nil))
	t.Run("ResourceGroup", roundTrip(ResourceGroupToProto, ResourceGroupFromProto, nil))
	t.Run("Binding", roundTrip(BindingToProto, BindingFromProto, nil))
	t.Run("Build", roundTrip(BuildToProto, BuildFromProto, nil))
	t.Run("Recipe", roundTrip(RecipeToProto, RecipeFromProto, nil))
	t.Run("ImageSpec", roundTrip(ImageSpecToProto, ImageSpecFromProto, nil))
	t.Run("Line", roundTrip(LineToProto, LineFromProto, nil))
	t.Run("Info", roundTrip(InfoToProto, InfoFromProto, nil))
	t.Run("Problems", roundTrip(ProblemsToProto, ProblemsFromProto, nil))
	t.Run("OfficialImage", roundTrip(OfficialImageToProto, OfficialImageFromProto, keepOfficial))
	t.Run("Image", roundTrip(ImageToProto, ImageFromProto, func(i *image.Image) { keepOfficial(&i.Base) }))
	t.Run("Version", roundTrip(VersionToProto, VersionFromProto, func(v *image.Version) { v.ImageID, v.Packages = "", nil }))
	t.Run("Process", roundTrip(ProcessToProto, ProcessFromProto, func(p *Process) { p.Payload = nil }))
	t.Run("Snapshot", roundTrip(SnapshotToProto, SnapshotFromProto, func(s *system.Snapshot) {
		for i := range s.Official {
			keepOfficial(&s.Official[i])
		}
	}))
}

func TestRoundTripOfLists(t *testing.T) {
	t.Parallel()
	t.Run("Workspaces", listTrip(WorkspacesToProto, WorkspacesFromProto, []workspace.Workspace{{ID: "a"}, {ID: "b"}}))
	t.Run("Networks", listTrip(NetworksToProto, NetworksFromProto, []network.Network{{ID: "a"}, {ID: "b"}}))
	t.Run("Registries", listTrip(RegistriesToProto, RegistriesFromProto, []registry.Registry{{ID: "a"}, {ID: "b"}}))
	t.Run("ResourceGroups", listTrip(ResourceGroupsToProto, ResourceGroupsFromProto, []resourcegroup.ResourceGroup{{ID: "a"}, {ID: "b"}}))
	t.Run("Bindings", listTrip(BindingsToProto, BindingsFromProto, []binding.Binding{{ImageID: "a"}, {ImageID: "b"}}))
	t.Run("Builds", listTrip(BuildsToProto, BuildsFromProto, []build.Build{{ID: "a"}, {ID: "b"}}))
	t.Run("Images", listTrip(ImagesToProto, ImagesFromProto, []image.Image{{ID: "a"}, {ID: "b"}}))
	t.Run("Versions", listTrip(VersionsToProto, VersionsFromProto, []image.Version{{Number: 1}, {Number: 2}}))
	t.Run("OfficialImages", listTrip(OfficialImagesToProto, OfficialImagesFromProto, []official.Image{{Name: "a"}, {Name: "b"}}))
	t.Run("Packages", listTrip(PackagesToProto, PackagesFromProto, []official.Package{
		{Manager: "pip", Name: "a", Version: "1", Interpreter: "/usr/bin/python3.11", Digest: "ab", Base: "0"}, {Name: "b"},
	}))
	t.Run("Processes", listTrip(ProcessesToProto, ProcessesFromProto, []Process{{QueuePosition: 1}, {QueuePosition: 2}}))
}

func TestNothingBecomesTheZeroValue(t *testing.T) {
	t.Parallel()
	for name, got := range map[string]any{
		"workspace": WorkspaceFromProto(nil), "network": NetworkFromProto(nil), "resource group": ResourceGroupFromProto(nil),
		"registry": RegistryFromProto(nil),
		"binding":  BindingFromProto(nil), "build": BuildFromProto(nil), "image": ImageFromProto(nil), "spec": ImageSpecFromProto(nil),
		"recipe": RecipeFromProto(nil), "version": VersionFromProto(nil), "official image": OfficialImageFromProto(nil),
		"process": ProcessFromProto(nil), "line": LineFromProto(nil), "info": InfoFromProto(nil), "snapshot": SnapshotFromProto(nil),
		"problem": ProblemFromProto(nil), "problems": ProblemsFromProto(nil),
	} {
		if !reflect.ValueOf(got).IsZero() {
			t.Errorf("%s: got %+v, want the zero value", name, got)
		}
	}
	if ProblemToProto(nil) != nil {
		t.Error("a problem came out of none")
	}
}

func TestHashSurvivesTheWire(t *testing.T) {
	t.Parallel()
	var r recipe.Recipe
	fill(reflect.ValueOf(&r).Elem(), new(int))
	if got := RecipeFromProto(RecipeToProto(r)).Hash(); got != r.Hash() {
		t.Errorf("hash after the wire is %s, before %s", got, r.Hash())
	}
	empty := recipe.Recipe{Base: recipe.Base{Official: "base", Version: "20260101"}, Env: map[string]string{}}
	if got := RecipeFromProto(RecipeToProto(empty)).Hash(); got != empty.Hash() {
		t.Errorf("hash of an empty recipe after the wire is %s, before %s", got, empty.Hash())
	}
}

func TestOutputOfOtherProgramsCanBeSent(t *testing.T) {
	t.Parallel()
	bad := "a\xffb"
	for name, message := range map[string]proto.Message{
		"line":     LineToProto(process.Line{Text: bad, Step: bad}),
		"process":  ProcessToProto(Process{Process: process.Process{Step: bad, Problem: &problem.Problem{Detail: bad, Log: []string{bad}}}}),
		"packages": OfficialImageToProto(official.Image{Packages: []official.Package{{Name: bad, Version: bad, Manager: bad}}}),
	} {
		if _, err := proto.Marshal(message); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := LineToProto(process.Line{Text: bad}).GetText(); got != "a\uFFFDb" {
		t.Errorf("got %q", got)
	}
}

// roundTrip sends a value in which every field is set over the wire, so that a field that was forgotten shows. What forget
// clears does not travel.
func roundTrip[D any, P proto.Message](to func(D) P, from func(P) D, forget func(*D)) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		var want D
		fill(reflect.ValueOf(&want).Elem(), new(int))
		data, err := proto.Marshal(to(want))
		if err != nil {
			t.Fatal(err)
		}
		received, ok := reflect.TypeAssert[P](reflect.New(reflect.TypeFor[P]().Elem()))
		if !ok {
			t.Fatal("no message")
		}
		if err := proto.Unmarshal(data, received); err != nil {
			t.Fatal(err)
		}
		if forget != nil {
			forget(&want)
		}
		if diff := cmp.Diff(want, from(received)); diff != "" {
			t.Errorf("after the wire (-want +got):\n%s", diff)
		}
	}
}

func listTrip[D, P any](to func([]D) []P, from func([]P) []D, want []D) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff(want, from(to(want))); diff != "" {
			t.Errorf("after the wire (-want +got):\n%s", diff)
		}
		if got := from(to(nil)); got != nil {
			t.Errorf("got %v out of no list", got)
		}
	}
}

func keepOfficial(i *official.Image) { i.Definition, i.Labels = nil, nil }

// fill sets everything that can be set to something else than zero, each time to something new.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n % 250))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.25)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1_800_000_000+int64(*n), 123).UTC()))
			return
		}
		for _, field := range v.Fields() {
			fill(field, n)
		}
	default:
		panic("no value for " + v.Type().String())
	}
}
