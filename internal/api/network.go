package api

import (
	"github.com/kilnhq/kiln/internal/domain/network"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// NetworkToProto converts a network.
func NetworkToProto(n network.Network) *kilnv1.Network {
	return &kilnv1.Network{
		Id: n.ID, Owner: n.Owner, Region: n.Region, Name: n.Name, Egress: string(n.Egress), Allow: n.Allow, Generation: n.Generation,
		CreatedAt: timestamp(n.CreatedAt), UpdatedAt: timestamp(n.UpdatedAt),
	}
}

// NetworkFromProto converts a network; nil gives the zero value.
func NetworkFromProto(n *kilnv1.Network) network.Network {
	return network.Network{
		ID: n.GetId(), Owner: n.GetOwner(), Region: n.GetRegion(), Name: n.GetName(), Egress: network.Egress(n.GetEgress()),
		Allow: n.GetAllow(), Generation: n.GetGeneration(),
		CreatedAt: fromTimestamp(n.GetCreatedAt()), UpdatedAt: fromTimestamp(n.GetUpdatedAt()),
	}
}

// NetworksToProto converts a list of networks.
func NetworksToProto(list []network.Network) []*kilnv1.Network { return each(list, NetworkToProto) }

// NetworksFromProto converts a list of networks.
func NetworksFromProto(list []*kilnv1.Network) []network.Network { return each(list, NetworkFromProto) }
