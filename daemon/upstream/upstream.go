// Package upstream is the service of the registries that images come from, and
// of who asks them. Passwords come in and are sealed; none goes out again but
// to the registry that it was given for. It must not know the database, nor
// how registries are spoken to.
package upstream

import (
	"context"

	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/registry"
)

// Vault keeps secrets. What it says about a secret that it cannot give is for users. Its methods are called by several goroutines
// at a time.
type Vault interface {
	Seal(secret domain.Secret, about string) []byte
	Unseal(sealed []byte, about string) (domain.Secret, error)
	Read(from domain.Reference) (domain.Secret, error)
}

// kind is the kind of registries.
var kind = resource.Kind[domain.Registry]{
	Noun: "registry", Prefix: "reg", InUse: problem.RegistryInUse,
	Meta: func(r *domain.Registry) resource.Meta {
		return resource.Meta{
			ID: &r.ID, Owner: &r.Owner, Region: &r.Region, Name: &r.Name, Generation: &r.Generation,
			CreatedAt: &r.CreatedAt, UpdatedAt: &r.UpdatedAt,
		}
	},
	Validate: domain.Registry.Validate,
	References: func(r domain.Registry) []resource.Reference {
		list := make([]resource.Reference, len(r.NetworkIDs))
		for i, id := range r.NetworkIDs {
			list[i] = resource.Reference{Noun: "network", Field: "network_ids", ID: id}
		}
		return list
	},
	Keep: (*domain.Registry).Keep,
}

// Tx is what the service needs of a transaction besides the rows.
type Tx interface {
	Network(id string) (network.Network, error)
}

// Client asks registries. Its errors are for users. Its methods are called by several goroutines at a time.
type Client interface {
	Repositories(ctx context.Context, a domain.Access) ([]string, error)
	Tags(ctx context.Context, a domain.Access, repository string) ([]string, error)
	Resolve(ctx context.Context, a domain.Access, repository, reference string) (domain.Resolved, error)
	// Pull brings an image into an empty directory, and gives what it has brought.
	Pull(ctx context.Context, a domain.Access, p domain.Pull) (domain.Resolved, error)
}

// Config is what the service stands on.
type Config struct {
	Rows   store.Of[resource.Tx[domain.Registry]]
	Store  store.Of[Tx]
	Vault  Vault
	Client Client
	Region func(name string) (string, error) // gives the default for an empty name, refuses unknown ones
}

// Service creates, reads, updates and deletes registries, and asks them.
type Service struct {
	rows   *resource.Service[domain.Registry]
	store  store.Of[Tx]
	vault  Vault
	client Client
}

// New makes the service.
func New(c Config) *Service {
	return &Service{rows: resource.New(kind, c.Rows, c.Region), store: c.Store, vault: c.Vault, client: c.Client}
}

// Create stores a new registry, and its password sealed.
func (s *Service) Create(ctx context.Context, owner, key string, r domain.Registry) (domain.Registry, error) {
	if r.Credential.PasswordVersion > 0 && r.Credential.Password == "" {
		if err := domain.ValidatePassword(r.Credential.Password).Err(); err != nil {
			return r, err
		}
	}
	if err := s.seal(owner, &r); err != nil {
		return r, err
	}
	r, err := s.rows.Create(ctx, owner, key, r)
	return s.shown(r), err
}

// Get finds one of the owner's registries by id, or by name in a region.
func (s *Service) Get(ctx context.Context, owner, region, id string) (domain.Registry, error) {
	r, err := s.rows.Get(ctx, owner, region, id)
	return s.shown(r), err
}

// List gives the owner's registries, by name.
func (s *Service) List(ctx context.Context, owner, region string) ([]domain.Registry, error) {
	list, err := s.rows.List(ctx, owner, region)
	for i, r := range list {
		list[i] = s.shown(r)
	}
	return list, err
}

// Update replaces what users may change. Without a password the stored one stays, if it may: see domain.Registry.Keep.
func (s *Service) Update(ctx context.Context, owner string, r domain.Registry) (domain.Registry, error) {
	if err := s.seal(owner, &r); err != nil {
		return r, err
	}
	r, err := s.rows.Update(ctx, owner, r)
	return s.shown(r), err
}

// Delete removes a registry that nothing uses.
func (s *Service) Delete(ctx context.Context, owner, id string) error {
	return s.rows.Delete(ctx, owner, id)
}

// seal puts the sealed password in the place of the password, and refuses a reference that leads nowhere.
func (s *Service) seal(owner string, r *domain.Registry) error {
	c := &r.Credential
	c.Sealed = nil
	if c.Password != "" && c.PasswordVersion == 0 {
		return problem.Problem{
			Code: problem.MissingRequired, Field: "password_wo_version", Limit: "1 or more", Detail: "there is a password and no version of it",
			Remedy: "Set password_wo_version to 1, and raise it with each new password.",
		}
	}
	if c.Password != "" {
		if err := domain.ValidatePassword(c.Password).Err(); err != nil {
			return err
		}
		c.Sealed, c.Password = s.vault.Seal(c.Password, about(owner, *r)), ""
	}
	if c.PasswordFrom == (domain.Reference{}) {
		return nil
	}
	if err := r.Validate().Err(); err != nil { // before anything is read by a name that may be none
		return err
	}
	_, err := s.vault.Read(c.PasswordFrom)
	return unreadable(*r, err)
}

// about says what a password is for: that owner, at that endpoint. It opens for nothing else.
func about(owner string, r domain.Registry) string { return owner + "\x00" + r.Endpoint }

// password gives the password of a stored registry; empty: it is asked without credentials.
func (s *Service) password(r domain.Registry) (password domain.Secret, err error) {
	switch c := r.Credential; c.Wanted() {
	case domain.StatusStored:
		password, err = s.vault.Unseal(c.Sealed, about(r.Owner, r))
	case domain.StatusFile, domain.StatusVariable:
		password, err = s.vault.Read(c.PasswordFrom)
	case domain.StatusNone, domain.StatusUnreadable:
	}
	return password, unreadable(r, err)
}

// shown is a registry as it leaves the service: without its password, and with what can be said of it.
func (s *Service) shown(r domain.Registry) domain.Registry {
	if r.ID != "" {
		r.Credential.Status = r.Credential.Wanted()
		if _, err := s.password(r); err != nil {
			r.Credential.Status = domain.StatusUnreadable
		}
	}
	r.Credential.Password, r.Credential.Sealed = "", nil
	return r
}

// unreadable is the refusal to go on without a password that there should be.
func unreadable(r domain.Registry, err error) error {
	if err == nil {
		return nil
	}
	p := problem.Problem{
		Code: problem.CredentialsUnreadable, Field: "password_wo", Value: r.Name, Limit: "a password that the daemon can read",
		Detail: "the password cannot be read: " + err.Error(),
		Remedy: "Apply the password once more; the plan shows it. The key of stored passwords is not the one that they were sealed with.",
	}
	switch from := r.Credential.PasswordFrom; {
	case from.File != "":
		p.Field, p.Value = "password_from.file", from.File
		p.Remedy = "Put the file below secrets_dir of the daemon's configuration, readable for the daemon."
	case from.Variable != "":
		p.Field, p.Value = "password_from.variable", from.Variable
		p.Remedy = "Start the daemon with that variable."
	}
	return p
}
