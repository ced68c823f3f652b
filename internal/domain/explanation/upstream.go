package explanation

import (
	"fmt"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// upstream explains what registries of others answer, or do not. The daemon asks them when a plan reads what they have, and when it
// pulls an image.
func upstream() []Entry {
	const name, endpoint = "registry.internal:5000/team/base:v1", "registry.internal:5000"
	_, bad := registry.ParseManifest(name, "text/html", nil)
	layer := fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%064d","size":%d}`, 1, registry.MaxSize+1)
	_, large := registry.ParseManifest(name, registry.MediaTypes()[1], fmt.Appendf(nil,
		`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%064d"},"layers":[%s]}`, 1, layer))
	judged := []Phase{PhasePlan, PhaseRun}
	return []Entry{
		{problem.ManifestUnknown, "The registry has no such repository, tag or digest, or does not show it to the user.", judged, problem.Problem{
			Code: problem.ManifestUnknown, Field: "reference", Value: name, Limit: "what the registry has", Detail: "the registry has nothing of that name",
			Remedy: "Check the repository and the tag; it may have been deleted, or be somebody else's to see.",
		}},
		{problem.ImageTooLarge, "The image of a registry is larger than one may be.", judged, made(problem.ImageTooLarge, large)},
		{problem.RegistryUnreachable, "The registry does not answer, or is out of order.", judged, problem.Problem{
			Code: problem.RegistryUnreachable, Field: "endpoint", Value: endpoint, Limit: "a registry that answers",
			Detail: "the registry cannot be reached: connection refused", Remedy: "Check the endpoint, and that the registry runs; then try again.",
		}},
		{problem.RegistryUnreachableFromVpc, "No network that the registry is bound to lets the daemon through to it.", judged, problem.Problem{
			Code: problem.RegistryUnreachableFromVpc, Field: "endpoint", Value: endpoint, Limit: "mirror",
			Detail: "no network that the registry is bound to lets a connection to " + endpoint + " through",
			Remedy: "Add " + endpoint + " to the allow-list of a network in network_ids, or bind the registry to one that reaches it.",
		}},
		{problem.RegistryAuthFailed, "The registry does not take the credentials, or asks for them where they are not sent.", judged, problem.Problem{
			Code: problem.RegistryAuthFailed, Field: "username", Value: "ci", Limit: "who may read " + name,
			Detail: "the registry does not let the user in: it answers 401", Remedy: "Check username and password, and what the user may see there.",
		}},
		{problem.RegistryRateLimited, "The registry was asked too often.", judged, problem.Problem{
			Code: problem.RegistryRateLimited, Field: "endpoint", Value: endpoint, Limit: "again after 1m30s", Detail: "the registry was asked too often",
			Remedy: "Try again later, or with credentials that may ask more often.",
		}},
		{
			problem.RegistryBadAnswer, "What the registry answers makes no sense, or what it has can be no image: of it nothing is believed and nothing kept.",
			judged, made(problem.RegistryBadAnswer, bad),
		},
	}
}

// pulled explains what an image of a registry cannot be used for, or cannot be.
func pulled() []Entry {
	base := recipe.Base{Registry: recipe.Upstream{
		RegistryID: "reg-0000", NetworkID: "net-0000", Repository: "team/base", Tag: "latest", Digest: fmt.Sprintf("sha256:%064d", 1),
	}}
	spec := image.Spec{
		Name: "segmenter", TaskTypes: []tasktype.Type{tasktype.PyODPS3},
		Recipe: recipe.Recipe{Base: base, Packages: []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{"jieba==0.42.1"}}}},
	}
	personal := registry.Registry{Name: "mine", Edition: registry.EditionPersonal, NetworkIDs: []string{"net-0000"}}
	group := resourcegroup.ResourceGroup{Name: "default", NetworkID: "net-1111"}
	return []Entry{
		{
			problem.RegistryEditionNotSupported, "Images come from registries of the enterprise edition alone.", everywhere,
			made(problem.RegistryEditionNotSupported, spec.AgainstRegistry(personal).Err()),
		},
		{
			problem.TaskTypeNotSupportedForRegistryImage, "No image of a registry serves the task type.", everywhere,
			made(problem.TaskTypeNotSupportedForRegistryImage, spec.Validate().Err()),
		},
		{
			problem.PackagesNotAllowedForRegistrySource, "Into an image of a registry nothing is installed, and nothing is copied.", everywhere,
			made(problem.PackagesNotAllowedForRegistrySource, spec.Validate().Err()),
		},
		{
			problem.MutableTag, "A tag that is meant to move says nothing about which image it is.", everywhere,
			made(problem.MutableTag, spec.Recipe.Unpinned(nil).Err()),
		},
		{
			problem.VpcMismatch, "An image of a registry is pulled through one network, and used in resource groups of that network alone.", everywhere,
			made(problem.VpcMismatch, image.AdmitVPC("test.resource_group_id", base, group).Err()),
		},
		{
			problem.UpstreamDigestChanged, "A warning: the tag of an image stands for another one by now. What was tested stays in use.", planOnly,
			made(problem.UpstreamDigestChanged, base.Registry.Moved(fmt.Sprintf("sha256:%064d", 2)).Err()),
		},
		{
			problem.PersistentBuildRequiresOfficialSource, "Only what is installed on an official image is baked.", everywhere,
			made(problem.PersistentBuildRequiresOfficialSource, image.CheckBuild("image_id", image.Image{Spec: spec}).Err()),
		},
		{problem.ImageGone, "The registry has the image no more; in a plan, a warning. Nothing else is run in its place.", []Phase{PhasePlan, PhaseRun}, base.Registry.Gone()},
		{problem.TimezoneDataMissing, "Without the data of its time zone, a task would run at another hour than it is told.", runOnly, problem.Problem{
			Code: problem.TimezoneDataMissing, Field: recipe.FieldRegistry, Value: "Asia/Shanghai",
			Limit:  "an image with the data of the resource group's time zone",
			Detail: "there is no /usr/share/zoneinfo/Asia/Shanghai in the image", Remedy: "Install tzdata in the image, and push it again.",
		}},
		{problem.StartCommandNotFound, "The image does not have the program that its start command begins with.", runOnly, problem.Problem{
			Code: problem.StartCommandNotFound, Field: recipe.FieldStartCommand, Value: "start command", Limit: "a program of the image",
			Detail: "there is no /opt/venv/bin/python in the image",
			Remedy: "Name a program that the image has, by its path or by a name that its PATH leads to.",
		}},
	}
}
