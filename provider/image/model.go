package image

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// model is the resource as Terraform holds it. Lists and objects are kept as Terraform's own values, since any part of a
// configuration may be unknown.
type model struct {
	ID          types.String   `tfsdk:"id"`
	Region      types.String   `tfsdk:"region"`
	Name        types.String   `tfsdk:"name"`
	Description types.String   `tfsdk:"description"`
	Visibility  types.String   `tfsdk:"visibility"`
	TaskTypes   types.Set      `tfsdk:"task_types"`
	Source      types.Object   `tfsdk:"source"`
	Packages    types.List     `tfsdk:"packages"`
	Files       types.List     `tfsdk:"files"`
	Env         types.Map      `tfsdk:"env"`
	Test        types.Object   `tfsdk:"test"`
	Publish     types.Bool     `tfsdk:"publish"`
	Timeouts    timeouts.Value `tfsdk:"timeouts"`

	Version             types.Int64  `tfsdk:"version"`
	PublishedVersion    types.Int64  `tfsdk:"published_version"`
	Stage               types.String `tfsdk:"stage"`
	Status              types.String `tfsdk:"status"`
	InputHash           types.String `tfsdk:"input_hash"`
	Containerfile       types.String `tfsdk:"containerfile"`
	BaseDigest          types.String `tfsdk:"base_digest"`
	BaseUpdateAvailable types.Bool   `tfsdk:"base_update_available"`
	ResolvedPackages    types.List   `tfsdk:"resolved_packages"`
	PackageChanges      types.List   `tfsdk:"package_changes"`
	SizeBytes           types.Int64  `tfsdk:"size_bytes"`
	ProcessID           types.String `tfsdk:"process_id"`
}

type sourceModel struct {
	Official types.Object `tfsdk:"official"`
	Registry types.Object `tfsdk:"registry"`
}

type officialModel struct {
	Image   types.String `tfsdk:"image"`
	Version types.String `tfsdk:"version"`
}

type registryModel struct {
	RegistryID   types.String `tfsdk:"registry_id"`
	NetworkID    types.String `tfsdk:"network_id"`
	Repository   types.String `tfsdk:"repository"`
	Tag          types.String `tfsdk:"tag"`
	Digest       types.String `tfsdk:"digest"`
	StartCommand types.String `tfsdk:"start_command"`
}

type packageModel struct {
	Type   types.String `tfsdk:"type"`
	Names  types.List   `tfsdk:"names"`
	Index  types.String `tfsdk:"index"`
	Script types.String `tfsdk:"script"`
}

type fileModel struct {
	Source  types.String `tfsdk:"source"`
	Content types.String `tfsdk:"content"`
	Target  types.String `tfsdk:"target"`
	Mode    types.String `tfsdk:"mode"`
	Ignore  types.List   `tfsdk:"ignore"`
	SHA256  types.String `tfsdk:"sha256"`
	Entries types.Map    `tfsdk:"entries"`
}

type testModel struct {
	ResourceGroupID types.String  `tfsdk:"resource_group_id"`
	Commands        types.List    `tfsdk:"commands"`
	CU              types.Float64 `tfsdk:"cu"`
}

type resolvedModel struct {
	Manager     types.String `tfsdk:"manager"`
	Interpreter types.String `tfsdk:"interpreter"`
	Name        types.String `tfsdk:"name"`
	Version     types.String `tfsdk:"version"`
	BaseVersion types.String `tfsdk:"base_version"`
}

