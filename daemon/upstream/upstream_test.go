package upstream_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/secret"
	"github.com/kilnhq/kiln/daemon/servicetest"
	"github.com/kilnhq/kiln/daemon/sqlite"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/upstream"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	domain "github.com/kilnhq/kiln/internal/domain/registry"
)

const password = "c4nary-password"

type bench struct {
	service *upstream.Service
	t       *testing.T
	ctx     context.Context //nolint:containedctx // a bench ends with the test whose context it carries
	d       *servicetest.Daemon
	net     string

	asked  domain.Access // what the client was given last
	pulled domain.Pull
	fails  error // what a pull ends with
}

// Repositories implements upstream.Client.
func (b *bench) Repositories(_ context.Context, a domain.Access) ([]string, error) {
	b.asked = a
	return []string{"team/base"}, nil
}

// Tags implements upstream.Client.
func (b *bench) Tags(_ context.Context, a domain.Access, repository string) ([]string, error) {
	b.asked = a
	return []string{repository}, nil
}

// Resolve implements upstream.Client.
func (b *bench) Resolve(_ context.Context, a domain.Access, repository, reference string) (domain.Resolved, error) {
	b.asked = a
	return domain.Resolved{Digest: repository + reference}, nil
}

// Pull implements upstream.Client.
func (b *bench) Pull(_ context.Context, a domain.Access, p domain.Pull) (domain.Resolved, error) {
	b.asked, b.pulled = a, p
	return domain.Resolved{Digest: p.Digest}, b.fails
}

func setup(t *testing.T) *bench {
	t.Helper()
	d := servicetest.New(t, servicetest.Options{Idle: true})
	b := &bench{t: t, ctx: d.Context(), d: d}
	n, err := d.Networks.Create(b.ctx, servicetest.Owner, "", network.Network{Name: "registry", Egress: network.EgressPublic})
	servicetest.Must(t, err)
	b.net = n.ID
	servicetest.Must(t, os.Mkdir(filepath.Join(d.Dir, "secrets"), 0o700))
	b.restart()
	return b
}

// restart makes the service anew over the same store, as a restart of the daemon does.
func (b *bench) restart() {
	b.t.Helper()
	k, err := secret.Open(secret.Config{
		Key: filepath.Join(b.d.Dir, "secret.key"), Dir: filepath.Join(b.d.Dir, "secrets"), Lookup: func(string) (string, bool) { return "", false },
	})
	servicetest.Must(b.t, err)
	use := func(run func(context.Context, func(*sqlite.Tx) error) error) func(context.Context, func(resource.Tx[domain.Registry]) error) error {
		return func(ctx context.Context, fn func(resource.Tx[domain.Registry]) error) error {
			return run(ctx, func(tx *sqlite.Tx) error { return fn(tx.Registries()) })
		}
	}
	st := store.Of[resource.Tx[domain.Registry]]{Read: use(b.d.Store.Read), Write: use(b.d.Store.Write)}
	b.service = upstream.New(upstream.Config{
		Rows: st, Store: store.Of[upstream.Tx]{Read: func(ctx context.Context, fn func(upstream.Tx) error) error {
			return b.d.Store.Read(ctx, func(tx *sqlite.Tx) error { return fn(tx) })
		}},
		Vault: k, Client: b, Region: func(string) (string, error) { return "local", nil },
	})
}

func (b *bench) registry() domain.Registry {
	return domain.Registry{
		Name: "acr", Endpoint: "registry.internal:5000", Edition: domain.EditionEnterprise, NetworkIDs: []string{b.net},
		Credential: domain.Credential{Username: "ci", Password: password, PasswordVersion: 1},
	}
}

func (b *bench) create() domain.Registry {
	b.t.Helper()
	r, err := b.service.Create(b.ctx, servicetest.Owner, "", b.registry())
	servicetest.Must(b.t, err)
	return r
}

