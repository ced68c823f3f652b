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
		Remedy: "Where the configuration says something else, the plan goes back to that. To keep the change, say the same in the configuration.",
	}}
}

// judgeNetwork warns when a version is baked on another network than it is tested on, as the plan has both, as far as they are known.
func (r *buildResource) judgeNetwork(ctx context.Context, plan model, diags *diag.Diagnostics) {
	if plan.ImageID.IsUnknown() || plan.ResourceGroupID.IsUnknown() {
		return
	}
	tested := r.Session.TestGroup(ctx, plan.ImageID.ValueString())
	if tested.IsUnknown() || tested.Equal(plan.ResourceGroupID) {
		return
	}
	before, now := r.Session.GroupNetwork(ctx, tested), r.Session.GroupNetwork(ctx, plan.ResourceGroupID)
	if before.Egress != "" && now.Egress != "" {
		diagnostic.AddWarning(diags, "", network.Same("resource_group_id", before, now).Err())
	}
}