var (
	textList      = types.ListType{ElemType: types.StringType}
	textMap       = types.MapType{ElemType: types.StringType}
	officialTypes = map[string]attr.Type{"image": types.StringType, "version": types.StringType}
	registryTypes = map[string]attr.Type{
		"registry_id": types.StringType, "network_id": types.StringType, "repository": types.StringType, "tag": types.StringType,
		"digest": types.StringType, "start_command": types.StringType,
	}
	sourceTypes = map[string]attr.Type{
		"official": types.ObjectType{AttrTypes: officialTypes}, "registry": types.ObjectType{AttrTypes: registryTypes},
	}
	packageType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"type": types.StringType, "names": textList, "index": types.StringType, "script": types.StringType,
	}}
	fileType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"source": types.StringType, "content": types.StringType, "target": types.StringType, "mode": types.StringType,
		"ignore": textList, "sha256": types.StringType, "entries": textMap,
	}}
	testTypes    = map[string]attr.Type{"resource_group_id": types.StringType, "commands": textList, "cu": types.Float64Type}
	resolvedType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"manager": types.StringType, "interpreter": types.StringType, "name": types.StringType, "version": types.StringType,
		"base_version": types.StringType,
	}}
)

// lenient decodes an object that may be missing or unknown as one without anything in it.
var lenient = basetypes.ObjectAsOptions{UnhandledNullAsEmpty: true, UnhandledUnknownAsEmpty: true}

// toModel maps an image. What only a configuration or a plan can say, and every way to write the same thing, is taken from prior:
// the state when reading, the plan after a write. Of prior, base_update_available is taken too.
func toModel(ctx context.Context, img domain.Image, prior model) (model, diag.Diagnostics) {
	var diags diag.Diagnostics
	m := model{
		ID: types.StringValue(img.ID), Region: types.StringValue(img.Region), Name: types.StringValue(img.Spec.Name),
		Description: types.StringValue(img.Spec.Description), Visibility: types.StringValue(string(img.Spec.Visibility)),
		Publish: types.BoolValue(img.Spec.Publish), Timeouts: prior.Timeouts,
		Version: types.Int64Value(int64(img.CurrentVersion)), PublishedVersion: numberOrNull(int64(img.PublishedVersion)),
		Stage: types.StringValue(string(img.Stage.Public())), Status: types.StringValue(string(img.Status())),
		InputHash: types.StringValue(img.InputHash), Containerfile: types.StringValue(img.Containerfile),
		BaseDigest: textOrNull(cmp.Or(img.Spec.Recipe.Base.Registry.Digest, img.Base.ImageID)), BaseUpdateAvailable: prior.BaseUpdateAvailable,
		SizeBytes: numberOrNull(img.SizeBytes), ProcessID: textOrNull(img.ProcessID),
	}
	m.TaskTypes = texts(ctx, tasktype.Names(img.Spec.TaskTypes), &diags)
	m.ResolvedPackages, m.PackageChanges = resolved(ctx, img, &diags), prior.PackageChanges
	if m.PackageChanges.IsUnknown() || m.PackageChanges.IsNull() {
		m.PackageChanges = types.ListNull(types.StringType) // the plan could not say, or was of a creation
	}
	m.Test = testObject(ctx, img.Spec.Test, prior.Test, &diags)
	m.Source = sourceObject(ctx, img.Spec.Recipe.Base, &diags)
	before, found := prior.draft(ctx)
	diags.Append(found...)
	if before.complete() && before.spec.Recipe.Hash() == img.InputHash {
		m.Packages, m.Files, m.Env = prior.Packages, prior.Files, prior.Env
		return m, diags
	}
	m.recipe(ctx, img.Spec.Recipe, &diags)
	return m, diags
}

