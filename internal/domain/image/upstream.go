package image

import (
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// forRegistry refuses the task types that no image of a registry serves (the platform's own matrix).
func (s Spec) forRegistry() (found problem.List) {
	if !s.Recipe.Base.FromRegistry() {
		return nil
	}
	for _, t := range s.TaskTypes {
		if !tasktype.Supports(t, tasktype.SourceRegistry) {
			found = append(found, problem.Problem{
				Code: problem.TaskTypeNotSupportedForRegistryImage, Field: "task_types", Value: string(t),
				Limit:  strings.Join(tasktype.Names(tasktype.FromRegistry()), ", "),
				Remedy: "Remove the task type, or start from an official image that serves it.",
			})
		}
	}
	return found
}

// AgainstRegistry checks a specification against the registry that its image comes from: images come from the enterprise edition only,
// through a network that the registry is bound to.
func (s Spec) AgainstRegistry(r registry.Registry) problem.List {
	found := AdmitEdition(r)
	return append(found, r.Bound(recipe.FieldNetworkID, s.Recipe.Base.Registry.NetworkID)...)
}

// AdmitEdition refuses a registry of an edition that no image comes from.
func AdmitEdition(r registry.Registry) problem.List {
	if r.Edition == registry.EditionEnterprise {
		return nil
	}
	return problem.List{{
		Code: problem.RegistryEditionNotSupported, Field: recipe.FieldRegistryID, Value: string(r.Edition), Limit: string(registry.EditionEnterprise),
		Detail: "registry " + r.Name + " is of an edition that no image comes from", Remedy: "Use a registry of the enterprise edition.",
	}}
}

// AdmitVPC refuses to use an image of a registry in another network than the one that it is pulled through. Field names the resource
// group; one whose network is not known is not judged.
func AdmitVPC(field string, b recipe.Base, g resourcegroup.ResourceGroup) problem.List {
	if !b.FromRegistry() || g.NetworkID == "" || g.NetworkID == b.Registry.NetworkID {
		return nil
	}
	return problem.List{{
		Code: problem.VpcMismatch, Field: field, Value: "resource group " + g.Name + " (" + g.NetworkID + ")", Limit: b.Registry.NetworkID,
		Detail: "the resource group is in another network than the one that the image is pulled through",
		Remedy: "Choose a resource group of the network in source.registry.network_id.",
	}}
}

// CheckBuild refuses to bake an image of a registry: it is one already.
func CheckBuild(field string, i Image) problem.List {
	if !i.Spec.Recipe.Base.FromRegistry() {
		return nil
	}
	return problem.List{{
		Code: problem.PersistentBuildRequiresOfficialSource, Field: field, Value: i.Spec.Name, Limit: "images with an official source",
		Detail: "an image of a registry is pulled as it is, and nothing is installed that could be baked",
		Remedy: "Remove the persistent build.",
	}}
}
