package image

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// draft is a specification as far as it is known. Something harmless stands for what is not, so that the same rules judge
// the rest; gaps says what that is.
type draft struct {
	spec    domain.Spec
	files   []fileModel // as configured; those that are unknown as a whole are empty
	sources int         // how many the image has, as far as is known: one is right
	gaps    gaps
	refused problem.List // what a specification cannot even say
}

// gaps says what of a specification is not known yet.
type gaps struct {
	name, taskTypes, publish, group, cu, source, base, version, packages, files, env bool
}

// complete says whether the recipe is known, so that its hash is.
func (d draft) complete() bool {
	g := d.gaps
	return !g.source && !g.base && !g.version && !g.packages && !g.files && !g.env && d.sources == 1 && d.spec.Recipe.Base.Resolved()
}

// noHash stands for the hash of a file that is not known.
const noHash = "0000000000000000000000000000000000000000000000000000000000000000"

// draft reads a configuration, a plan or a state. Defaults are filled in, since a configuration has none yet.
func (m model) draft(ctx context.Context) (draft, diag.Diagnostics) {
	var diags diag.Diagnostics
	d := draft{spec: domain.Spec{
		Name: m.Name.ValueString(), Description: m.Description.ValueString(),
		Visibility: domain.Visibility(m.Visibility.ValueString()), Publish: m.Publish.IsNull() || m.Publish.ValueBool(),
	}}
	if m.Name.IsUnknown() {
		d.gaps.name, d.spec.Name = true, "unknown"
	}
	if m.Visibility.IsNull() || m.Visibility.IsUnknown() {
		d.spec.Visibility = domain.VisibilityPrivate
	}
	d.gaps.publish = m.Publish.IsUnknown()
	d.taskTypes(m.TaskTypes)
	diags.Append(d.source(ctx, m.Source)...)
	diags.Append(d.packages(ctx, m.Packages)...)
	diags.Append(d.readFiles(ctx, m.Files)...)
	d.env(m.Env)
	diags.Append(d.test(ctx, m.Test)...)
	return d, diags
}

func (d *draft) taskTypes(set types.Set) {
	d.gaps.taskTypes = set.IsUnknown()
	for _, element := range set.Elements() {
		if text, ok := element.(types.String); ok && !text.IsUnknown() {
			d.spec.TaskTypes = append(d.spec.TaskTypes, tasktype.Type(text.ValueString()))
		} else {
			d.gaps.taskTypes = true
		}
	}
}

func (d *draft) packages(ctx context.Context, list types.List) diag.Diagnostics {
	d.gaps.packages = list.IsUnknown()
	entries, unknown, diags := objects[packageModel](ctx, list)
	for i, p := range entries {
		entry, known := p.entry()
		if unknown[i] || p.Type.IsUnknown() {
			entry, known = pkgmanager.Entry{Type: pkgmanager.Script, Script: "true"}, false
		}
		d.gaps.packages = d.gaps.packages || !known
		d.spec.Recipe.Packages = append(d.spec.Recipe.Packages, entry)
	}
	return diags
}

// entry gives a package entry whose type is known, and whether all of it is.
func (p packageModel) entry() (entry pkgmanager.Entry, known bool) {
	entry = pkgmanager.Entry{
		Type: pkgmanager.Type(p.Type.ValueString()), Index: p.Index.ValueString(), Script: p.Script.ValueString(),
	}
	known = !p.Index.IsUnknown()
	if p.Script.IsUnknown() {
		known = false
		if entry.Type == pkgmanager.Script {
			entry.Script = "true"
		}
	}
	if p.Names.IsUnknown() && entry.Type != pkgmanager.Script {
		return pkgmanager.Entry{Type: entry.Type, Names: []string{anyName(entry.Type, 0)}, Index: entry.Index, Script: entry.Script}, false
	}
	for i, element := range p.Names.Elements() {
		name, ok := element.(types.String)
		if !ok || name.IsUnknown() {
			known = false
			entry.Names = append(entry.Names, anyName(entry.Type, i))
			continue
		}
		entry.Names = append(entry.Names, name.ValueString())
	}
	return entry, known && !p.Names.IsUnknown()
}

