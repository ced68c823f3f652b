package provider_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	dataschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	acc "github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/kilnhq/kiln/internal/domain/problem"
	kiln "github.com/kilnhq/kiln/provider"
	"github.com/kilnhq/kiln/provider/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// TestDescriptions: the schemas are valid, and every attribute is documented.
func TestDescriptions(t *testing.T) {
	t.Parallel()
	p := kiln.New("test")()
	var own provider.SchemaResponse
	p.Schema(t.Context(), provider.SchemaRequest{}, &own)
	for name, a := range own.Schema.Attributes {
		if a.GetMarkdownDescription() == "" {
			t.Errorf("provider: %s has no description", name)
		}
	}
	for _, make := range p.Resources(t.Context()) {
		var named resource.MetadataResponse
		make().Metadata(t.Context(), resource.MetadataRequest{ProviderTypeName: "kiln"}, &named)
		var described resource.SchemaResponse
		make().Schema(t.Context(), resource.SchemaRequest{}, &described)
		if diags := described.Schema.ValidateImplementation(t.Context()); diags.HasError() {
			t.Errorf("%s: %v", named.TypeName, diags)
		}
		described.Schema.Attributes["itself"] = schema.StringAttribute{MarkdownDescription: described.Schema.MarkdownDescription}
		documented(t, named.TypeName, described.Schema.Attributes)
	}
	for _, make := range p.DataSources(t.Context()) {
		var described datasource.SchemaResponse
		make().Schema(t.Context(), datasource.SchemaRequest{}, &described)
		for name, a := range described.Schema.Attributes {
			if a.GetMarkdownDescription() == "" {
				t.Errorf("data source: %s has no description", name)
			}
			if nested, ok := a.(dataschema.ListNestedAttribute); ok && len(nested.NestedObject.Attributes) == 0 {
				t.Errorf("data source: %s has no attributes", name)
			}
		}
	}
}

func documented(t *testing.T, at string, attributes map[string]schema.Attribute) {
	t.Helper()
	for name, a := range attributes {
		if a.GetMarkdownDescription() == "" && a.GetDescription() == "" {
			t.Errorf("%s.%s has no description", at, name)
		}
		switch a := a.(type) {
		case schema.SingleNestedAttribute:
			documented(t, at+"."+name, a.Attributes)
		case schema.ListNestedAttribute:
			documented(t, at+"."+name, a.NestedObject.Attributes)
		}
	}
}

// TestAccUnknownEndpoint: a provider whose arguments depend on other resources plans without a daemon, and applies with it.
func TestAccUnknownEndpoint(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := `
resource "terraform_data" "endpoint" { input = "` + d.Endpoint + `" }
provider "kiln" { endpoint = terraform_data.endpoint.output }
` + acctest.Group + `
resource "kiln_custom_image" "i" {
  name       = "segmenter"
  task_types = ["pyodps3"]
  source     = { official = { image = "` + acctest.Official + `" } }
  test       = { resource_group_id = kiln_resource_group.rg.id }
}
resource "kiln_persistent_build" "b" {
  image_id          = kiln_custom_image.i.id
  image_version     = kiln_custom_image.i.published_version
  resource_group_id = kiln_resource_group.rg.id
}
`
	acctest.Run(t, acc.TestStep{Config: config, Check: acc.TestCheckResourceAttr("kiln_persistent_build.b", "stage", "BuildSuccess")},
		acctest.Unchanged(config))
}

// TestAccArguments: arguments that make no sense are refused, at the argument.
func TestAccArguments(t *testing.T) {
	t.Parallel()
	cli := acctest.Start(t).CLI(t)
	refused := func(arguments string, want acctest.Refusal) {
		t.Helper()
		cli.Provider("provider \"kiln\" {\n"+arguments+"\n}\n", "resource \"kiln_workspace\" \"x\" { name = \"a\" }\n")
		cli.RefusePlan(want)
	}
	refused(`endpoint = "ftp://x"`, acctest.Refusal{Code: problem.InvalidParameter, Doing: "configure the provider", Field: "endpoint"})
	refused("endpoint = \"https://127.0.0.1:1\"\nca_cert = \"no\"",
		acctest.Refusal{Code: problem.InvalidParameter, Doing: "configure the provider", Field: "ca_cert"})
	refused(`endpoint = "unix:///nowhere/kilnd.sock"`, acctest.Refusal{
		Code: problem.DaemonUnavailable, Doing: "connect to the daemon", Says: []string{"unix:///nowhere/kilnd.sock"},
	})
}

// TestAccIncompatible: a daemon of another API version is refused.
func TestAccIncompatible(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/proto")
		_, _ = w.Write([]byte{0x08, 0x63}) // the field api_version, 99
	})}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	cli := acctest.Start(t).CLI(t)
	cli.Provider("provider \"kiln\" { endpoint = \"unix://"+path+"\" }\n", "resource \"kiln_workspace\" \"x\" { name = \"a\" }\n")
	cli.RefusePlan(acctest.Refusal{
		Code: problem.IncompatibleAPI, Doing: "connect to the daemon", Says: []string{"Value: 99", "Limit: 1"},
	})
}

// TestAccTrace: what the SDK traces is there as soon as Terraform is asked for a log.
func TestAccTrace(t *testing.T) {
	t.Parallel()
	cli := acctest.Start(t).CLI(t)
	cli.Config(`resource "kiln_workspace" "x" { name = "x" }`)
	cli.Env("TF_LOG_PROVIDER=trace")
	if output, code := cli.Run("plan", "-no-color"); code != 0 || !strings.Contains(output, "sdk.proto") {
		t.Errorf("plan ended with %d, and no trace:\n%s", code, output)
	}
}
