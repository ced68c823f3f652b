package registry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

func codes(list problem.List) (codes []string) {
	for _, p := range list {
		codes = append(codes, fmt.Sprintf("%s %s", p.Code, p.Field))
	}
	return codes
}

func valid() registry.Registry {
	return registry.Registry{
		Name: "acr", Endpoint: "registry.internal:5000", Edition: registry.EditionEnterprise, Spec: registry.SpecStandard,
		NetworkIDs: []string{"net-1", "net-2"}, Credential: registry.Credential{Username: "ci", PasswordVersion: 1},
	}
}

// pems are a certificate and its key.
func pems(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	made, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kept}))
}

func TestValidate(t *testing.T) {
	t.Parallel()
	certificate, key := pems(t)
	type r = registry.Registry
	for _, test := range []struct {
		name   string
		change func(*r)
		want   []string
	}{
		{"OK", func(*r) {}, nil},
		{"anonymous", func(x *r) { x.Credential = registry.Credential{} }, nil},
		{"personal", func(x *r) { x.Edition, x.Spec = registry.EditionPersonal, "" }, nil},
		{"enterprise without a specification", func(x *r) { x.Spec = "" }, nil},
		{"plain HTTP", func(x *r) { x.Insecure = true }, nil},
		{"certificate", func(x *r) { x.CACert = certificate }, nil},
		{"two certificates, and words between", func(x *r) { x.CACert = "# a\n" + certificate + "\n# b\n" + certificate }, nil},
		{"no name", func(x *r) { x.Name = "" }, []string{"InvalidName name"}},
		{"no edition", func(x *r) { x.Edition, x.Spec = "", "" }, []string{"InvalidParameter edition"}},
		{"unknown edition", func(x *r) { x.Edition = "Enterprise" }, []string{"InvalidParameter edition"}},
		{"unknown specification", func(x *r) { x.Spec = "premium" }, []string{"InvalidParameter spec"}},
		{"personal with a specification", func(x *r) { x.Edition = registry.EditionPersonal }, []string{"ConflictingAttribute spec"}},
		{"no network", func(x *r) { x.NetworkIDs = nil }, []string{"MissingRequired network_ids"}},
		{"a network twice", func(x *r) { x.NetworkIDs[1] = "net-1" }, []string{"InvalidParameter network_ids"}},
		{"a network without an id", func(x *r) { x.NetworkIDs[0] = "" }, []string{"InvalidParameter network_ids"}},
		{"plain HTTP and a certificate", func(x *r) { x.Insecure, x.CACert = true, certificate }, []string{"ConflictingAttribute ca_cert"}},
		{"the name of a file", func(x *r) { x.CACert = "ca.pem" }, []string{"InvalidCertificate ca_cert"}},
		{"a key", func(x *r) { x.CACert = certificate + key }, []string{"InvalidCertificate ca_cert"}},
		{"another kind of thing", func(x *r) {
			x.CACert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("x")}))
		}, []string{"InvalidCertificate ca_cert"}},
		{"a certificate that is none", func(x *r) {
			x.CACert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
		}, []string{"InvalidCertificate ca_cert"}},
		{"text after the certificate", func(x *r) { x.CACert = certificate + "more" }, []string{"InvalidCertificate ca_cert"}},
		{"a long certificate", func(x *r) { x.CACert = strings.Repeat(certificate, 200) }, []string{"InvalidCertificate ca_cert"}},
		{"everything", func(x *r) { *x = r{} }, []string{
			"InvalidName name", "InvalidEndpoint endpoint", "InvalidParameter edition", "MissingRequired network_ids",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			x := valid()
			test.change(&x)
			found := x.Validate()
			if diff := cmp.Diff(test.want, codes(found)); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(found.Error(), strings.Split(key, "\n")[1]) {
				t.Error("the key is repeated")
			}
		})
	}
}