// TestPasswordIsSealed: no answer has the password, nor the file of the database, whatever it is written in; it is there all the same.
func TestPasswordIsSealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.create()
	got, err := b.service.Get(b.ctx, servicetest.Owner, "", made.ID)
	servicetest.Must(t, err)
	list, err := b.service.List(b.ctx, servicetest.Owner, "")
	servicetest.Must(t, err)
	changed := got
	changed.Name = "renamed"
	changed, err = b.service.Update(b.ctx, servicetest.Owner, changed)
	servicetest.Must(t, err)
	for name, r := range map[string]domain.Registry{"create": made, "get": got, "list": list[0], "update": changed} {
		if c := r.Credential; c.Password != "" || c.Sealed != nil || c.Status != domain.StatusStored || c.PasswordVersion != 1 {
			t.Errorf("%s: got %+v", name, c)
		}
	}
	if diff := cmp.Diff(made, got); diff != "" {
		t.Error(diff)
	}
	files, err := filepath.Glob(filepath.Join(b.d.Dir, "kiln.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files = %v, %v", files, err)
	}
	found := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		servicetest.Must(t, err)
		found = found || bytes.Contains(content, []byte("registry.internal:5000"))
		if bytes.Contains(content, []byte(password)) {
			t.Errorf("it is in %s", file)
		}
	}
	if !found {
		t.Error("the registry itself is in no file: the search proves nothing")
	}
}

// TestPasswordStays: a change without a password keeps the stored one, for its endpoint and version alone.
func TestPasswordStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.create()
	for name, change := range map[string]func(*domain.Registry){
		"endpoint": func(r *domain.Registry) { r.Endpoint = "attacker.internal:5000" },
		"version":  func(r *domain.Registry) { r.Credential.PasswordVersion = 2 },
		"plain":    func(r *domain.Registry) { r.Insecure = true },
	} {
		r := made
		change(&r)
		_, err := b.service.Update(b.ctx, servicetest.Owner, r)
		if !problem.Has(err, problem.MissingRequired) {
			t.Errorf("%s: got %v, want MissingRequired", name, err)
		}
	}
	r := made
	r.Endpoint, r.Credential.Password = "other.internal:5000", "another"
	moved, err := b.service.Update(b.ctx, servicetest.Owner, r)
	if err != nil || moved.Credential.Status != domain.StatusStored {
		t.Errorf("with the password: got %+v, %v", moved, err)
	}
	moved.Credential = domain.Credential{}
	anonymous, err := b.service.Update(b.ctx, servicetest.Owner, moved)
	if err != nil || anonymous.Credential.Status != domain.StatusNone {
		t.Errorf("without credentials: got %+v, %v", anonymous, err)
	}
	anonymous.Credential = domain.Credential{Username: "ci", PasswordVersion: 1}
	if _, err := b.service.Update(b.ctx, servicetest.Owner, anonymous); !problem.Has(err, problem.MissingRequired) {
		t.Errorf("a password that was dropped came back: %v", err)
	}
}

