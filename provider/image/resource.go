// Package image is the resource kiln_custom_image. It must not know how the
// daemon builds, tests or stores images.
package image

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/resource"
	"github.com/kilnhq/kiln/provider/session"
)

var (
	_ framework.ResourceWithConfigure      = (*imageResource)(nil)
	_ framework.ResourceWithValidateConfig = (*imageResource)(nil)
	_ framework.ResourceWithModifyPlan     = (*imageResource)(nil)
	_ framework.ResourceWithImportState    = (*imageResource)(nil)
	_ framework.ResourceWithIdentity       = (*imageResource)(nil)
)

// readTimeout is how long the last look at an image may take after a wait has ended, however it has.
const readTimeout = 15 * time.Second

// NewResource makes the resource kiln_custom_image.
func NewResource() framework.Resource {
	return &imageResource{resource.Base{Type: "custom_image", Noun: "image"}}
}

type imageResource struct {
	resource.Base
}

// Create starts the image, saves it in the state, and waits for its test and publication.
func (r *imageResource) Create(ctx context.Context, req framework.CreateRequest, resp *framework.CreateResponse) {
	defer func() { resource.Identify(ctx, resp.State, resp.Identity, &resp.Diagnostics) }()
	var plan model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	limit, found := plan.Timeouts.Create(ctx, session.DefaultTimeout)
	resp.Diagnostics.Append(found...)
	w := write{
		plan:  plan,
		doing: "create image " + strconv.Quote(plan.Name.ValueString()), limit: limit, diags: &resp.Diagnostics, state: &resp.State,
		private: resp.Private,
		goOn: "To attach to it instead of replacing the image, run `terraform untaint` on the resource and apply again, " +
			"with a longer timeouts.create.",
	}
	key := uuid.NewString()
	w.ask = func(c *client.Client, spec domain.Spec, hash string) (img domain.Image, err error) {
		w.limit, err = r.Session.AwaitRoom(ctx, w.limit, func() error {
			img, err = c.CreateImage(ctx, client.CreateImage{
				Key: key, Region: plan.Region.ValueString(), Spec: spec, ExpectedHash: hash,
			})
			return err
		})
		if err == nil {
			err = r.Session.Claim(img.ID, "name", spec.Name)
		}
		return img, err
	}
	r.write(ctx, &w)
}

// Update changes the image, which makes a new version when the recipe differs, attaches to a test that is under way, and
// tests again what has failed.
func (r *imageResource) Update(ctx context.Context, req framework.UpdateRequest, resp *framework.UpdateResponse) {
	resource.Identify(ctx, req.State, resp.Identity, &resp.Diagnostics)
	var plan, state model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	generation := session.Generation(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !state.settled(state.Publish.ValueBool()) {
		generation = 0 // the daemon itself may have gone on since the image was read
	}
	limit, found := plan.Timeouts.Update(ctx, session.DefaultTimeout)
	resp.Diagnostics.Append(found...)
	w := write{
		plan:  plan,
		doing: "update image " + strconv.Quote(plan.Name.ValueString()), limit: limit, diags: &resp.Diagnostics, state: &resp.State,
		private: resp.Private, goOn: "Apply again to attach to it, with a longer timeouts.update.",
	}
	w.ask = func(c *client.Client, spec domain.Spec, hash string) (domain.Image, error) {
		return c.UpdateImage(ctx, client.UpdateImage{
			ID: plan.ID.ValueString(), Generation: generation, Spec: spec, ExpectedHash: hash,
		})
	}
	r.write(ctx, &w)
}

// write is what creation and update have in common besides the request itself.
type write struct {
	plan    model
	doing   string
	goOn    string
	ask     func(c *client.Client, spec domain.Spec, hash string) (domain.Image, error)
	limit   time.Duration // what is left of it
	done    bool          // the process that was waited for has completed
	diags   *diag.Diagnostics
	state   *tfsdk.State
	private interface {
		SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
	}
}

func (r *imageResource) write(ctx context.Context, w *write) {
	if w.diags.HasError() {
		return
	}
	c, err := r.Session.Client(ctx)
	if err != nil {
		r.Session.AddError(w.diags, w.doing, err)
		return
	}
	d, found := r.settleBase(ctx, &w.plan)
	if w.diags.Append(found...); w.diags.HasError() {
		return
	}
	hash := w.plan.InputHash.ValueString()
	if hash == "" {
		hash = d.spec.Recipe.Hash()
	}
	defer r.Session.Writing()()
	img := domain.Image{}
	if err = upload(ctx, c, d.files); err == nil {
		img, err = w.ask(c, d.spec, hash)
	}
	if err != nil {
		r.Session.AddError(w.diags, w.doing, err)
		return
	}
	r.save(ctx, img, *w)
	if w.diags.HasError() || img.ProcessID == "" || settled(img, w.plan.Publish.ValueBool()) {
		return
	}
	w.done = r.Session.Wait(ctx, c, session.Wait{
		Doing:   fmt.Sprintf("test version %d of image %q", img.CurrentVersion, img.Spec.Name),
		Process: img.ProcessID, Timeout: w.limit, GoOn: w.goOn,
	}, w.diags)
	r.look(ctx, c, img.ID, *w)
}

// look saves how things stand after a wait, even when it was interrupted.
func (r *imageResource) look(ctx context.Context, c *client.Client, id string, w write) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	img, err := c.Image(ctx, id, "")
	if err != nil {
		r.Session.AddError(w.diags, "read image "+id, err)
		return
	}
	r.save(ctx, img, w)
	if w.done && !settled(img, w.plan.Publish.ValueBool()) {
		r.Session.AddError(w.diags, w.doing, problem.Problem{
			Code: problem.InvalidImageState, Field: "stage", Value: string(img.Stage.Public()),
			Detail: "its process has completed, and the image is not in the stage that was asked for",
			Remedy: "Apply again; something else may have changed the image meanwhile.",
		})
	}
}

