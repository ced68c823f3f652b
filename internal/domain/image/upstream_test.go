package image_test

import (
	"testing"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// TestUpstream: of which registries, for which task types and in which network an image of a registry is used.
func TestUpstream(t *testing.T) {
	t.Parallel()
	base := recipe.Base{Registry: recipe.Upstream{RegistryID: "reg-1", NetworkID: "net-1", Repository: "a", Tag: "v1"}}
	r := registry.Registry{Name: "acr", Edition: registry.EditionEnterprise, NetworkIDs: []string{"net-1"}}
	spec := image.Spec{
		Name: "a", Visibility: image.VisibilityPrivate, TaskTypes: tasktype.FromRegistry(), Recipe: recipe.Recipe{Base: base}, Test: image.Test{CU: 1},
	}
	has := func(name string, found problem.List, codes ...problem.Code) {
		t.Helper()
		if len(found) != len(codes) {
			t.Errorf("%s: got %v, want %v", name, found, codes)
			return
		}
		for i, code := range codes {
			if found[i].Code != code || found[i].Limit == "" || found[i].Remedy == "" {
				t.Errorf("%s: got %v, want %s", name, found[i], code)
			}
		}
	}
	has("good", append(spec.Validate(), spec.AgainstRegistry(r)...))
	personal := r
	personal.Edition, personal.NetworkIDs = registry.EditionPersonal, []string{"net-9"}
	has("personal", spec.AgainstRegistry(personal), problem.RegistryEditionNotSupported, problem.VpcNotBoundToRegistry)
	other := spec
	other.TaskTypes = []tasktype.Type{tasktype.Shell, tasktype.CDH}
	has("task type", other.Validate(), problem.TaskTypeNotSupportedForRegistryImage)
	group := resourcegroup.ResourceGroup{NetworkID: "net-1"}
	has("network", image.AdmitVPC("x", base, group))
	group.NetworkID = "net-2"
	has("other network", image.AdmitVPC("x", base, group), problem.VpcMismatch)
	has("official", image.AdmitVPC("x", recipe.Base{Official: "shell"}, group))
	has("unknown network", image.AdmitVPC("x", base, resourcegroup.ResourceGroup{}))
	has("build", image.CheckBuild("image_id", image.Image{Spec: spec}), problem.PersistentBuildRequiresOfficialSource)
	has("official build", image.CheckBuild("image_id", image.Image{}))
}