// TestSealedForOneEndpoint: not even a change behind the service's back gets a password to another endpoint or owner.
func TestSealedForOneEndpoint(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*domain.Registry){
		"endpoint": func(r *domain.Registry) { r.Endpoint = "attacker.internal:5000" },
		"owner":    func(r *domain.Registry) { r.Owner = servicetest.Stranger },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			made := b.create()
			var owner string
			servicetest.Must(t, b.d.Store.Write(b.ctx, func(tx *sqlite.Tx) error {
				r, err := tx.Registries().Get(made.ID)
				servicetest.Must(t, err)
				change(&r)
				owner = r.Owner
				return tx.Registries().Update(r)
			}))
			if got, err := b.service.Get(b.ctx, owner, "", made.ID); err != nil || got.Credential.Status != domain.StatusUnreadable {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// TestKeyLost: without its key a stored password is unreadable, which is said, and another one takes its place.
func TestKeyLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.create()
	servicetest.Must(t, os.Remove(filepath.Join(b.d.Dir, "secret.key")))
	b.restart()
	got, err := b.service.Get(b.ctx, servicetest.Owner, "", made.ID)
	if err != nil || got.Credential.Status != domain.StatusUnreadable {
		t.Fatalf("got %+v, %v", got, err)
	}
	got.Credential.Password = password
	if got, err = b.service.Update(b.ctx, servicetest.Owner, got); err != nil || got.Credential.Status != domain.StatusStored {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestReference: a file is looked for when it is named, and its loss is said.
func TestReference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.registry()
	r.Credential = domain.Credential{Username: "ci", PasswordFrom: domain.Reference{File: "acr"}}
	_, err := b.service.Create(b.ctx, servicetest.Owner, "", r)
	servicetest.Refused(t, err, problem.CredentialsUnreadable, "password_from.file")
	path := filepath.Join(b.d.Dir, "secrets", "acr")
	servicetest.Must(t, os.WriteFile(path, []byte(password+"\n"), 0o600))
	made, err := b.service.Create(b.ctx, servicetest.Owner, "", r)
	if err != nil || made.Credential.Status != domain.StatusFile {
		t.Fatalf("got %+v, %v", made, err)
	}
	servicetest.Must(t, os.Remove(path))
	if got, err := b.service.Get(b.ctx, servicetest.Owner, "", made.ID); err != nil || got.Credential.Status != domain.StatusUnreadable {
		t.Errorf("got %+v, %v", got, err)
	}
	made.Credential.PasswordFrom = domain.Reference{Variable: "KILN_SECRET_ACR"}
	_, err = b.service.Update(b.ctx, servicetest.Owner, made)
	servicetest.Refused(t, err, problem.CredentialsUnreadable, "password_from.variable")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, test := range []struct {
		name   string
		change func(*domain.Registry)
		code   problem.Code
		field  string
	}{
		{"no password", func(r *domain.Registry) { r.Credential.Password = "" }, problem.MissingRequired, "password_wo"},
		{"no version", func(r *domain.Registry) { r.Credential.PasswordVersion = 0 }, problem.MissingRequired, "password_wo_version"},
		{"a password too long", func(r *domain.Registry) { r.Credential.Password = domain.Secret(bytes.Repeat([]byte("x"), 17<<10)) }, problem.InvalidParameter, "password_wo"},
		{"no network of that id", func(r *domain.Registry) { r.NetworkIDs = []string{"net-0"} }, problem.NotFound, "network_ids"},
		{"an endpoint that is none", func(r *domain.Registry) { r.Endpoint = "https://x" }, problem.InvalidEndpoint, "endpoint"},
		{"a path that leads out", func(r *domain.Registry) {
			r.Credential = domain.Credential{Username: "ci", PasswordFrom: domain.Reference{File: "../secret.key"}}
		}, problem.InvalidParameter, "password_from.file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := b.registry()
			test.change(&r)
			_, err := b.service.Create(b.ctx, servicetest.Owner, "", r)
			p := servicetest.Refusal(t, err, test.code, test.field)
			if bytes.Contains([]byte(p.Error()), []byte(password)) {
				t.Errorf("the password is repeated: %v", p)
			}
		})
	}
}

// TestStrangers: a registry is nobody else's, and a network that it is bound to stays.
func TestStrangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.create()
	if _, err := b.service.Get(b.ctx, servicetest.Stranger, "", made.ID); !problem.Has(err, problem.NotFound) {
		t.Errorf("a stranger reads it: %v", err)
	}
	if _, err := b.service.Update(b.ctx, servicetest.Stranger, made); !problem.Has(err, problem.NotFound) {
		t.Errorf("a stranger changes it: %v", err)
	}
	err := b.d.Networks.Delete(b.ctx, servicetest.Owner, b.net)
	p := servicetest.Refusal(t, err, problem.NetworkInUse, "id")
	if p.Limit != "used by registry acr" {
		t.Errorf("limit = %q", p.Limit)
	}
	servicetest.Must(t, b.service.Delete(b.ctx, servicetest.Owner, made.ID))
	servicetest.Must(t, b.d.Networks.Delete(b.ctx, servicetest.Owner, b.net))
}

