package build

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

// drift tells what somebody else has made of a build since it was applied. What an apply had left under way has only gone on,
// and what the registry has lost is told by itself.
func (m model) drift(b domain.Build) problem.List {
	if !m.settled() {
		return nil
	}
	var changes []string
	tell := func(what string, before, now any) {
		if before != now {
			changes = append(changes, fmt.Sprintf("%s %v -> %v", what, before, now))
		}
	}
	tell("stage", m.Stage.ValueString(), string(b.Stage))
	tell("image_version", m.ImageVersion.ValueInt64(), int64(b.ImageVersion))
	tell("baked_version", m.BakedVersion.ValueInt64(), int64(b.BakedVersion))
	tell("digest", m.Digest.ValueString(), b.Digest)
	if len(changes) == 0 {
		return nil
	}
	return problem.List{{
		Code: problem.ChangedElsewhere, Value: b.ID, Limit: strings.Join(changes, ", "),
		Detail: "since the last apply somebody else has changed the persistent build",
		Remedy: "The plan goes back to what the configuration says. To keep the change, say the same in the configuration.",
	}}
}

// judgeNetwork warns when a version is baked on another network than it was tested on, as far as both are known and the plan does
// not change the image.
func (r *buildResource) judgeNetwork(ctx context.Context, plan model, diags *diag.Diagnostics) {
	id := plan.ImageID.ValueString()
	if plan.ImageID.IsUnknown() || plan.ResourceGroupID.IsUnknown() || r.Session.Changes(id) {
		return
	}
	tested, err := session.Find(ctx, r.Session, session.Images(), session.Key{ID: id, Region: r.Session.DefaultRegion()})
	if err != nil || tested.Spec.Test.ResourceGroupID == plan.ResourceGroupID.ValueString() {
		return // another rule has said what is wrong
	}
	before, err := r.network(ctx, tested.Spec.Test.ResourceGroupID)
	if err != nil {
		return
	}
	if now, err := r.network(ctx, plan.ResourceGroupID.ValueString()); err == nil {
		diagnostic.AddWarning(diags, "", network.Same("resource_group_id", before, now).Err())
	}
}

// network gives the network of a resource group.
func (r *buildResource) network(ctx context.Context, group string) (network.Network, error) {
	g, err := r.Session.Group(ctx, group)
	if err != nil {
		return network.Network{}, err
	}
	return session.Find(ctx, r.Session, session.Networks(), session.Key{ID: g.NetworkID, Region: r.Session.DefaultRegion()})
}
