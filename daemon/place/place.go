// Package place finds where work of a resource group runs: its group, and its
// network as a worker enforces it.
package place

import (
	"context"
	"errors"

	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

// Tx is what finding a place needs of a transaction.
type Tx interface {
	ResourceGroup(id string) (resourcegroup.ResourceGroup, error)
	Network(id string) (network.Network, error)
}

// Place is where work runs.
type Place struct {
	Group   resourcegroup.ResourceGroup
	Egress  network.Egress
	Network worker.Network
	Remarks []string // what a user should know of the network, such as names that do not resolve
}

// Finder finds places.
type Finder struct {
	store  store.Of[Tx]
	lookup Lookup
}

// NewFinder makes a finder; lookup resolves the names of allow-lists.
func NewFinder(st store.Of[Tx], lookup Lookup) *Finder { return &Finder{store: st, lookup: lookup} }

// Find gives the place of a resource group as it is now.
func (f *Finder) Find(ctx context.Context, resourceGroupID string) (Place, error) {
	var p Place
	var n network.Network
	err := f.store.Read(ctx, func(tx Tx) (err error) {
		if p.Group, err = tx.ResourceGroup(resourceGroupID); err != nil {
			return err
		}
		n, err = tx.Network(p.Group.NetworkID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return p, problem.Problem{
			Code: problem.NotFound, Field: "resource_group_id", Value: resourceGroupID, Limit: "a resource group that is there",
			Detail: "the resource group is gone", Remedy: "Choose another resource group.",
		}
	}
	if err != nil {
		return p, err
	}
	p.Egress = n.Egress
	p.Network, p.Remarks, err = Resolve(ctx, n, f.lookup)
	return p, err
}

// Hosts gives a network that reaches the given HOST:PORT entries and nothing else.
func (f *Finder) Hosts(ctx context.Context, allow ...string) (worker.Network, []string, error) {
	return Resolve(ctx, network.Network{Egress: network.EgressRestricted, Allow: allow}, f.lookup)
}
