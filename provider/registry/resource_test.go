package registry_test

import (
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/acctest"
)

const (
	address = "kiln_registry.x"
	network = "resource \"kiln_network\" \"n\" {\n  name = \"registry\"\n  egress = \"public\"\n}\n"
	stored  = "username = \"ci\"\npassword_wo = \"c4nary\"\npassword_wo_version = 1"
)

func TestMain(m *testing.M) { acctest.Main(m) }

func registry(body string) string {
	return network + "resource \"kiln_registry\" \"x\" {\n  name = \"acr\"\n  edition = \"enterprise\"\n  network_ids = [kiln_network.n.id]\n" + body + "\n}\n"
}

func at(endpoint, body string) string {
	return registry("  endpoint = \"" + endpoint + "\"\n" + body)
}

// TestAccLifecycle: created, read, imported by id and by name, updated in place, and gone at the end.
func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	plain := d.Provider() + at("registry.internal:5000", "")
	full := d.Provider() + at("registry.internal:5000", "spec = \"standard\"\ninsecure = true\n"+stored)
	moved := d.Provider() + at("10.8.0.3", "spec = \"standard\"\n"+stored)
	rotated := strings.ReplaceAll(strings.ReplaceAll(moved, "c4nary", "n3w"), "version = 1", "version = 2")
	same := strings.ReplaceAll(moved, "c4nary", "another, with the same version")
	acctest.Run(t,
		resource.TestStep{Config: plain, Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttrSet(address, "id"),
			resource.TestCheckResourceAttr(address, "insecure", "false"),
			resource.TestCheckResourceAttr(address, "credentials", "none"),
			resource.TestCheckNoResourceAttr(address, "spec"),
		)},
		acctest.Unchanged(plain),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		acctest.Planned(full, address, plancheck.ResourceActionUpdate),
		acctest.Unchanged(full),
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateIdFunc: acctest.ImportID(address, "name"),
		},
		acctest.Planned(moved, address, plancheck.ResourceActionUpdate),
		resource.TestStep{Config: moved, Check: resource.ComposeTestCheckFunc(
			resource.TestCheckResourceAttr(address, "credentials", "stored"),
			resource.TestCheckResourceAttr(address, "insecure", "false"),
			resource.TestCheckNoResourceAttr(address, "password_wo"),
		)},
		acctest.Unchanged(same),
		acctest.Planned(rotated, address, plancheck.ResourceActionUpdate),
		acctest.Unchanged(rotated),
		acctest.Planned(plain, address, plancheck.ResourceActionUpdate),
		acctest.Unchanged(plain),
	)
	left, err := d.Client.Registries(t.Context(), "")
	if err != nil || len(left) != 0 {
		t.Errorf("left = %v, %v; want none", left, err)
	}
}

