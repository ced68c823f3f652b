package registry

import (
	"context"
	"slices"
	"strconv"
	"strings"

	framework "github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/provider/datasource"
	"github.com/kilnhq/kiln/provider/session"
)

// ask makes a question to a registry, which the daemon asks.
func ask(
	ctx context.Context, s *session.Session, registryID, networkID types.String, do func(c *client.Client, q client.RegistryQuestion) error,
) error {
	c, err := s.Client(ctx)
	if err != nil {
		return err
	}
	return do(c, client.RegistryQuestion{RegistryID: registryID.ValueString(), NetworkID: networkID.ValueString()})
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

// NewRepositoriesDataSource makes the data source kiln_registry_repositories.
func NewRepositoriesDataSource() framework.DataSource {
	return datasource.New(datasource.Kind[repositoriesModel]{
		Type: "registry_repositories",
		Schema: schema.Schema{
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
		},
		Doing: func(repositoriesModel) string { return "read the repositories of a registry" }, Read: readRepositories,
	})
}

func readRepositories(ctx context.Context, s *session.Session, m repositoriesModel) (repositoriesModel, error) {
	var all []string
	err := ask(ctx, s, m.RegistryID, m.NetworkID, func(c *client.Client, q client.RegistryQuestion) (err error) {
		all, err = c.Repositories(ctx, q)
		return err
	})
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
	return m, err
}

type tagsModel struct {
	RegistryID types.String `tfsdk:"registry_id"`
	NetworkID  types.String `tfsdk:"network_id"`
	Repository types.String `tfsdk:"repository"`
	Tags       []string     `tfsdk:"tags"`
}

// NewTagsDataSource makes the data source kiln_registry_tags.
func NewTagsDataSource() framework.DataSource {
	return datasource.New(datasource.Kind[tagsModel]{
		Type: "registry_tags",
		Schema: schema.Schema{
			MarkdownDescription: "The tags of a repository in a registry.",
			Attributes: map[string]schema.Attribute{
				"registry_id": registryID(), "network_id": networkID(), "repository": repositoryName(), "tags": names("The tags, in order."),
			},
		},
		Doing: func(m tagsModel) string { return "read the tags of " + strconv.Quote(m.Repository.ValueString()) },
		Read: func(ctx context.Context, s *session.Session, m tagsModel) (tagsModel, error) {
			m.Tags = []string{}
			err := ask(ctx, s, m.RegistryID, m.NetworkID, func(c *client.Client, q client.RegistryQuestion) error {
				tags, err := c.Tags(ctx, q, m.Repository.ValueString())
				m.Tags = append(m.Tags, tags...)
				return err
			})
			slices.Sort(m.Tags)
			return m, err
		},
	})
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

// NewImageDataSource makes the data source kiln_registry_image.
func NewImageDataSource() framework.DataSource {
	return datasource.New(datasource.Kind[imageModel]{
		Type: "registry_image", Schema: imageSchema(),
		Doing: func(m imageModel) string {
			return "read the image " + strconv.Quote(m.Repository.ValueString()+" "+m.Reference.ValueString())
		},
		Read: func(ctx context.Context, s *session.Session, m imageModel) (imageModel, error) {
			err := ask(ctx, s, m.RegistryID, m.NetworkID, func(c *client.Client, q client.RegistryQuestion) error {
				r, err := c.Resolve(ctx, q, m.Repository.ValueString(), m.Reference.ValueString())
				m.Digest, m.ManifestDigest = types.StringValue(r.Digest), types.StringValue(r.Manifest)
				m.SizeBytes, m.Layers = types.Int64Value(r.Size), types.Int64Value(int64(r.Layers))
				return err
			})
			return m, err
		},
	})
}

func imageSchema() schema.Schema {
	text := func(description string) schema.Attribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	number := func(description string) schema.Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	return schema.Schema{
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
