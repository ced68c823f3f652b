// Package resourcegroup says what is special about resource groups as
// declared resources.
package resourcegroup

import (
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

// Kind is the kind of resource groups.
var Kind = resource.Kind[domain.ResourceGroup]{
	Noun: "resource group", Prefix: "rg", InUse: problem.ResourceGroupInUse,
	Meta: func(g *domain.ResourceGroup) resource.Meta {
		return resource.Meta{
			ID: &g.ID, Owner: &g.Owner, Region: &g.Region, Name: &g.Name, Generation: &g.Generation,
			CreatedAt: &g.CreatedAt, UpdatedAt: &g.UpdatedAt,
		}
	},
	Validate: domain.ResourceGroup.Validate,
	Fill:     func(g *domain.ResourceGroup) { g.Status = domain.StatusNormal },
	References: func(g domain.ResourceGroup) []resource.Reference {
		return []resource.Reference{{Noun: "network", Field: "network_id", ID: g.NetworkID}}
	},
}