func TestValidateCredential(t *testing.T) {
	t.Parallel()
	type c = registry.Credential
	for _, test := range []struct {
		name string
		in   c
		want []string
	}{
		{"none", c{}, nil},
		{"stored", c{Username: "ci", PasswordVersion: 1}, nil},
		{"file", c{Username: "ci", PasswordFrom: registry.Reference{File: "acr/password"}}, nil},
		{"variable", c{Username: "ci", PasswordFrom: registry.Reference{Variable: "KILN_SECRET_ACR_1"}}, nil},
		{"robot account", c{Username: "robot$team+ci@internal", PasswordVersion: 1}, nil},
		{"no user", c{PasswordVersion: 1}, []string{"MissingRequired username"}},
		{"no password", c{Username: "ci"}, []string{"MissingRequired password_wo"}},
		{"a colon", c{Username: "ci:hunter22", PasswordVersion: 1}, []string{"InvalidParameter username"}},
		{"a line end", c{Username: "ci\n", PasswordVersion: 1}, []string{"InvalidParameter username"}},
		{"a long user", c{Username: strings.Repeat("c", 257), PasswordVersion: 1}, []string{"InvalidParameter username"}},
		{"a version below zero", c{Username: "ci", PasswordVersion: -1}, []string{"InvalidParameter password_wo_version"}},
		{"both references", c{Username: "ci", PasswordFrom: registry.Reference{File: "f", Variable: "KILN_SECRET_X"}}, []string{"ConflictingAttribute password_from"}},
		{"stored and referred to", c{Username: "ci", PasswordVersion: 1, PasswordFrom: registry.Reference{File: "f"}}, []string{"ConflictingAttribute password_from"}},
		{"an absolute path", c{Username: "ci", PasswordFrom: registry.Reference{File: "/etc/shadow"}}, []string{"InvalidParameter password_from.file"}},
		{"a path out", c{Username: "ci", PasswordFrom: registry.Reference{File: "../hunter22"}}, []string{"InvalidParameter password_from.file"}},
		{"the directory", c{Username: "ci", PasswordFrom: registry.Reference{File: "."}}, []string{"InvalidParameter password_from.file"}},
		{"NUL", c{Username: "ci", PasswordFrom: registry.Reference{File: "a\x00b"}}, []string{"InvalidParameter password_from.file"}},
		{"any variable", c{Username: "ci", PasswordFrom: registry.Reference{Variable: "hunter22"}}, []string{"InvalidParameter password_from.variable"}},
		{"the prefix alone", c{Username: "ci", PasswordFrom: registry.Reference{Variable: "KILN_SECRET_"}}, []string{"InvalidParameter password_from.variable"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found := test.in.Validate()
			if diff := cmp.Diff(test.want, codes(found)); diff != "" {
				t.Error(diff)
			}
			if err := found.Err(); err != nil && strings.Contains(err.Error(), "hunter22") {
				t.Errorf("the refusal repeats it: %v", err)
			}
		})
	}
	for password, want := range map[registry.Secret]int{"x": 0, "": 1, registry.Secret(strings.Repeat("x", 16<<10)): 0, registry.Secret(strings.Repeat("x", 16<<10+1)): 1} {
		if found := registry.ValidatePassword(password); len(found) != want {
			t.Errorf("%d bytes: %v", len(password), found)
		}
	}
}

