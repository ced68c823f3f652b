package acctest

import (
	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// Named is how one thing can be imported.
type Named struct{ ID, Name string }

// Everything makes one thing of each kind behind Terraform's back, all with the same name where they have one, and gives them by
// the type of their resource.
func (d *Daemon) Everything(name string) map[string]Named {
	d.tb.Helper()
	ctx := d.tb.Context()
	check := func(err error) {
		d.tb.Helper()
		if err != nil {
			d.tb.Fatal(err)
		}
	}
	n, err := d.Client.CreateNetwork(ctx, "", network.Network{Name: name, Egress: network.EgressNone})
	check(err)
	group := d.CreateGroup(name, n.ID)
	r, err := d.Client.CreateRegistry(ctx, "", registry.Registry{
		Name: name, Endpoint: "registry.internal:5000", Edition: registry.EditionEnterprise, NetworkIDs: []string{n.ID},
	})
	check(err)
	w, err := d.Client.CreateWorkspace(ctx, "", workspace.Workspace{Name: name})
	check(err)
	i, err := d.Client.CreateImage(ctx, client.CreateImage{Spec: image.Spec{
		Name: name, Visibility: image.VisibilityPrivate, TaskTypes: []tasktype.Type{tasktype.PyODPS3}, Publish: true,
		Recipe: recipe.Recipe{Base: recipe.Base{Official: Official}}, Test: image.Test{ResourceGroupID: group, CU: 0.5},
	}})
	check(err)
	_, err = d.Client.Wait(ctx, i.ProcessID, nil)
	check(err)
	bound, err := d.Client.CreateBinding(ctx, i.ID, w.ID)
	check(err)
	b, err := d.Client.CreateBuild(ctx, client.CreateBuild{ImageID: i.ID, ImageVersion: 1, ResourceGroupID: group, CU: 0.5})
	check(err)
	_, err = d.Client.Wait(ctx, b.ProcessID, nil)
	check(err)
	return map[string]Named{
		"kiln_network": {n.ID, name}, "kiln_resource_group": {group, name}, "kiln_workspace": {w.ID, name}, "kiln_registry": {r.ID, name},
		"kiln_custom_image": {i.ID, name}, "kiln_image_workspace_binding": {bound.ID(), name + "/" + name},
		"kiln_persistent_build": {b.ID, i.ID},
	}
}
