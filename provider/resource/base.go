// Package resource is what the resources of the provider have in common: how
// they are configured, read, deleted and imported, and one type for the plain
// declared ones, which do nothing by themselves. It knows no single resource.
package resource

import (
	"context"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	framework "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/session"
)

// Base is what every resource has: its type, its noun and the session. Embed it.
type Base struct {
	Type    string // after the provider's name: resource_group
	Noun    string // as users read it: resource group
	Session *session.Session
}

// Metadata names the resource.
func (b *Base) Metadata(_ context.Context, req framework.MetadataRequest, resp *framework.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + b.Type
}

// Configure takes the session over from the provider.
func (b *Base) Configure(_ context.Context, req framework.ConfigureRequest, resp *framework.ConfigureResponse) {
	b.Session = session.From(req.ProviderData, &resp.Diagnostics)
}

// Write calls a writing function with the client, and adds what goes wrong. It says whether all went well.
func (b *Base) Write(ctx context.Context, doing string, diags *diag.Diagnostics, write func(*client.Client) error) bool {
	c, err := b.Session.Client(ctx)
	if err == nil {
		defer b.Session.Writing()()
		err = write(c)
	}
	if err != nil {
		b.Session.AddError(diags, doing, err)
	}
	return err == nil
}

// Remove deletes what the state names by its id; what is gone already is no error, and what another resource has attached to in
// this apply stays.
func (b *Base) Remove(
	ctx context.Context, req framework.DeleteRequest, resp *framework.DeleteResponse, remove func(c *client.Client, id string) error,
) {
	var id types.String
	if resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("id"), &id)...); resp.Diagnostics.HasError() {
		return
	}
	b.Write(ctx, "delete "+b.Noun+" "+id.ValueString(), &resp.Diagnostics, func(c *client.Client) error {
		kept, err := b.Session.Release(id.ValueString(), func() error { return remove(c, id.ValueString()) })
		if kept {
			diagnostic.AddWarning(&resp.Diagnostics, "", session.Kept(b.Noun, id.ValueString()))
		}
		if session.IsNotFound(err) {
			return nil
		}
		return err
	})
}

type attributes interface {
	GetAttribute(ctx context.Context, at path.Path, target any) diag.Diagnostics
}

// PlanDelete warns who uses what a plan deletes. InUse is how the daemon refuses then.
func (b *Base) PlanDelete(ctx context.Context, inUse problem.Code, state attributes, diags *diag.Diagnostics) {
	d := session.Deletion{Noun: b.Noun, InUse: inUse}
	diags.Append(state.GetAttribute(ctx, path.Root("id"), &d.ID)...)
	diags.Append(state.GetAttribute(ctx, path.Root("name"), &d.Name)...)
	b.Session.JudgeDeletion(ctx, d, diags)
}

// Get reads one object with the client.
func Get[T any](ctx context.Context, b *Base, get func(*client.Client) (T, error)) (T, error) {
	c, err := b.Session.Client(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return get(c)
}

// Refresh reads what a state names by an id. What is gone leaves the state; nothing but the daemon's own word means that. It
// says whether there is something to put into the state.
func Refresh[T any](
	ctx context.Context, b *Base, id string, resp *framework.ReadResponse, find func() (T, error),
) (T, bool) {
	defer b.Session.Refreshing()()
	read, err := find()
	switch {
	case session.IsNotFound(err):
		diagnostic.AddWarning(&resp.Diagnostics, "", gone(b.Noun, id))
		resp.State.RemoveResource(ctx)
	case err != nil:
		b.Session.AddPlanError(&resp.Diagnostics, "read "+b.Noun+" "+id, err)
	}
	return read, err == nil
}

func gone(noun, id string) problem.Problem {
	return problem.Problem{
		Code: problem.NotFound, Field: "id", Value: id, Limit: "a " + noun + " that is there",
		Detail: "the " + noun + " is not there any more: somebody else has deleted it",
		Remedy: "The plan makes it again, unless the configuration has it no more.",
	}
}

// Import finds what a user names, and adds what goes wrong.
func Import[T any](
	ctx context.Context, b *Base, req framework.ImportStateRequest, resp *framework.ImportStateResponse,
	get func(c *client.Client, id string) (T, error),
) (T, bool) {
	id := ImportID(ctx, req, &resp.Diagnostics)
	found, err := Get(ctx, b, func(c *client.Client) (T, error) { return get(c, id) })
	if err != nil {
		b.Session.AddError(&resp.Diagnostics, "import "+b.Noun+" "+strconv.Quote(id), err)
	}
	return found, err == nil
}

// Imported puts the id and the region of what was found into the state, and the id into the identity; the read that follows fills
// in the rest.
func Imported(ctx context.Context, resp *framework.ImportStateResponse, id, region string) {
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("region"), region)...)
	Identify(ctx, resp.State, resp.Identity, &resp.Diagnostics)
}

// ID is the attribute id of what the daemon names.
func ID() schema.Attribute {
	return schema.StringAttribute{
		Computed:            true,
		MarkdownDescription: "The id that the daemon gave.",
		PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// Region is the attribute region of what noun names.
func Region(noun string) schema.Attribute {
	return schema.StringAttribute{
		Computed:            true,
		MarkdownDescription: "The region: the provider's `region`, or else the daemon's default. Another one replaces the " + noun + ".",
	}
}
