// Package datasource is what the data sources of the provider have in common:
// one type for all of them, which differ in their attributes and in what they
// ask the daemon. It knows no single data source.
package datasource

import (
	"context"

	framework "github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/kilnhq/kiln/provider/session"
)

// Kind is what differs between the data sources. M is the model of the attributes.
type Kind[M any] struct {
	Type   string // after the provider's name: official_images
	Schema schema.Schema
	Doing  func(config M) string // for the user, after "Cannot": read the quota
	Read   func(ctx context.Context, s *session.Session, config M) (M, error)
}

// New makes the data source of a kind.
func New[M any](kind Kind[M]) framework.DataSource { return &source[M]{kind: kind} }

var _ framework.DataSourceWithConfigure = (*source[any])(nil)

type source[M any] struct {
	kind    Kind[M]
	session *session.Session
}

// Metadata names the data source.
func (s *source[M]) Metadata(_ context.Context, req framework.MetadataRequest, resp *framework.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + s.kind.Type
}

// Schema describes the attributes.
func (s *source[M]) Schema(_ context.Context, _ framework.SchemaRequest, resp *framework.SchemaResponse) {
	resp.Schema = s.kind.Schema
}

// Configure takes the session over from the provider.
func (s *source[M]) Configure(_ context.Context, req framework.ConfigureRequest, resp *framework.ConfigureResponse) {
	s.session = session.From(req.ProviderData, &resp.Diagnostics)
}

// Read asks the daemon. Where several cannot be read, each says so: Terraform takes one that has neither a state nor an error
// for a bug.
func (s *source[M]) Read(ctx context.Context, req framework.ReadRequest, resp *framework.ReadResponse) {
	var m M
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	found, err := s.kind.Read(ctx, s.session, m)
	if err != nil {
		s.session.AddError(&resp.Diagnostics, s.kind.Doing(m), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, found)...)
}