// recipe maps what is in a recipe besides its base.
func (m *model) recipe(ctx context.Context, r recipe.Recipe, diags *diag.Diagnostics) {
	entries := make([]packageModel, len(r.Packages))
	for i, e := range r.Packages {
		names := types.ListNull(types.StringType)
		if len(e.Names) > 0 {
			var found diag.Diagnostics
			names, found = types.ListValueFrom(ctx, types.StringType, e.Names)
			diags.Append(found...)
		}
		entries[i] = packageModel{
			Type: types.StringValue(string(e.Type)), Names: names, Index: textOrNull(e.Index), Script: textOrNull(e.Script),
		}
	}
	m.Packages = listOrNull(ctx, packageType, entries, diags)
	files := make([]fileModel, len(r.Files))
	for i, f := range r.Files {
		files[i] = fileModel{
			Target: types.StringValue(f.Target), Mode: textOrNull(f.Mode), Ignore: types.ListNull(types.StringType),
			SHA256: types.StringValue(f.SHA256), Entries: entriesOf(f.Tree),
		}
	}
	m.Files = listOrNull(ctx, fileType, files, diags)
	m.Env = types.MapNull(types.StringType)
	if len(r.Env) > 0 {
		env, found := types.MapValueFrom(ctx, types.StringType, r.Env)
		diags.Append(found...)
		m.Env = env
	}
}

// testObject maps a test. No commands stay as they were written, missing or empty.
func testObject(ctx context.Context, t domain.Test, prior types.Object, diags *diag.Diagnostics) types.Object {
	var before testModel
	diags.Append(prior.As(ctx, &before, lenient)...)
	commands, found := types.ListValueFrom(ctx, types.StringType, append([]string{}, t.Commands...))
	diags.Append(found...)
	if len(t.Commands) == 0 && before.Commands.IsNull() {
		commands = types.ListNull(types.StringType)
	}
	object, found := types.ObjectValueFrom(ctx, testTypes, testModel{
		ResourceGroupID: types.StringValue(t.ResourceGroupID), Commands: commands, CU: types.Float64Value(t.CU),
	})
	diags.Append(found...)
	return object
}

// resolved maps how the packages that a test found differ from the base's; null while there was no successful test.
func resolved(ctx context.Context, img domain.Image, diags *diag.Diagnostics) types.List {
	if len(img.Packages) == 0 && img.SizeBytes == 0 {
		return types.ListNull(resolvedType)
	}
	changes := official.Changes(img.Packages)
	found := make([]resolvedModel, len(changes))
	for i, p := range changes {
		found[i] = resolvedModel{
			Manager: types.StringValue(p.Manager), Interpreter: textOrNull(p.Interpreter), Name: types.StringValue(p.Name),
			Version: textOrNull(p.Version), BaseVersion: textOrNull(p.Base),
		}
	}
	list, problems := types.ListValueFrom(ctx, resolvedType, found)
	diags.Append(problems...)
	return list
}

func texts(ctx context.Context, values []string, diags *diag.Diagnostics) types.Set {
	set, found := types.SetValueFrom(ctx, types.StringType, values)
	diags.Append(found...)
	return set
}

func listOrNull[T any](ctx context.Context, of attr.Type, elements []T, diags *diag.Diagnostics) types.List {
	if len(elements) == 0 {
		return types.ListNull(of)
	}
	list, found := types.ListValueFrom(ctx, of, elements)
	diags.Append(found...)
	return list
}

func textOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func numberOrNull(n int64) types.Int64 {
	if n == 0 {
		return types.Int64Null()
	}
	return types.Int64Value(n)
}

// planned gives the model with what the plan has said about what the daemon may change at any time. Terraform refuses
// other values after an apply; the next refresh shows them.
func (m model) planned(plan model) model {
	for _, pair := range []struct{ have, want *types.String }{
		{&m.Stage, &plan.Stage}, {&m.Status, &plan.Status}, {&m.BaseDigest, &plan.BaseDigest}, {&m.ProcessID, &plan.ProcessID},
	} {
		if !pair.want.IsUnknown() {
			*pair.have = *pair.want
		}
	}
	if !plan.BaseUpdateAvailable.IsUnknown() {
		m.BaseUpdateAvailable = plan.BaseUpdateAvailable
	}
	if !plan.ResolvedPackages.IsUnknown() {
		m.ResolvedPackages = plan.ResolvedPackages
	}
	if !plan.SizeBytes.IsUnknown() {
		m.SizeBytes = plan.SizeBytes
	}
	return m
}
