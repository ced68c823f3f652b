package registry

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/provider/session"
)

// source is what the data sources of a registry have in common. Each asks the registry itself, by the daemon.
type source struct {
	name    string // after the provider's name
	session *session.Session
}

// Metadata names the data source.
func (d *source) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + d.name
}

// Configure takes the session over from the provider.
func (d *source) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.session = session.From(req.ProviderData, &resp.Diagnostics)
}

// ask asks a registry, and adds what goes wrong. It says whether all went well.
func (d *source) ask(
	ctx context.Context, of question, resp *datasource.ReadResponse, do func(c *client.Client, q client.RegistryQuestion) error,
) bool {
	c, err := d.session.Client(ctx)
	if err == nil {
		err = do(c, client.RegistryQuestion{RegistryID: of.RegistryID.ValueString(), NetworkID: of.NetworkID.ValueString()})
	}
	if err != nil {
		d.session.AddError(&resp.Diagnostics, "read "+strings.ReplaceAll(d.name, "_", " "), err)
	}
	return err == nil
}

// question says which registry is asked.
type question struct {
	RegistryID types.String
	NetworkID  types.String
}

func registryID() schema.Attribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: "The id of the `kiln_registry` to ask. It is asked whenever a plan is made."}
}

func networkID() schema.Attribute {
	return schema.StringAttribute{
		Optional: true,
		MarkdownDescription: "The id of the network through which it is asked, one that the registry is bound to. Default: any of those that leads " +
			"there.",
	}
}

func repositoryName() schema.Attribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: "The name of the repository, such as `team/base`."}
}

func names(description string) schema.Attribute {
	return schema.ListAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: description}
}

type repositoriesModel struct {
	RegistryID   types.String `tfsdk:"registry_id"`
	NetworkID    types.String `tfsdk:"network_id"`
	Namespace    types.String `tfsdk:"namespace"`
	Namespaces   []string     `tfsdk:"namespaces"`
	Repositories []string     `tfsdk:"repositories"`
}

type repositoriesDataSource struct{ source }

// NewRepositoriesDataSource makes the data source kiln_registry_repositories.
func NewRepositoriesDataSource() datasource.DataSource {
	return &repositoriesDataSource{source{name: "registry_repositories"}}
}

// Schema describes the attributes.
func (d *repositoriesDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The namespaces and repositories of a registry, as it lists them to the registry's user. Not every registry has such a " +
			"list.",
		Attributes: map[string]schema.Attribute{
			"registry_id": registryID(), "network_id": networkID(),
			"namespace": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Only the repositories of this namespace: those whose name begins with it and a `/`.",
			},
			"namespaces":   names("What the names of all repositories begin with, up to the first `/`, each once and in order."),
			"repositories": names("The names of the repositories, in order."),
		},
	}
}

// Read asks the registry.
func (d *repositoriesDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m repositoriesModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	var all []string
	if !d.ask(ctx, question{m.RegistryID, m.NetworkID}, resp, func(c *client.Client, q client.RegistryQuestion) (err error) {
		all, err = c.Repositories(ctx, q)
		return err
	}) {
		return
	}
	slices.Sort(all)
	m.Namespaces, m.Repositories = []string{}, []string{}
	for _, name := range all {
		namespace, _, inside := strings.Cut(name, "/")
		if inside && !slices.Contains(m.Namespaces, namespace) {
			m.Namespaces = append(m.Namespaces, namespace)
		}
		if m.Namespace.IsNull() || strings.HasPrefix(name, m.Namespace.ValueString()+"/") {
			m.Repositories = append(m.Repositories, name)
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

type tagsModel struct {
	RegistryID types.String `tfsdk:"registry_id"`
	NetworkID  types.String `tfsdk:"network_id"`
	Repository types.String `tfsdk:"repository"`
	Tags       []string     `tfsdk:"tags"`
}

type tagsDataSource struct{ source }

// NewTagsDataSource makes the data source kiln_registry_tags.
func NewTagsDataSource() datasource.DataSource { return &tagsDataSource{source{name: "registry_tags"}} }

// Schema describes the attributes.
func (d *tagsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The tags of a repository in a registry.",
		Attributes: map[string]schema.Attribute{
			"registry_id": registryID(), "network_id": networkID(), "repository": repositoryName(), "tags": names("The tags, in order."),
		},
	}
}

// Read asks the registry.
func (d *tagsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m tagsModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if !d.ask(ctx, question{m.RegistryID, m.NetworkID}, resp, func(c *client.Client, q client.RegistryQuestion) (err error) {
		m.Tags, err = c.Tags(ctx, q, m.Repository.ValueString())
		return err
	}) {
		return
	}
	if m.Tags == nil {
		m.Tags = []string{}
	}
	slices.Sort(m.Tags)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

type imageModel struct {
	RegistryID     types.String `tfsdk:"registry_id"`
	NetworkID      types.String `tfsdk:"network_id"`
	Repository     types.String `tfsdk:"repository"`
	Reference      types.String `tfsdk:"reference"`
	Digest         types.String `tfsdk:"digest"`
	ManifestDigest types.String `tfsdk:"manifest_digest"`
	SizeBytes      types.Int64  `tfsdk:"size_bytes"`
	Layers         types.Int64  `tfsdk:"layers"`
}

type imageDataSource struct{ source }

// NewImageDataSource makes the data source kiln_registry_image.
func NewImageDataSource() datasource.DataSource {
	return &imageDataSource{source{name: "registry_image"}}
}

// Schema describes the attributes.
func (d *imageDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.Attribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	number := func(description string) schema.Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "What a tag or a digest of a registry stands for. It has to be an image for linux/amd64 of at most 5 GiB and 127 layers, or a " +
			"list of images with one such; all else is an error. Only its manifest and its configuration are fetched.",
		Attributes: map[string]schema.Attribute{
			"registry_id": registryID(), "network_id": networkID(), "repository": repositoryName(),
			"reference":       schema.StringAttribute{Required: true, MarkdownDescription: "A tag, or a digest: `sha256:` and 64 hexadecimal digits."},
			"digest":          text("What the reference points at. Another digest under the same tag means that the tag has moved."),
			"manifest_digest": text("The image for linux/amd64: another digest where `digest` is a list of images."),
			"size_bytes":      number("The size of the layers in bytes, as they are transferred."),
			"layers":          number("The number of layers."),
		},
	}
}

// Read asks the registry.
func (d *imageDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m imageModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if d.ask(ctx, question{m.RegistryID, m.NetworkID}, resp, func(c *client.Client, q client.RegistryQuestion) error {
		r, err := c.Resolve(ctx, q, m.Repository.ValueString(), m.Reference.ValueString())
		m.Digest, m.ManifestDigest = types.StringValue(r.Digest), types.StringValue(r.Manifest)
		m.SizeBytes, m.Layers = types.Int64Value(r.Size), types.Int64Value(int64(r.Layers))
		return err
	}) {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}
