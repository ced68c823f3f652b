// Package build is the resource kiln_persistent_build. It must not know how
// the daemon bakes images or where it keeps them.
package build

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

var (
	_ framework.ResourceWithConfigure      = (*buildResource)(nil)
	_ framework.ResourceWithValidateConfig = (*buildResource)(nil)
	_ framework.ResourceWithModifyPlan     = (*buildResource)(nil)
	_ framework.ResourceWithImportState    = (*buildResource)(nil)
	_ framework.ResourceWithIdentity       = (*buildResource)(nil)
)

// NewResource makes the resource kiln_persistent_build.
func NewResource() framework.Resource {
	return &buildResource{resource.Base{Type: "persistent_build", Noun: "persistent build"}}
}

type buildResource struct {
	resource.Base
}

// Create starts to bake, saves the build in the state, and waits for it.
func (r *buildResource) Create(ctx context.Context, req framework.CreateRequest, resp *framework.CreateResponse) {
	defer func() { resource.Identify(ctx, resp.State, resp.Identity, &resp.Diagnostics) }()
	var plan model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	limit, found := plan.Timeouts.Create(ctx, session.DefaultTimeout)
	resp.Diagnostics.Append(found...)
	w := r.work(plan, resource.Target{Diags: &resp.Diagnostics, State: &resp.State, Private: resp.Private})
	w.Limit, w.GoOn = limit, "To attach to it instead of replacing the build, run `terraform untaint` on the resource and apply again, "+
		"with a longer timeouts.create."
	key := uuid.NewString()
	w.Ask = func(c *client.Client) (b domain.Build, err error) {
		w.Limit, err = r.Session.Attach(ctx, w.Limit, func() (session.Created, error) {
			b, err = c.CreateBuild(ctx, client.CreateBuild{
				Key: key, ImageID: plan.ImageID.ValueString(), ImageVersion: int(plan.ImageVersion.ValueInt64()),
				ResourceGroupID: plan.ResourceGroupID.ValueString(), CU: plan.CU.ValueFloat64(),
			})
			return session.Created{ID: b.ID, Field: "image_id", Value: b.ImageID}, err
		})
		return b, err
	}
	resource.Do(ctx, &r.Base, w)
}

// Update bakes another version, or attaches to what is under way. The old digest serves until that has succeeded.
func (r *buildResource) Update(ctx context.Context, req framework.UpdateRequest, resp *framework.UpdateResponse) {
	resource.Identify(ctx, req.State, resp.Identity, &resp.Diagnostics)
	var plan, state model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	generation := session.Generation(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !state.settled() {
		generation = 0 // the daemon itself may have gone on since the build was read
	}
	limit, found := plan.Timeouts.Update(ctx, session.DefaultTimeout)
	resp.Diagnostics.Append(found...)
	w := r.work(plan, resource.Target{Diags: &resp.Diagnostics, State: &resp.State, Private: resp.Private})
	w.Limit, w.GoOn = limit, "Apply again to attach to it, with a longer timeouts.update."
	w.Ask = func(c *client.Client) (domain.Build, error) {
		return c.UpdateBuild(ctx, client.UpdateBuild{
			ID: plan.ID.ValueString(), Generation: generation, ImageVersion: int(plan.ImageVersion.ValueInt64()),
			ResourceGroupID: plan.ResourceGroupID.ValueString(), CU: plan.CU.ValueFloat64(),
		})
	}
	resource.Do(ctx, &r.Base, w)
}

// work is what creation and update have in common besides the request itself.
func (r *buildResource) work(plan model, target resource.Target) *resource.Work[domain.Build] {
	return &resource.Work[domain.Build]{
		Target: target,
		Doing:  "bake version " + strconv.FormatInt(plan.ImageVersion.ValueInt64(), 10) + " of image " + plan.ImageID.ValueString(),
		Lack:   "the version that was asked for is not baked",
		Look:   true, // only then the daemon asks the registry
		Find:   func(ctx context.Context, c *client.Client, id string) (domain.Build, error) { return c.Build(ctx, id) },
		Save: func(ctx context.Context, b domain.Build) {
			target.Diags.Append(target.State.Set(ctx, toModel(b, plan).planned(plan))...)
			target.Diags.Append(session.KeepGeneration(ctx, target.Private, b.Generation)...)
		},
		Stands: func(b domain.Build) resource.Standing {
			return resource.Standing{ID: b.ID, ProcessID: b.ProcessID, Stage: string(b.Stage), Settled: settled(b)}
		},
	}
}

// settled says whether the version that is wanted is the one that was baked.
func settled(b domain.Build) bool {
	return b.Stage == domain.StageBuildSuccess && b.BakedVersion == b.ImageVersion && !b.Presence.Lost()
}

// Read reads the build; one that is gone leaves the state.
func (r *buildResource) Read(ctx context.Context, req framework.ReadRequest, resp *framework.ReadResponse) {
	resource.Identify(ctx, req.State, resp.Identity, &resp.Diagnostics)
	var state model
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	id := state.ID.ValueString()
	r.Session.Manage(id)
	if read, ok := resource.Refresh(ctx, &r.Base, id, resp, func() (domain.Build, error) {
		return session.Find(ctx, r.Session, session.Builds(), session.Key{ID: id, Region: r.Session.DefaultRegion()})
	}); ok {
		tellLost(read, &resp.Diagnostics)
		diagnostic.AddWarning(&resp.Diagnostics, "", state.drift(read).Err())
		resp.Diagnostics.Append(resp.State.Set(ctx, toModel(read, state))...)
		resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, read.Generation)...)
	}
}

// tellLost warns that the registry does not have any more what was baked.
func tellLost(b domain.Build, diags *diag.Diagnostics) {
	p := problem.Problem{
		Code: problem.ArtifactMissing, Value: b.ImageRef, Detail: "the registry does not have any more what persistent build " + b.ID + " has baked",
		Remedy: "The plan bakes it again. Find out who deletes from the daemon's registry.",
	}
	switch b.Presence {
	case domain.PresenceMissing:
	case domain.PresenceChanged:
		p.Code, p.Detail = problem.DigestMismatch, "the registry has another content than persistent build "+b.ID+" has baked"
		p.Remedy = "The plan bakes it again. Check the daemon's disk, and who writes to its data directory."
	default:
		return
	}
	diagnostic.AddWarning(diags, "", p)
}

// Delete deletes the build; one that is gone already is no error.
func (r *buildResource) Delete(ctx context.Context, req framework.DeleteRequest, resp *framework.DeleteResponse) {
	r.Remove(ctx, req, resp, func(c *client.Client, id string) error { return c.DeleteBuild(ctx, id) })
}

// ImportState takes over a build by its id, or by the id or the name of its image.
func (r *buildResource) ImportState(ctx context.Context, req framework.ImportStateRequest, resp *framework.ImportStateResponse) {
	if found, ok := resource.Import(ctx, &r.Base, req, resp, r.find(ctx)); ok {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), found.ID)...)
		resource.Identify(ctx, resp.State, resp.Identity, &resp.Diagnostics)
	}
}

func (r *buildResource) find(ctx context.Context) func(c *client.Client, id string) (domain.Build, error) {
	return func(c *client.Client, id string) (domain.Build, error) {
		b, err := c.Build(ctx, id)
		if !session.IsNotFound(err) {
			return b, err
		}
		if img, notImage := c.Image(ctx, id, r.Session.Region()); notImage == nil {
			return c.Build(ctx, img.ID)
		}
		return b, err
	}
}
