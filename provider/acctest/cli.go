package acctest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/kilnhq/kiln/provider"
)

// serveKey makes a test's binary the provider, for Terraform to start.
const serveKey = "KILN_ACCTEST_SERVE"

// serve is main of a test binary that Terraform has started as the provider.
func serve() {
	if err := provider.Serve(context.Background(), "test", false); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// CLI is a directory in which a test runs Terraform itself, for what terraform-plugin-testing cannot do: signals, saved plans
// and the state as it is after an interruption. The provider is a process of its own.
type CLI struct {
	Dir string

	tb     testing.TB
	daemon *Daemon
	binary string
	env    []string
}

// CLI makes a directory to run Terraform in.
func (d *Daemon) CLI(tb testing.TB) *CLI {
	tb.Helper()
	if os.Getenv("TF_ACC") == "" {
		tb.Skip("acceptance tests run with TF_ACC=1 only")
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := &CLI{Dir: tb.TempDir(), tb: tb, daemon: d, binary: os.Getenv("TF_ACC_TERRAFORM_PATH")}
	c.write(c.plugin(), "#!/bin/sh\n"+serveKey+"=1 exec '"+self+"'\n", 0o700)
	config := filepath.Join(c.Dir, "cli.tfrc")
	c.write(config, "provider_installation {\n  dev_overrides { \"kilnhq/kiln\" = "+strconv.Quote(filepath.Dir(c.plugin()))+" }\n  direct {}\n}\n", 0o600)
	c.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "TF_IN_AUTOMATION=1", "TF_DATA_DIR="+filepath.Join(c.Dir, ".terraform"))
	return c
}

// plugin is the program that Terraform starts as the provider.
func (c *CLI) plugin() string { return filepath.Join(c.Dir, "bin", "terraform-provider-kiln") }

// Ship makes the provider that was built the one that Terraform starts, in place of the test's own binary, which holds a whole daemon
// and takes twenty times as long to start.
func (c *CLI) Ship(path string) {
	c.tb.Helper()
	path, err := filepath.Abs(path)
	if err == nil {
		err = errors.Join(os.Remove(c.plugin()), os.Symlink(path, c.plugin()))
	}
	if err != nil {
		c.tb.Fatal(err)
	}
}

// Env adds to the environment of Terraform and the provider: NAME=VALUE.
func (c *CLI) Env(variables ...string) { c.env = append(c.env, variables...) }

// Config writes the configuration: the provider's, and this.
func (c *CLI) Config(text string) {
	c.tb.Helper()
	c.Provider(c.daemon.Provider(), text)
}

// Provider writes the configuration: the provider's own one, and this.
func (c *CLI) Provider(provider, text string) {
	c.tb.Helper()
	c.write(filepath.Join(c.Dir, "main.tf"), "terraform {\n  required_providers {\n    kiln = { source = \"kilnhq/kiln\" }\n  }\n}\n"+
		provider+text, 0o600)
}

// Run runs Terraform and gives what it printed, on both streams, and its exit code.
func (c *CLI) Run(arguments ...string) (output string, code int) {
	c.tb.Helper()
	p := c.Start(arguments...)
	return p.Wait()
}

// Apply applies the configuration, and fails the test when that fails.
func (c *CLI) Apply() string {
	c.tb.Helper()
	output, code := c.Run("apply", "-auto-approve", "-no-color")
	if code != 0 {
		c.tb.Fatalf("apply ended with %d:\n%s", code, output)
	}
	return output
}

// Process is a Terraform that runs.
type Process struct {
	tb      testing.TB
	command *exec.Cmd
	output  bytes.Buffer
}

// Start starts Terraform.
func (c *CLI) Start(arguments ...string) *Process {
	c.tb.Helper()
	p := &Process{tb: c.tb, command: exec.CommandContext(context.WithoutCancel(c.tb.Context()), c.binary, arguments...)}
	p.command.Dir, p.command.Env = c.Dir, c.env
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.command.Start(); err != nil {
		c.tb.Fatal(err)
	}
	return p
}

// Signal sends a signal to Terraform, and not to the provider.
func (p *Process) Signal(s os.Signal) {
	p.tb.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.tb.Fatal(err)
	}
}

// Wait waits for the end, ends what a killed Terraform has left, and gives what was printed and the exit code; -1 when a signal has ended it.
func (p *Process) Wait() (output string, code int) {
	p.tb.Helper()
	err := p.command.Wait()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		p.tb.Fatal(err)
	}
	if err := syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.tb.Errorf("end the provider: %v", err)
	}
	return p.output.String(), p.command.ProcessState.ExitCode()
}

// Attributes gives the attributes of a resource in the state, and whether it is tainted; nil when it is not there.
func (c *CLI) Attributes(address string) (attributes map[string]any, tainted bool) {
	c.tb.Helper()
	text, err := exec.CommandContext(c.tb.Context(), c.binary, "-chdir="+c.Dir, "state", "pull").Output()
	if err != nil {
		c.tb.Fatal(err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, false // there is no state yet
	}
	var state struct {
		Resources []struct {
			Type, Name string
			Instances  []struct {
				Status     string
				Attributes map[string]any
			}
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		c.tb.Fatal(err)
	}
	for _, r := range state.Resources {
		if r.Type+"."+r.Name == address && len(r.Instances) == 1 {
			return r.Instances[0].Attributes, r.Instances[0].Status == "tainted"
		}
	}
	return nil, false
}

func (c *CLI) write(path, text string, mode os.FileMode) {
	c.tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		c.tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		c.tb.Fatal(err)
	}
}
