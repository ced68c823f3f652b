package sqlite

import "github.com/kilnhq/kiln/internal/domain/usage"

// The queries for who uses what: the id of what is used, the user in words, and the owner of both.
const (
	imageUsers = "SELECT image_id AS used, 'workspace ' || workspace.name AS user, binding.owner AS owner " +
		"FROM binding JOIN workspace ON workspace.id = workspace_id " +
		"UNION SELECT image_id, 'persistent build ' || id, owner FROM build " +
		"UNION SELECT image_id, 'process ' || id, owner FROM process WHERE kind = 'run' AND state IN ('queued', 'running')"
	workspaceUsers = "SELECT workspace_id AS used, 'image ' || image.name AS user, binding.owner AS owner " +
		"FROM binding JOIN image ON image.id = binding.image_id"
	networkUsers = "SELECT network_id AS used, 'resource group ' || name AS user, owner FROM resource_group " +
		"UNION SELECT json_each.value, 'registry ' || name, owner FROM registry, json_each(network_ids)"
	// An image uses what its current version and the published one are pulled from: of the others, none is pulled any more.
	registryUsers = "SELECT recipe ->> '$.base.registry.registry_id' AS used, 'image ' || name AS user, owner FROM image " +
		"JOIN image_version ON image_id = id AND number IN (current_version, published_version) " +
		"WHERE recipe ->> '$.base.registry.registry_id' IS NOT NULL GROUP BY 1, id"
	resourceGroupUsers = "SELECT resource_group_id AS used, 'image ' || name AS user, owner FROM image " +
		"UNION SELECT resource_group_id, 'persistent build ' || id, owner FROM build"
)

// usedBy says in words who uses what has an id.
func (t *Tx) usedBy(query, id string) ([]string, error) {
	return t.texts("SELECT user FROM ("+query+") WHERE used = ? ORDER BY 1", id)
}

// Usage says who uses what of an owner's things.
func (t *Tx) Usage(owner string) (all usage.Users, err error) {
	all = usage.Users{}
	for _, query := range []string{imageUsers, workspaceUsers, networkUsers, registryUsers, resourceGroupUsers} {
		if err := t.collect(all, query, owner); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (t *Tx) collect(into usage.Users, query, owner string) (err error) {
	found, err := t.tx.QueryContext(t.ctx, "SELECT used, user FROM ("+query+") WHERE owner = ? ORDER BY 1, 2", owner)
	if err != nil {
		return translate(err)
	}
	defer func() {
		if closing := found.Close(); err == nil {
			err = closing
		}
	}()
	for found.Next() {
		var used, user string
		if err := found.Scan(&used, &user); err != nil {
			return err
		}
		into[used] = append(into[used], user)
	}
	return found.Err()
}
