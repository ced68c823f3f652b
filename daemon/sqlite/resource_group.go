package sqlite

import (
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

var resourceGroups = table[resourcegroup.ResourceGroup]{
	name: "resource_group", key: []string{"id"},
	columns: []string{
		"id", "owner", "region", "name", "type", "network_id", "cu", "time_zone", "status", "generation", "created_at", "updated_at",
	},
	fields: func(g *resourcegroup.ResourceGroup) []any {
		return []any{
			&g.ID, &g.Owner, &g.Region, &g.Name,
			word[resourcegroup.Type]{&g.Type},
			&g.NetworkID, &g.CU, &g.TimeZone,
			word[resourcegroup.Status]{&g.Status},
			&g.Generation,
			instant{&g.CreatedAt},
			instant{&g.UpdatedAt},
		}
	},
}

// ResourceGroups is the transaction as the resource group service sees it.
func (t *Tx) ResourceGroups() Declared[resourcegroup.ResourceGroup] {
	return Declared[resourcegroup.ResourceGroup]{t, rows[resourcegroup.ResourceGroup]{t, resourceGroups, resourceGroupUsers}}
}

// ResourceGroup finds a resource group by id.
func (t *Tx) ResourceGroup(id string) (resourcegroup.ResourceGroup, error) {
	return resourceGroups.one(t, "id = ?", id)
}

// ResourceGroupByName finds an owner's resource group.
func (t *Tx) ResourceGroupByName(owner, region, name string) (resourcegroup.ResourceGroup, error) {
	return resourceGroups.one(t, "owner = ? AND region = ? AND name = ?", owner, region, name)
}