// TestAsk: a registry is asked with its own password, through the networks that it is bound to, or one of them.
func TestAsk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other, err := b.d.Networks.Create(b.ctx, servicetest.Owner, "", network.Network{Name: "other", Egress: network.EgressNone})
	servicetest.Must(t, err)
	r := b.registry()
	r.NetworkIDs = append(r.NetworkIDs, other.ID)
	made, err := b.service.Create(b.ctx, servicetest.Owner, "", r)
	servicetest.Must(t, err)
	q := upstream.Question{Owner: servicetest.Owner, ID: made.ID}
	if list, err := b.service.Repositories(b.ctx, q); err != nil || len(list) != 1 || b.asked.Password != password || len(b.asked.Networks) != 2 {
		t.Errorf("got %v, %v, asked as %+v", list, err, b.asked)
	}
	q.NetworkID = other.ID
	if list, err := b.service.Tags(b.ctx, q, "team/base"); err != nil || len(list) != 1 || len(b.asked.Networks) != 1 || b.asked.Networks[0].ID != other.ID {
		t.Errorf("got %v, %v, asked through %+v", list, err, b.asked.Networks)
	}
	if got, err := b.service.Resolve(b.ctx, q, "a", "b"); err != nil || got.Digest != "ab" || b.asked.Registry.Endpoint != made.Endpoint {
		t.Errorf("got %+v, %v", got, err)
	}
	q.NetworkID = "net-0"
	_, err = b.service.Tags(b.ctx, q, "team/base")
	servicetest.Refused(t, err, problem.VpcNotBoundToRegistry, "network_id")
	q.Owner, q.NetworkID = servicetest.Stranger, ""
	_, err = b.service.Resolve(b.ctx, q, "a", "b")
	servicetest.Refused(t, err, problem.NotFound, "id")
	servicetest.Must(t, os.Remove(filepath.Join(b.d.Dir, "secret.key")))
	b.restart()
	b.asked = domain.Access{}
	_, err = b.service.Repositories(b.ctx, upstream.Question{Owner: servicetest.Owner, ID: made.ID})
	servicetest.Refused(t, err, problem.CredentialsUnreadable, "password_wo")
	if b.asked.Registry.ID != "" {
		t.Error("it was asked all the same")
	}
}

// TestPull: an image is pulled with the password of its registry and through the one network of the source, from the enterprise edition
// alone; what is gone, and who does not answer, has its own code, and blames the source.
func TestPull(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.create()
	u := recipe.Upstream{RegistryID: made.ID, NetworkID: b.net, Repository: "team/base", Tag: "v1"}
	settled, err := b.service.Settle(b.ctx, servicetest.Owner, u)
	if err != nil || settled.Digest != "team/basev1" {
		t.Fatalf("got %+v, %v", settled, err)
	}
	b.asked = domain.Access{}
	if again, err := b.service.Settle(b.ctx, servicetest.Owner, settled); err != nil || again != settled || b.asked.Registry.ID != "" {
		t.Errorf("what is settled: got %+v, %v, asked as %+v", again, err, b.asked)
	}
	if _, err := b.service.Pull(b.ctx, servicetest.Owner, settled, "/dir"); err != nil || b.asked.Password != password || len(b.asked.Networks) != 1 {
		t.Errorf("got %v, asked as %+v", err, b.asked)
	}
	if diff := cmp.Diff(domain.Pull{Repository: "team/base", Digest: settled.Digest, Dir: "/dir"}, b.pulled); diff != "" {
		t.Error(diff)
	}
	for from, want := range map[problem.Code]problem.Code{
		problem.ManifestUnknown: problem.ImageGone, problem.RegistryUnreachable: problem.ImagePullFailed, problem.RegistryAuthFailed: problem.RegistryAuthFailed,
		problem.RegistryRateLimited: problem.RegistryRateLimited,
	} {
		b.fails = problem.Problem{Code: from, Field: "reference", Detail: "so it is"}
		_, err := b.service.Pull(b.ctx, servicetest.Owner, settled, "/dir")
		if found := problem.From(err); len(found) != 1 || found[0].Code != want || !strings.HasPrefix(found[0].Field, "source.registry.") {
			t.Errorf("%s: got %v, want %s of the source", from, err, want)
		}
	}
	b.fails, b.pulled = nil, domain.Pull{}
	personal, err := b.service.Get(b.ctx, servicetest.Owner, "", made.ID)
	servicetest.Must(t, err)
	personal.Edition = domain.EditionPersonal
	_, err = b.service.Update(b.ctx, servicetest.Owner, personal)
	servicetest.Must(t, err)
	_, err = b.service.Pull(b.ctx, servicetest.Owner, settled, "/dir")
	servicetest.Refused(t, err, problem.RegistryEditionNotSupported, "source.registry.registry_id")
	_, err = b.service.Pull(b.ctx, servicetest.Stranger, settled, "/dir")
	servicetest.Refused(t, err, problem.NotFound, "source.registry.registry_id")
	if b.pulled.Dir != "" {
		t.Error("it was pulled all the same")
	}
}
