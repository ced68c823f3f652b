package resource

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

// Meta is what the daemon decides of a declared resource.
type Meta struct {
	ID, Region *string
	Generation *int64
}

// Kind is what differs between the declared resources. M is the model of the attributes, D the thing itself.
type Kind[M, D any] struct {
	Type        string // after the provider's name: resource_group
	Noun        string // as users read it: resource group
	Description string
	Attributes  map[string]schema.Attribute // besides id, region and name
	InUse       problem.Code                // the daemon's refusal to delete what is in use

	Meta     func(*D) Meta
	Model    func(thing D, prior M) M                                      // prior is what was planned or known, for what can be written in more than one way
	Domain   func(M) D                                                     // without what the daemon decides
	Validate func(M) problem.List                                          // refuses what is known to be wrong
	Plan     func(ctx context.Context, p Plan[M], diags *diag.Diagnostics) // nil: nothing more to judge
	// Secret adds to a thing that is sent what the configuration alone has: write-only arguments. prior is the zero value for a
	// creation. Nil: there are none.
	Secret func(config, prior M, thing *D)

	Listing session.Listing[D]
	Create  func(c *client.Client, ctx context.Context, key string, thing D) (D, error)
	Update  func(c *client.Client, ctx context.Context, thing D) (D, error)
	Delete  func(c *client.Client, ctx context.Context, id string) error
}

// Plan is a creation or an update that is planned.
type Plan[M any] struct {
	Session *session.Session
	ID      types.String // unknown for a creation
	Planned M
	Prior   M // the zero value for a creation
}

var (
	_ framework.ResourceWithConfigure      = (*declared[any, any])(nil)
	_ framework.ResourceWithValidateConfig = (*declared[any, any])(nil)
	_ framework.ResourceWithModifyPlan     = (*declared[any, any])(nil)
	_ framework.ResourceWithImportState    = (*declared[any, any])(nil)
	_ framework.ResourceWithIdentity       = (*declared[any, any])(nil)
)

type declared[M, D any] struct {
	Base
	kind Kind[M, D]
}

// New makes the resource of a kind.
func New[M, D any](kind Kind[M, D]) framework.Resource {
	return &declared[M, D]{Base: Base{Type: kind.Type, Noun: kind.Noun}, kind: kind}
}

// Schema describes the attributes.
func (r *declared[M, D]) Schema(_ context.Context, _ framework.SchemaRequest, resp *framework.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"id":     ID(),
		"region": Region(r.Noun),
		"name": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "The name, unique among your " + plural(r.Noun) + " of the region: a letter, then letters, digits, `_` and `-`, at most " +
				strconv.Itoa(name.MaxLength) + " characters. It can be changed in place. There is no " +
				"`create_before_destroy`: a replacement needs the name of what it replaces.",
		},
	}
	maps.Copy(attributes, r.kind.Attributes)
	resp.Schema = schema.Schema{MarkdownDescription: r.kind.Description, Attributes: attributes}
}

func plural(noun string) string {
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return stem + "ies"
	}
	return noun + "s"
}

// ValidateConfig judges what is known of the configuration.
func (r *declared[M, D]) ValidateConfig(
	ctx context.Context, req framework.ValidateConfigRequest, resp *framework.ValidateConfigResponse,
) {
	var config M
	if resp.Diagnostics.Append(req.Config.Get(ctx, &config)...); resp.Diagnostics.HasError() {
		return
	}
	diagnostic.AddError(&resp.Diagnostics, "", r.kind.Validate(config).Err())
}

// ModifyPlan plans the region, and what the kind has to say.
func (r *declared[M, D]) ModifyPlan(ctx context.Context, req framework.ModifyPlanRequest, resp *framework.ModifyPlanResponse) {
	if r.Session == nil {
		return
	}
	defer r.Session.Busy()()
	r.manage(ctx, req.State)
	if req.Plan.Raw.IsNull() {
		r.PlanDelete(ctx, r.kind.InUse, req.State, &resp.Diagnostics)
		return
	}
	r.Session.PlanRegion(ctx, req, resp)
	r.judgeName(ctx, req, resp)
	if r.kind.Plan == nil {
		return
	}
	p := Plan[M]{Session: r.Session}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &p.Planned)...)
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("id"), &p.ID)...)
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &p.Prior)...)
	}
	if !resp.Diagnostics.HasError() {
		r.kind.Plan(ctx, p, &resp.Diagnostics)
	}
}