// anyName is a pinned package name that no rule refuses.
func anyName(t pkgmanager.Type, i int) string {
	switch t {
	case pkgmanager.Apt:
		return fmt.Sprintf("unknown-%d=0", i)
	case pkgmanager.Yum:
		return fmt.Sprintf("unknown%d-0-0", i)
	default:
		return fmt.Sprintf("unknown-%d==0", i)
	}
}

func (d *draft) readFiles(ctx context.Context, list types.List) diag.Diagnostics {
	d.gaps.files = list.IsUnknown()
	files, unknown, diags := objects[fileModel](ctx, list)
	for i, f := range files {
		if unknown[i] {
			f.Target, f.Mode = types.StringUnknown(), types.StringUnknown()
		}
		file := recipe.File{Target: f.Target.ValueString(), Mode: f.Mode.ValueString(), SHA256: f.SHA256.ValueString(), Tree: treeOf(f.Entries)}
		if f.Target.IsUnknown() {
			file.Target = fmt.Sprintf("/unknown-%d", i)
		}
		if (f.Mode.IsNull() || f.Mode.IsUnknown()) && len(file.Tree) == 0 {
			file.Mode = defaultMode
		}
		if file.SHA256 == "" {
			file.SHA256 = noHash
		}
		d.gaps.files = d.gaps.files || f.Target.IsUnknown() || f.Mode.IsUnknown() || f.Entries.IsUnknown() || file.SHA256 == noHash
		d.spec.Recipe.Files = append(d.spec.Recipe.Files, file)
	}
	d.files = files
	return diags
}

func (d *draft) env(m types.Map) {
	d.gaps.env = m.IsUnknown()
	if len(m.Elements()) == 0 {
		return
	}
	d.spec.Recipe.Env = map[string]string{}
	for key, element := range m.Elements() {
		value, ok := element.(types.String)
		d.gaps.env = d.gaps.env || !ok || value.IsUnknown()
		if element.IsNull() {
			d.refused = append(d.refused, problem.Problem{
				Code: problem.InvalidEnv, Field: fmt.Sprintf("env[%q]", key), Value: "null", Limit: "a text, which may be empty",
				Remedy: `Write "" for an empty value, or leave the variable out.`,
			})
		}
		d.spec.Recipe.Env[key] = value.ValueString()
	}
}

func (d *draft) test(ctx context.Context, object types.Object) diag.Diagnostics {
	var test testModel
	diags := object.As(ctx, &test, lenient)
	d.gaps.group = object.IsUnknown() || test.ResourceGroupID.IsUnknown()
	d.gaps.cu = object.IsUnknown() || test.CU.IsUnknown()
	d.spec.Test = domain.Test{ResourceGroupID: test.ResourceGroupID.ValueString(), CU: test.CU.ValueFloat64()}
	if test.CU.IsNull() || d.gaps.cu {
		d.spec.Test.CU = resourcegroup.DefaultCU
	}
	for _, element := range test.Commands.Elements() {
		command, ok := element.(types.String)
		if !ok || command.IsUnknown() {
			command = types.StringValue("true")
		}
		d.spec.Test.Commands = append(d.spec.Test.Commands, command.ValueString())
	}
	return diags
}

// group is the id of the resource group of the test.
func (d draft) group() types.String {
	if d.gaps.group {
		return types.StringUnknown()
	}
	return types.StringValue(d.spec.Test.ResourceGroupID)
}

// objects decodes the elements of a list of nested objects; those that are unknown as a whole have all parts unknown.
func objects[T any](ctx context.Context, list types.List) (decoded []T, unknown []bool, diags diag.Diagnostics) {
	for _, element := range list.Elements() {
		var one T
		if object, ok := element.(types.Object); ok {
			diags.Append(object.As(ctx, &one, lenient)...)
		}
		decoded = append(decoded, one)
		unknown = append(unknown, element.IsUnknown())
	}
	return decoded, unknown, diags
}
