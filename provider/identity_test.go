package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/kilnhq/kiln/provider/acctest"
)

var identity = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"id": tftypes.String}}

// protocol speaks to the provider as a client does that is newer than the one that the other tests run.
type protocol struct {
	t      *testing.T
	server tfprotov6.ProviderServer
	types  map[string]tftypes.Type
}

func newProtocol(t *testing.T, endpoint string) *protocol {
	t.Helper()
	server, err := acctest.Factories()["kiln"]()
	if err != nil {
		t.Fatal(err)
	}
	described, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	p := &protocol{t: t, server: server, types: map[string]tftypes.Type{}}
	for name, s := range described.ResourceSchemas {
		p.types[name] = s.ValueType()
	}
	config, ok := described.Provider.ValueType().(tftypes.Object)
	if !ok {
		t.Fatal("the provider's configuration is no object")
	}
	values := map[string]tftypes.Value{}
	for name, of := range config.AttributeTypes {
		values[name] = tftypes.NewValue(of, nil)
	}
	values["endpoint"] = tftypes.NewValue(tftypes.String, endpoint)
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: p.dynamic(config, values)})
	if err != nil {
		t.Fatal(err)
	}
	p.clean(configured.Diagnostics)
	return p
}

func (p *protocol) dynamic(of tftypes.Type, value any) *tfprotov6.DynamicValue {
	p.t.Helper()
	d, err := tfprotov6.NewDynamicValue(of, tftypes.NewValue(of, value))
	if err != nil {
		p.t.Fatal(err)
	}
	return &d
}

func (p *protocol) clean(diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			continue
		}
		p.t.Fatalf("%s: %s", d.Summary, d.Detail)
	}
}

// id gives the attribute id of an object, or of an identity.
func (p *protocol) id(of tftypes.Type, d *tfprotov6.DynamicValue) (id string) {
	p.t.Helper()
	value, err := d.Unmarshal(of)
	var attributes map[string]tftypes.Value
	if err == nil {
		err = value.As(&attributes)
	}
	if err == nil {
		err = attributes["id"].As(&id)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return id
}

// TestIdentity: each resource has an identity, is imported by it, by id and by name, and keeps it when it is read; a state that
// an older client has written gets it then.
func TestIdentity(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	p := newProtocol(t, d.Endpoint)
	ids := d.Everything("segmenter")
	schemas, err := p.server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for name := range p.types {
		if schemas.IdentitySchemas[name] == nil || ids[name].ID == "" {
			t.Errorf("%s has no identity, or is not tried here", name)
		}
	}
	for name, is := range ids {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &protocol{t: t, server: p.server, types: p.types}
			for _, request := range []*tfprotov6.ImportResourceStateRequest{
				{TypeName: name, Identity: &tfprotov6.ResourceIdentityData{
					IdentityData: p.dynamic(identity, map[string]tftypes.Value{"id": tftypes.NewValue(tftypes.String, is.ID)}),
				}},
				{TypeName: name, ID: is.ID},
				{TypeName: name, ID: is.Name},
			} {
				imported, err := p.server.ImportResourceState(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				p.clean(imported.Diagnostics)
				one := imported.ImportedResources[0]
				if p.id(p.types[name], one.State) != is.ID || p.id(identity, one.Identity.IdentityData) != is.ID {
					t.Errorf("import of %q gives another state or identity than %s", request.ID, is.ID)
				}
				for _, current := range []*tfprotov6.ResourceIdentityData{one.Identity, nil} {
					p.read(name, is.ID, one.State, current)
				}
			}
		})
	}
}

// TestIdentityOfWhatIsGone: an older client's state of something that was deleted is read without an error.
func TestIdentityOfWhatIsGone(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	p := newProtocol(t, d.Endpoint)
	is := d.Everything("segmenter")["kiln_image_workspace_binding"]
	imported, err := p.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "kiln_image_workspace_binding", ID: is.ID})
	if err != nil {
		t.Fatal(err)
	}
	p.clean(imported.Diagnostics)
	image, workspace, _ := strings.Cut(is.ID, "/")
	if err := d.Client.DeleteBinding(t.Context(), image, workspace); err != nil {
		t.Fatal(err)
	}
	read, err := p.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: "kiln_image_workspace_binding", CurrentState: imported.ImportedResources[0].State,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.clean(read.Diagnostics)
	if value, err := read.NewState.Unmarshal(p.types["kiln_image_workspace_binding"]); err != nil || !value.IsNull() {
		t.Errorf("state = %v, %v; want none", value, err)
	}
}

func (p *protocol) read(name, id string, state *tfprotov6.DynamicValue, current *tfprotov6.ResourceIdentityData) {
	p.t.Helper()
	read, err := p.server.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: name, CurrentState: state, CurrentIdentity: current})
	if err != nil {
		p.t.Fatal(err)
	}
	p.clean(read.Diagnostics)
	if p.id(p.types[name], read.NewState) != id || p.id(identity, read.NewIdentity.IdentityData) != id {
		p.t.Errorf("what is read has another id or identity than %s", id)
	}
}
