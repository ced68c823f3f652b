// Package acctest runs the provider against a whole daemon in process: server,
// services, store and queue are the real ones, and a scripted engine stands in
// for containers. It is for tests only, and the one place where provider and
// daemon meet.
package acctest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/daemon/enginetest"
	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/provider"
)

// The newest version in the daemon's catalogue, and one that a site has added; what they are based on is never pulled.
const (
	Official        = "dataworks_pyodps_task_pod"
	OfficialVersion = "20261122"
	Site            = "site_shell"
	SiteVersion     = "20260101"
)

// Factories makes providers for terraform-plugin-testing.
func Factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"kiln": providerserver.NewProtocol6WithError(provider.New("test")()),
	}
}

// Main runs the tests of a package: without whatever the caller's configuration says about mirrors and overrides, and with
// the Terraform of the PATH when no other was asked for, so that none is ever downloaded.
func Main(m *testing.M) {
	if os.Getenv(serveKey) != "" {
		serve()
	}
	set := func(key, value string) {
		if err := os.Setenv(key, value); err != nil {
			panic(err)
		}
	}
	set("TF_CLI_CONFIG_FILE", os.DevNull)
	set("CHECKPOINT_DISABLE", "1")
	set(client.EnvEndpoint, "")
	if os.Getenv("TF_ACC") != "" && os.Getenv("TF_ACC_TERRAFORM_PATH") == "" {
		path, err := exec.LookPath("terraform")
		if err != nil {
			fmt.Fprintln(os.Stderr, "acceptance tests need terraform on the PATH, or TF_ACC_TERRAFORM_PATH:", err)
			os.Exit(1)
		}
		set("TF_ACC_TERRAFORM_PATH", path)
	}
	os.Exit(m.Run())
}

// Daemon is a running daemon, and what tests look at behind its back.
type Daemon struct {
	Engine   *enginetest.Engine
	Registry *enginetest.Registry
	Upstream *Upstream // nil when the daemon is started: it asks registries itself
	Client   *client.Client
	Endpoint string
	DataDir  string

	tb     testing.TB
	config daemon.Config
	calls  *calls
	cancel context.CancelFunc
	done   chan error
}

// Start runs a daemon until the test ends. A function may change its configuration before.
func Start(tb testing.TB, change ...func(*daemon.Config)) *Daemon {
	tb.Helper()
	dir, err := os.MkdirTemp("", "kiln") //nolint:usetesting // the test's own directory may be too long for a socket
	if err != nil {
		tb.Fatal(err)
	}
	d := &Daemon{
		Engine: enginetest.New(), Registry: enginetest.NewRegistry(), Upstream: newUpstream(), Endpoint: "unix://" + filepath.Join(dir, "s"),
		DataDir: filepath.Join(dir, "data"), tb: tb, calls: newCalls(),
	}
	d.config = daemon.Config{
		DataDir: d.DataDir, Socket: filepath.Join(dir, "s"), Workers: 8,
		Catalogue: &daemon.Catalogue{Internal: true, Mirror: "http://192.0.2.1/debian", Images: []daemon.OfficialImage{{
			Name: Site, Version: SiteVersion, Reference: "192.0.2.1:9/site/shell@sha256:" + fmt.Sprintf("%064d", 1),
			TaskTypes: []string{"shell"}, Provides: []string{"apt"},
		}}},
		// Not judged, so that a network without a way out, on which nothing is really installed, does for most tests.
		Indexes: []daemon.Index{{Name: "pip", Type: "pip", URL: "https://pip.internal/simple", Internal: true}},
	}
	for _, f := range change {
		f(&d.config)
	}
	d.Client, err = client.New(client.Config{Endpoint: d.Endpoint})
	if err != nil {
		tb.Fatal(err)
	}
	d.Run()
	tb.Cleanup(func() {
		d.Stop()
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// Change changes the configuration of a stopped daemon.
func (d *Daemon) Change(f func(*daemon.Config)) { f(&d.config) }

// Run starts a daemon that was stopped, on the same data.
func (d *Daemon) Run() {
	d.tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.tb.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	d.cancel, d.done = cancel, done
	options := daemon.Options{Engine: d.Engine, Registry: d.Registry, Version: "test", Ready: func() { close(ready) }}
	if d.Upstream != nil {
		options.Upstream = d.Upstream
	}
	go func() { done <- daemon.Run(ctx, d.config, options, slog.New(d.calls)) }()
	select {
	case <-ready:
	case err := <-done:
		d.cancel = nil // nothing to stop
		d.tb.Fatalf("daemon ended early: %v", err)
	case <-time.After(time.Minute):
		d.tb.Fatal("daemon is not ready after a minute")
	}
}

// Stop ends the daemon and waits until it has.
func (d *Daemon) Stop() {
	d.tb.Helper()
	if d.cancel == nil {
		return
	}
	d.cancel()
	d.cancel = nil
	d.Client.Close()
	if err := <-d.done; err != nil && context.Cause(d.tb.Context()) == nil {
		d.tb.Errorf("stop daemon: %v", err)
	}
}

// CreateGroup makes a resource group of 2 CU behind Terraform's back, and gives its id.
func (d *Daemon) CreateGroup(name, networkID string) string {
	d.tb.Helper()
	g, err := d.Client.ResourceGroup(d.tb.Context(), name, "")
	if err == nil {
		return g.ID
	}
	g, err = d.Client.CreateResourceGroup(d.tb.Context(), "", resourcegroup.ResourceGroup{
		Name: name, Type: resourcegroup.TypeServerless, NetworkID: networkID, CU: 2, TimeZone: "UTC",
	})
	if err != nil {
		d.tb.Error(err)
	}
	return g.ID
}

// DeleteGroup deletes a resource group behind Terraform's back, by its name.
func (d *Daemon) DeleteGroup(name string) {
	d.tb.Helper()
	g, err := d.Client.ResourceGroup(d.tb.Context(), name, "")
	if err == nil {
		err = d.Client.DeleteResourceGroup(d.tb.Context(), g.ID)
	}
	if err != nil {
		d.tb.Error(err)
	}
}

// Update changes an image behind Terraform's back, and waits until it is tested.
func (d *Daemon) Update(i image.Image) {
	d.tb.Helper()
	updated, err := d.Client.UpdateImage(d.tb.Context(), client.UpdateImage{ID: i.ID, Spec: i.Spec})
	if err == nil && updated.ProcessID != "" {
		_, err = d.Client.Wait(d.tb.Context(), updated.ProcessID, nil)
	}
	if err != nil {
		d.tb.Error(err)
	}
}

// Provider is the provider's configuration, with further arguments, one a line.
func (d *Daemon) Provider(arguments ...string) string {
	lines := append([]string{"endpoint = " + strconv.Quote(d.Endpoint)}, arguments...)
	return "provider \"kiln\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

// Group is a network without a way out, and a resource group of 2 CU in it: kiln_resource_group.rg.
const Group = `
resource "kiln_network" "n" {
  name   = "closed"
  egress = "none"
}
resource "kiln_resource_group" "rg" {
  name       = "default"
  network_id = kiln_network.n.id
  cu         = 2
}
`