// Create creates the thing.
func (r *declared[M, D]) Create(ctx context.Context, req framework.CreateRequest, resp *framework.CreateResponse) {
	defer func() { Identify(ctx, resp.State, resp.Identity, &resp.Diagnostics) }()
	var plan M
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...); resp.Diagnostics.HasError() {
		return
	}
	wanted := r.kind.Domain(plan)
	if resp.Diagnostics.Append(r.secret(ctx, req.Config, nil, &wanted)...); resp.Diagnostics.HasError() {
		return
	}
	var created D
	key := uuid.NewString()
	if r.Write(ctx, r.doing(ctx, "create", req.Plan), &resp.Diagnostics, func(c *client.Client) error {
		return r.Session.AwaitName(ctx, func() (err error) {
			created, err = r.kind.Create(c, ctx, key, wanted)
			return err
		})
	}) {
		resp.Diagnostics.Append(resp.State.Set(ctx, r.kind.Model(created, plan))...)
		resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, *r.kind.Meta(&created).Generation)...)
	}
}

// Read reads the thing; what is gone leaves the state.
func (r *declared[M, D]) Read(ctx context.Context, req framework.ReadRequest, resp *framework.ReadResponse) {
	Identify(ctx, req.State, resp.Identity, &resp.Diagnostics)
	var state M
	var id, region types.String
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...)
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("region"), &region)...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.Session.Manage(id.ValueString())
	if read, ok := Refresh(ctx, &r.Base, id.ValueString(), resp, func() (D, error) {
		return session.Find(ctx, r.Session, r.kind.Listing, session.Key{ID: id.ValueString(), Region: region.ValueString()})
	}); ok {
		resp.Diagnostics.Append(resp.State.Set(ctx, r.kind.Model(read, state))...)
		resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, *r.kind.Meta(&read).Generation)...)
	}
}

// Update changes the thing in place.
func (r *declared[M, D]) Update(ctx context.Context, req framework.UpdateRequest, resp *framework.UpdateResponse) {
	Identify(ctx, req.State, resp.Identity, &resp.Diagnostics)
	var plan M
	var id types.String
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("id"), &id)...)
	generation := session.Generation(ctx, req.Private, &resp.Diagnostics)
	wanted := r.kind.Domain(plan)
	resp.Diagnostics.Append(r.secret(ctx, req.Config, &req.State, &wanted)...)
	if resp.Diagnostics.HasError() {
		return
	}
	meta := r.kind.Meta(&wanted)
	*meta.ID, *meta.Generation = id.ValueString(), generation
	var updated D
	if r.Write(ctx, r.doing(ctx, "update", req.Plan), &resp.Diagnostics, func(c *client.Client) error {
		return r.Session.AwaitName(ctx, func() (err error) {
			updated, err = r.kind.Update(c, ctx, wanted)
			return err
		})
	}) {
		resp.Diagnostics.Append(resp.State.Set(ctx, r.kind.Model(updated, plan))...)
		resp.Diagnostics.Append(session.KeepGeneration(ctx, resp.Private, *r.kind.Meta(&updated).Generation)...)
	}
}

// Delete deletes the thing; what is gone already is no error.
func (r *declared[M, D]) Delete(ctx context.Context, req framework.DeleteRequest, resp *framework.DeleteResponse) {
	r.Remove(ctx, req, resp, func(c *client.Client, id string) error { return r.kind.Delete(c, ctx, id) })
}

// ImportState takes over a thing by its id or its name.
func (r *declared[M, D]) ImportState(ctx context.Context, req framework.ImportStateRequest, resp *framework.ImportStateResponse) {
	if found, ok := Import(ctx, &r.Base, req, resp, func(c *client.Client, id string) (D, error) {
		return r.kind.Listing.Get(c, ctx, id, r.Session.Region())
	}); ok {
		meta := r.kind.Meta(&found)
		Imported(ctx, resp, *meta.ID, *meta.Region)
	}
}

// secret adds what only the configuration has. A creation has no state.
func (r *declared[M, D]) secret(ctx context.Context, config tfsdk.Config, state *tfsdk.State, thing *D) (diags diag.Diagnostics) {
	if r.kind.Secret == nil {
		return nil
	}
	var given, prior M
	diags.Append(config.Get(ctx, &given)...)
	if state != nil {
		diags.Append(state.Get(ctx, &prior)...)
	}
	if !diags.HasError() {
		r.kind.Secret(given, prior, thing)
	}
	return diags
}

// doing says what is tried, with the name as the plan has it.
func (r *declared[M, D]) doing(ctx context.Context, verb string, plan attributes) string {
	var called types.String
	plan.GetAttribute(ctx, path.Root("name"), &called) // a plan without a name has failed before
	return verb + " " + r.Noun + " " + strconv.Quote(called.ValueString())
}
