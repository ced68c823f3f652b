package sqlite

import (
	"github.com/kilnhq/kiln/internal/domain/network"
)

var networks = table[network.Network]{
	name: "network", key: []string{"id"},
	columns: []string{"id", "owner", "region", "name", "egress", "allow", "generation", "created_at", "updated_at"},
	fields: func(n *network.Network) []any {
		return []any{
			&n.ID, &n.Owner, &n.Region, &n.Name,
			word[network.Egress]{&n.Egress},
			document[[]string]{&n.Allow},
			&n.Generation,
			instant{&n.CreatedAt},
			instant{&n.UpdatedAt},
		}
	},
}

// Networks is the transaction as the network service sees it.
func (t *Tx) Networks() Declared[network.Network] {
	return Declared[network.Network]{t, rows[network.Network]{t, networks, networkUsers}}
}

// Network finds a network by id.
func (t *Tx) Network(id string) (network.Network, error) { return networks.one(t, "id = ?", id) }