// TestAccDrift: what was deleted or changed behind Terraform's back is made right again.
func TestAccDrift(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + at("registry.internal:5000", stored)
	var id string
	changed := acctest.Planned(config, address, plancheck.ResourceActionUpdate)
	changed.PreConfig = func() {
		r, err := d.Client.Registry(t.Context(), id, "")
		if err != nil {
			t.Error(err)
		}
		r.Credential.PasswordVersion, r.Credential.Password = 7, "somebody else's"
		if _, err := d.Client.UpdateRegistry(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
	changed.Check = resource.TestCheckResourceAttr(address, "password_wo_version", "1")
	gone := acctest.Planned(config, address, plancheck.ResourceActionCreate)
	gone.PreConfig = func() {
		if err := d.Client.DeleteRegistry(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	acctest.Run(t, resource.TestStep{Config: config, Check: acctest.Attribute(address, "id", &id)}, changed, acctest.Unchanged(config), gone)
}

// TestAccKeyLost: when the daemon has lost the key of its passwords, the plan shows it, and the apply sends the password once more.
func TestAccKeyLost(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	config := d.Provider() + at("registry.internal:5000", stored)
	lost := acctest.Planned(config, address, plancheck.ResourceActionUpdate)
	lost.PreConfig = func() {
		d.Stop()
		if err := os.Remove(filepath.Join(d.DataDir, "secret.key")); err != nil {
			t.Error(err)
		}
		d.Run()
	}
	lost.Check = resource.TestCheckResourceAttr(address, "credentials", "stored")
	acctest.Run(t, resource.TestStep{Config: config}, lost, acctest.Unchanged(config))
}

// TestAccReference: a password comes from a file of the daemon's machine; when it is gone the plan shows it, and the apply says why.
func TestAccReference(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	d := acctest.Start(t, func(c *daemon.Config) { c.SecretsDir = secrets })
	file := filepath.Join(secrets, "acr")
	put := func() {
		if err := os.WriteFile(file, []byte("c4nary\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
	remove := func() {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
	}
	config := d.Provider() + at("registry.internal:5000", "username = \"ci\"\npassword_from = { file = \"acr\" }")
	variable := d.Provider() + at("registry.internal:5000", "username = \"ci\"\npassword_from = { variable = \"KILN_SECRET_NOT_SET\" }")
	missing := acctest.Words("Cannot create registry", "CredentialsUnreadable", "no such file", "Field: password_from.file")
	again := acctest.Unchanged(config)
	again.PreConfig = put
	acctest.Run(t,
		resource.TestStep{Config: config, ExpectError: missing},
		resource.TestStep{Config: config, PreConfig: put, Check: resource.TestCheckResourceAttr(address, "credentials", "file")},
		acctest.Unchanged(config),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{Config: config, PreConfig: remove, ExpectError: acctest.Words("Cannot update registry", "CredentialsUnreadable")},
		again,
		resource.TestStep{Config: variable, ExpectError: acctest.Words("CredentialsUnreadable", "Field: password_from.variable")},
	)
}

// TestAccRefused: what can be judged without the daemon is refused in the plan, at the argument, and no password is repeated.
func TestAccRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	const endpoint = "registry.internal:5000"
	other := strings.Replace(at(endpoint, ""), "kiln_network.n.id", `"net-0000"`, 1)
	for name, test := range map[string]struct {
		config string
		want   acctest.Refusal
	}{
		"Scheme":              {at("https://registry.internal", ""), acctest.Refusal{Code: problem.InvalidEndpoint, Field: "endpoint"}},
		"Loopback":            {at("127.0.0.1:5000", ""), acctest.Refusal{Code: problem.InvalidEndpoint, Field: "endpoint", Says: []string{"host.kiln.internal:PORT"}}},
		"Edition":             {strings.Replace(at(endpoint, ""), "enterprise", "gold", 1), acctest.Refusal{Code: problem.InvalidParameter, Field: "edition", Says: []string{"personal, enterprise"}}},
		"Spec":                {at(endpoint, `spec = "premium"`), acctest.Refusal{Code: problem.InvalidParameter, Field: "spec", Says: []string{"basic, standard, advanced"}}},
		"SpecOfPersonal":      {strings.Replace(at(endpoint, `spec = "basic"`), "enterprise", "personal", 1), acctest.Refusal{Code: problem.ConflictingAttribute, Field: "spec"}},
		"NoNetwork":           {strings.Replace(at(endpoint, ""), "kiln_network.n.id", "", 1), acctest.Refusal{Code: problem.MissingRequired, Field: "network_ids"}},
		"NetworkMissing":      {other, acctest.Refusal{Code: problem.NotFound, Field: "network_ids", Says: []string{"Value: net-0000"}}},
		"NoCertificate":       {at(endpoint, `ca_cert = "ca.pem"`), acctest.Refusal{Code: problem.InvalidCertificate, Field: "ca_cert"}},
		"CertificateForPlain": {at(endpoint, "ca_cert = \"ca.pem\"\ninsecure = true"), acctest.Refusal{Code: problem.ConflictingAttribute, Field: "ca_cert"}},
		"NoPassword":          {at(endpoint, `username = "ci"`), acctest.Refusal{Code: problem.MissingRequired, Field: "password_wo"}},
		"NoUser":              {at(endpoint, "password_wo = \"c4nary\"\npassword_wo_version = 1"), acctest.Refusal{Code: problem.MissingRequired, Field: "username"}},
		"NoVersion":           {at(endpoint, "username = \"ci\"\npassword_wo = \"c4nary\""), acctest.Refusal{Code: problem.MissingRequired, Field: "password_wo_version"}},
		"VersionAlone":        {at(endpoint, "username = \"ci\"\npassword_wo_version = 1"), acctest.Refusal{Code: problem.MissingRequired, Field: "password_wo"}},
		"VersionZero":         {at(endpoint, strings.Replace(stored, "= 1", "= 0", 1)), acctest.Refusal{Code: problem.InvalidParameter, Field: "password_wo_version"}},
		"TwoPasswords":        {at(endpoint, stored+"\npassword_from = { file = \"a\" }"), acctest.Refusal{Code: problem.ConflictingAttribute, Field: "password_from"}},
		"FileOutside":         {at(endpoint, "username = \"ci\"\npassword_from = { file = \"/etc/shadow\" }"), acctest.Refusal{Code: problem.InvalidParameter, Field: "password_from.file"}},
		"OtherVariable":       {at(endpoint, "username = \"ci\"\npassword_from = { variable = \"HOME\" }"), acctest.Refusal{Code: problem.InvalidParameter, Field: "password_from.variable", Says: []string{"KILN_SECRET_"}}},
		"Import": {
			at(endpoint, "") + "import {\n  to = " + address + "\n  id = \"nobody\"\n}\n",
			acctest.Refusal{Code: problem.NotFound, Doing: `import registry "nobody"`, Field: "id", Says: []string{"Value: nobody"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cli := d.CLI(t)
			cli.Config(test.config)
			cli.RefusePlan(test.want)
		})
	}
}

// TestAccUnknown: what is known is judged beside what is not, and a password may be known after apply only.
func TestAccUnknown(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	unknown := "resource \"terraform_data\" \"e\" { input = \"registry.internal:5000\" }\nresource \"terraform_data\" \"v\" { input = 3 }\n"
	config := func(body string) string {
		return d.Provider() + unknown + registry("endpoint = terraform_data.e.output\nusername = terraform_data.e.id\n"+body)
	}
	acctest.Run(t,
		acctest.Refused(config("spec = \"premium\""), "Error: InvalidParameter", "Field: spec"),
		resource.TestStep{
			Config: config("password_wo = terraform_data.e.id\npassword_wo_version = terraform_data.v.output"),
			Check:  resource.TestCheckResourceAttr(address, "credentials", "stored"),
		},
	)
}

// TestAccNetworkStays: a network that a registry is bound to is not deleted, and the plan of its deletion says so.
func TestAccNetworkStays(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	cli.Config(at("registry.internal:5000", ""))
	cli.Apply()
	output, code := cli.Run("plan", "-destroy", "-no-color")
	if code != 0 || !acctest.Words("Warning: NetworkInUse", "Limit: used by registry acr").MatchString(output) {
		t.Errorf("plan ended with %d:\n%s", code, output)
	}
	if output, code := cli.Run("destroy", "-auto-approve", "-no-color"); code != 0 {
		t.Errorf("destroy ended with %d:\n%s", code, output)
	}
}

// forms are the ways in which a secret may be written somewhere.
func forms(secret string) map[string]string {
	list := map[string]string{
		"plain": secret, "hex": hex.EncodeToString([]byte(secret)), "URL": url.QueryEscape(secret), "JSON": strings.ReplaceAll(secret, "\"", "\\\""),
	}
	for offset, before := range []string{"", "a", "ab"} {
		text := base64.RawStdEncoding.EncodeToString([]byte(before + secret))
		list["base64 "+string(rune('0'+offset))] = text[offset*2 : len(text)-2]
	}
	return list
}

// TestAccPasswordStaysSecret applies, changes, fails and plans with a password while everything logs as much as it can: it is in no
// state, no saved plan, no trace, nothing that is shown, no file of the daemon, and no command line.
func TestAccPasswordStaysSecret(t *testing.T) {
	t.Parallel()
	const password = `c4nary+9f86/d081"884c7d65`
	d := acctest.Start(t)
	cli := d.CLI(t)
	trace := filepath.Join(cli.Dir, "trace.log")
	cli.Env("TF_LOG=TRACE", "TF_LOG_PROVIDER=TRACE", "TF_LOG_SDK_PROTO=TRACE", "TF_LOG_PATH="+trace, "TF_VAR_password="+password)
	variable := "variable \"password\" {\n  type = string\n  sensitive = true\n  ephemeral = true\n}\n"
	config := func(endpoint, version string) {
		cli.Config(variable + at(endpoint, "username = \"ci\"\npassword_wo = var.password\npassword_wo_version = "+version))
	}
	shown := ""
	do := func(want int, arguments ...string) {
		output, code := cli.Run(append(arguments, "-no-color")...)
		shown += output
		if code != want {
			t.Errorf("%v ended with %d:\n%s", arguments, code, output)
		}
		commands(t, password)
	}
	config("registry.internal:5000", "1")
	do(0, "plan", "-out=saved")
	do(0, "apply", "saved") // with the value of the environment: a saved plan has none
	config("registry.internal:5001", "2")
	do(0, "apply", "-auto-approve")
	config("https://registry.internal", "3")
	do(1, "apply", "-auto-approve")
	state, err := d.Client.Registry(t.Context(), "acr", "")
	if err != nil || state.Credential.Status != "stored" || state.Endpoint != "registry.internal:5001" {
		t.Errorf("the daemon has %+v, %v", state, err)
	}
	for name, form := range forms(password) {
		if strings.Contains(shown, form) {
			t.Errorf("%s: it is shown", name)
		}
		for _, dir := range []string{cli.Dir, d.DataDir} {
			if n := search(t, dir, form, name); n < 4 {
				t.Errorf("only %d files are in %s", n, dir)
			}
		}
	}
}

// search looks for a text in every file below a directory, and gives how many there are.
func search(t *testing.T, dir, text, name string) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if strings.Contains(string(content)+acctest.Unzip(t, content), text) {
			t.Errorf("%s: it is in %s", name, path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

// commands looks for a text in the command lines of all processes.
func commands(t *testing.T, text string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(lines) == 0 {
		t.Fatalf("no processes are seen: %v", err)
	}
	for _, line := range lines {
		if content, err := os.ReadFile(line); err == nil && strings.Contains(string(content), text) {
			t.Errorf("it is in the command line %s", line)
		}
	}
}
