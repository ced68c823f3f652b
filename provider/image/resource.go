// Package image is the resource kiln_custom_image. It must not know how the
// daemon builds, tests or stores images.
package image

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	domain "github.com/kilnhq/kiln/internal/domain/image"
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
	w := r.work(plan, resource.Target{Diags: &resp.Diagnostics, State: &resp.State, Private: resp.Private})
	w.Doing, w.Limit = "create image "+strconv.Quote(plan.Name.ValueString()), limit
	w.GoOn = "To attach to it instead of replacing the image, run `terraform untaint` on the resource and apply again, " +
		"with a longer timeouts.create."
	key := uuid.NewString()
	r.write(ctx, w, func(c *client.Client, spec domain.Spec, hash string) (img domain.Image, err error) {
		w.Limit, err = r.Session.Attach(ctx, w.Limit, func() (session.Created, error) {
			img, err = c.CreateImage(ctx, client.CreateImage{
				Key: key, Region: plan.Region.ValueString(), Spec: spec, ExpectedHash: hash,
			})
			return session.Created{ID: img.ID, Field: "name", Value: spec.Name}, err
		})
		return img, err
	})
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
	w := r.work(plan, resource.Target{Diags: &resp.Diagnostics, State: &resp.State, Private: resp.Private})
	w.Doing, w.Limit = "update image "+strconv.Quote(plan.Name.ValueString()), limit
	w.GoOn = "Apply again to attach to it, with a longer timeouts.update."
	r.write(ctx, w, func(c *client.Client, spec domain.Spec, hash string) (img domain.Image, err error) {
		w.Limit, err = r.Session.AwaitRoom(ctx, w.Limit, func() error {
			img, err = c.UpdateImage(ctx, client.UpdateImage{
				ID: plan.ID.ValueString(), Generation: generation, Spec: spec, ExpectedHash: hash,
			})
			return err
		})
		return img, err
	})
}

// work is what creation and update have in common besides the request itself.
type work struct {
	resource.Work[domain.Image]

	plan model
}

func (r *imageResource) work(plan model, target resource.Target) *work {
	w := &work{plan: plan}
	w.Target, w.Lack = target, "the image is not in the stage that was asked for"
	w.Find = func(ctx context.Context, c *client.Client, id string) (domain.Image, error) {
		return c.Image(ctx, id, "")
	}
	w.Save = func(ctx context.Context, img domain.Image) { r.save(ctx, img, w) }
	w.Stands = func(img domain.Image) resource.Standing {
		return resource.Standing{
			ID: img.ID, ProcessID: img.ProcessID, Stage: string(img.Stage.Public()), Settled: settled(img, w.plan.Publish.ValueBool()),
		}
	}
	w.Waits = func(img domain.Image) string {
		return fmt.Sprintf("test version %d of image %q", img.CurrentVersion, img.Spec.Name)
	}
	return w
}

// write uploads the files, asks for the image, and waits for its process.
func (r *imageResource) write(
	ctx context.Context, w *work, ask func(c *client.Client, spec domain.Spec, hash string) (domain.Image, error),
) {
	if w.Diags.HasError() {
		return
	}
	d, found := r.settleBase(ctx, &w.plan)
	if w.Diags.Append(found...); w.Diags.HasError() {
		return
	}
	hash := w.plan.InputHash.ValueString()
	if hash == "" {
		hash = d.spec.Recipe.Hash()
	}
	w.Ask = func(c *client.Client) (domain.Image, error) {
		if err := upload(ctx, c, d.files); err != nil {
			return domain.Image{}, err
		}
		return ask(c, d.spec, hash)
	}
	resource.Do(ctx, &r.Base, &w.Work)
}

func (r *imageResource) save(ctx context.Context, img domain.Image, w *work) {
	m, found := toModel(ctx, img, w.plan)
	w.Diags.Append(found...)
	if m.BaseUpdateAvailable.IsUnknown() || m.BaseUpdateAvailable.IsNull() {
		m.BaseUpdateAvailable = r.superseded(ctx, img, types.BoolNull())
	}
	w.Diags.Append(w.State.Set(ctx, m.planned(w.plan))...)
	w.Diags.Append(session.KeepGeneration(ctx, w.Private, img.Generation)...)
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