func TestValidateEndpoint(t *testing.T) {
	t.Parallel()
	for endpoint, address := range map[string]string{
		"registry.internal": "registry.internal:443", "registry.internal:5000": "registry.internal:5000", "registry:5000": "registry:5000",
		"10.8.0.3": "10.8.0.3:443", "10.8.0.3:80": "10.8.0.3:80", "[2001:db8::1]:5000": "[2001:db8::1]:5000", "[2001:db8::1]": "[2001:db8::1]:443",
		"host.kiln.internal:5000": "host.kiln.internal:5000", "registry.internal:65535": "registry.internal:65535",
	} {
		r := registry.Registry{Endpoint: endpoint}
		if found := registry.ValidateEndpoint("endpoint", endpoint); len(found) != 0 || r.HostPort() != address {
			t.Errorf("%s: %v, address %s, want %s", endpoint, found, r.HostPort(), address)
		}
	}
	if plain := (registry.Registry{Endpoint: "registry.internal", Insecure: true}); plain.HostPort() != "registry.internal:80" {
		t.Errorf("plain HTTP is at %s", plain.HostPort())
	}
	for _, endpoint := range []string{
		"", "registry", "https://registry.internal", "registry.internal/team", "ci@registry.internal", "Registry.internal", "registry.internal:",
		"registry.internal:0", "registry.internal:05000", "registry.internal:65536", "registry.internal:+5", "registry.internal:a", "a.b:1:2", ":5000",
		"2001:db8::1", "[2001:db8::1", "[2001:db8::1]x", "[2001:db8:0::1]", "[2001:DB8::1]", "[10.8.0.3]", "[fe80::1%eth0]", "10.8.0.0/16", "10.8.0.300",
		"-a.b", "a..b", "a b.c", "a.b\n", "%61.b", "localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "169.254.169.254", "0.0.0.0:80",
		"10.0.2.2:5000", "host.kiln.internal", "[::ffff:127.0.0.1]:80",
	} {
		if found := registry.ValidateEndpoint("endpoint", endpoint); len(found) != 1 || found[0].Code != problem.InvalidEndpoint || found[0].Remedy == "" {
			t.Errorf("%q: %v", endpoint, found)
		}
	}
}

// TestKeep: a stored password stays for the same endpoint, version and way, and goes nowhere else.
func TestKeep(t *testing.T) {
	t.Parallel()
	old := valid()
	old.Credential.Sealed = []byte("sealed")
	for _, test := range []struct {
		name   string
		change func(*registry.Registry)
		kept   string
		want   problem.Code
	}{
		{"nothing new", func(r *registry.Registry) { r.Name = "other" }, "sealed", ""},
		{"a new password", func(r *registry.Registry) { r.Credential.Sealed, r.Endpoint = []byte("new"), "other.internal" }, "new", ""},
		{"no password any more", func(r *registry.Registry) { r.Credential, r.Endpoint = registry.Credential{}, "other.internal" }, "", ""},
		{"another endpoint", func(r *registry.Registry) { r.Endpoint = "registry.internal:5001" }, "", problem.MissingRequired},
		{"another version", func(r *registry.Registry) { r.Credential.PasswordVersion = 2 }, "", problem.MissingRequired},
		{"plain HTTP", func(r *registry.Registry) { r.Insecure = true }, "", problem.MissingRequired},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := valid()
			test.change(&r)
			err := r.Keep(old)
			if got := string(r.Credential.Sealed); got != test.kept || (test.want == "") != (err == nil) || test.want != "" && !problem.Has(err, test.want) {
				t.Errorf("kept %q, %v; want %q, %q", got, err, test.kept, test.want)
			}
		})
	}
}

// TestSecretIsNotPrinted: whatever prints a registry does not print its password, and neither does its JSON.
func TestSecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	const password = "c4nary"
	r := valid()
	r.Credential.Password = password
	whole, err := json.Marshal(struct {
		registry.Registry
		Bare registry.Secret
	}{r, password})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(whole), fmt.Sprint(r), fmt.Sprintf("%+v %#v %v", r, r, &r), fmt.Sprintf("%s %v %q %x", r.Credential.Password, r.Credential, r.Credential.Password, r.Credential.Password),
	} {
		if strings.Contains(text, password) || strings.Contains(text, fmt.Sprintf("%x", password)) {
			t.Errorf("it is in %s", text)
		}
	}
}

func TestSyncs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		edition registry.Edition
		spec    registry.Spec
		want    bool
	}{
		{registry.EditionPersonal, "", false},
		{registry.EditionPersonal, registry.SpecStandard, false},
		{registry.EditionEnterprise, "", false},
		{registry.EditionEnterprise, registry.SpecBasic, false},
		{registry.EditionEnterprise, registry.SpecStandard, true},
		{registry.EditionEnterprise, registry.SpecAdvanced, true},
	} {
		if got := (registry.Registry{Edition: test.edition, Spec: test.spec}).Syncs(); got != test.want {
			t.Errorf("%s %s syncs: %v", test.edition, test.spec, got)
		}
	}
}
