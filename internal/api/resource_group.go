package api

import (
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// ResourceGroupToProto converts a resource group.
func ResourceGroupToProto(g resourcegroup.ResourceGroup) *kilnv1.ResourceGroup {
	return &kilnv1.ResourceGroup{
		Id: g.ID, Owner: g.Owner, Region: g.Region, Name: g.Name, Type: string(g.Type), NetworkId: g.NetworkID, Cu: g.CU,
		TimeZone: g.TimeZone, Status: string(g.Status), Generation: g.Generation,
		CreatedAt: timestamp(g.CreatedAt), UpdatedAt: timestamp(g.UpdatedAt),
	}
}

// ResourceGroupFromProto converts a resource group; nil gives the zero value.
func ResourceGroupFromProto(g *kilnv1.ResourceGroup) resourcegroup.ResourceGroup {
	return resourcegroup.ResourceGroup{
		ID: g.GetId(), Owner: g.GetOwner(), Region: g.GetRegion(), Name: g.GetName(), Type: resourcegroup.Type(g.GetType()),
		NetworkID: g.GetNetworkId(), CU: g.GetCu(), TimeZone: g.GetTimeZone(), Status: resourcegroup.Status(g.GetStatus()),
		Generation: g.GetGeneration(), CreatedAt: fromTimestamp(g.GetCreatedAt()), UpdatedAt: fromTimestamp(g.GetUpdatedAt()),
	}
}

// ResourceGroupsToProto converts a list of resource groups.
func ResourceGroupsToProto(list []resourcegroup.ResourceGroup) []*kilnv1.ResourceGroup {
	return each(list, ResourceGroupToProto)
}

// ResourceGroupsFromProto converts a list of resource groups.
func ResourceGroupsFromProto(list []*kilnv1.ResourceGroup) []resourcegroup.ResourceGroup {
	return each(list, ResourceGroupFromProto)
}