func (r *imageResource) save(ctx context.Context, img domain.Image, w write) {
	m, found := toModel(ctx, img, w.plan)
	w.diags.Append(found...)
	if m.BaseUpdateAvailable.IsUnknown() || m.BaseUpdateAvailable.IsNull() {
		m.BaseUpdateAvailable = r.superseded(ctx, img, types.BoolNull())
	}
	w.diags.Append(w.state.Set(ctx, m.planned(w.plan))...)
	w.diags.Append(session.KeepGeneration(ctx, w.private, img.Generation)...)
}

// settled says whether an image is where its configuration wants it to be.
func settled(img domain.Image, publish bool) bool {
	if publish {
		return img.Stage.Published() && img.PublishedVersion == img.CurrentVersion
	}
	switch img.Stage {
	case domain.StageUntest, domain.StageTesting, domain.StageTestFailed, domain.StagePublishing:
		return false
	default:
		return true
	}
}

// Read reads the image; one that is gone leaves the state.
func (r *imageResource) Read(ctx context.Context, req framework.ReadRequest, resp *framework.ReadResponse) {
	resource.Identify(ctx, req.State, resp.Identity, &resp.Diagnostics)
	var state model
	if resp.Diagnostics.Append(req.State.Get(ctx, &state)...); resp.Diagnostics.HasError() {
		return
	}
	r.Session.Manage(state.ID.ValueString())
	r.Session.Ledger().Manage(state.Region.ValueString(), state.ID.ValueString())
	id := state.ID.ValueString()
	key, whole := session.Key{ID: id, Region: state.Region.ValueString()}, false
	read, ok := resource.Refresh(ctx, &r.Base, id, resp, func() (img domain.Image, err error) {
		img, err = session.Find(ctx, r.Session, session.Images(), key)
		if err == nil && !state.tested(img) {
			whole = true
			return resource.Get(ctx, &r.Base, func(c *client.Client) (domain.Image, error) { return c.Image(ctx, id, key.Region) })
		}
		return img, err
	})
	if !ok {
		return
	}
	diagnostic.AddWarning(&resp.Diagnostics, "", state.drift(read).Err())
	m, found := toModel(ctx, read, state)
	resp.Diagnostics.Append(found...)
	if !whole {
		m.ResolvedPackages = state.ResolvedPackages
	}
	m.BaseUpdateAvailable = r.superseded(ctx, read, state.BaseUpdateAvailable)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, read.Generation)...)
}

// tested says whether an image stands where the state has it, with the same test behind it. Then its packages, which no list
// has, are those of the state: nothing but a test finds them.
func (m model) tested(img domain.Image) bool {
	return m.Version.ValueInt64() == int64(img.CurrentVersion) && m.InputHash.ValueString() == img.InputHash &&
		m.ProcessID.ValueString() == img.ProcessID && m.Stage.ValueString() == string(img.Stage.Public())
}

// superseded says whether the catalogue has something newer; what was known before when it cannot be asked.
func (r *imageResource) superseded(ctx context.Context, img domain.Image, before types.Bool) types.Bool {
	snapshot, err := r.Session.Snapshot(ctx)
	if err != nil {
		return before
	}
	base := img.Spec.Recipe.Base
	_, newer := official.Superseded(snapshot.Official, base.Official, base.Version)
	return types.BoolValue(newer)
}

// Delete deletes the image; one that is gone already is no error.
func (r *imageResource) Delete(ctx context.Context, req framework.DeleteRequest, resp *framework.DeleteResponse) {
	r.Remove(ctx, req, resp, func(c *client.Client, id string) error { return c.DeleteImage(ctx, id) })
}

// ImportState takes over an image by its id or its name.
func (r *imageResource) ImportState(ctx context.Context, req framework.ImportStateRequest, resp *framework.ImportStateResponse) {
	if found, ok := resource.Import(ctx, &r.Base, req, resp, func(c *client.Client, id string) (domain.Image, error) {
		return c.Image(ctx, id, r.Session.Region())
	}); ok {
		resource.Imported(ctx, resp, found.ID, found.Region)
	}
}

// settleBase resolves a base that the plan has left open, which it does without a daemon, and gives the specification.
func (r *imageResource) settleBase(ctx context.Context, plan *model) (draft, diag.Diagnostics) {
	d, diags := plan.draft(ctx)
	if !d.gaps.version || diags.HasError() {
		return d, diags
	}
	snapshot, err := r.Session.Snapshot(ctx)
	if err == nil {
		var base official.Image
		if base, err = official.Resolve(snapshot.Official, d.spec.Recipe.Base.Official, ""); err == nil {
			d.spec.Recipe.Base.Version, d.gaps.version = base.Version, false
			plan.Source = sourceObject(ctx, d.spec.Recipe.Base, &diags)
		}
	}
	if err != nil {
		r.Session.AddError(&diags, "find the official image "+d.spec.Recipe.Base.Official, err)
	}
	return d, diags
}
