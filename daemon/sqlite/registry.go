package sqlite

import (
	"github.com/kilnhq/kiln/internal/domain/registry"
)

var registries = table[registry.Registry]{
	name: "registry", key: []string{"id"},
	columns: []string{
		"id", "owner", "region", "name", "endpoint", "edition", "spec", "network_ids", "ca_cert", "insecure", "username", "password_version",
		"password_file", "password_variable", "sealed", "generation", "created_at", "updated_at",
	},
	fields: func(r *registry.Registry) []any {
		c := &r.Credential
		return []any{
			&r.ID, &r.Owner, &r.Region, &r.Name, &r.Endpoint,
			word[registry.Edition]{&r.Edition},
			word[registry.Spec]{&r.Spec},
			document[[]string]{&r.NetworkIDs},
			&r.CACert, &r.Insecure, &c.Username, &c.PasswordVersion, &c.PasswordFrom.File, &c.PasswordFrom.Variable, &c.Sealed, &r.Generation,
			instant{&r.CreatedAt},
			instant{&r.UpdatedAt},
		}
	},
}

// Registries is the transaction as the service of registries sees it.
func (t *Tx) Registries() Declared[registry.Registry] {
	return Declared[registry.Registry]{t, rows[registry.Registry]{t, registries, registryUsers}}
}

// Registry finds a registry by id.
func (t *Tx) Registry(id string) (registry.Registry, error) { return registries.one(t, "id = ?", id) }
