// Package network says what is special about networks as declared resources.
package network

import (
	"github.com/kilnhq/kiln/daemon/resource"
	domain "github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Kind is the kind of networks.
var Kind = resource.Kind[domain.Network]{
	Noun: "network", Prefix: "net", InUse: problem.NetworkInUse,
	Meta: func(n *domain.Network) resource.Meta {
		return resource.Meta{
			ID: &n.ID, Owner: &n.Owner, Region: &n.Region, Name: &n.Name, Generation: &n.Generation,
			CreatedAt: &n.CreatedAt, UpdatedAt: &n.UpdatedAt,
		}
	},
	Validate: domain.Network.Validate,
}
