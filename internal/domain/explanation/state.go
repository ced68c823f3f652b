package explanation

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/reference"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

func inUse(code problem.Code, noun, name, users string) problem.Problem {
	return problem.Problem{
		Code: code, Field: "id", Value: name, Limit: "used by " + users, Detail: "the " + noun + " is in use",
		Remedy: "Remove what uses it first.",
	}
}

// present explains what clashes with what is there, or is not.
func present() []Entry { return slices.Concat(named(), staged(), used(), changed()) }

// named explains names that are not there, or there already.
func named() []Entry {
	catalogue := []official.Image{shell()}
	_, noImage := official.Resolve(catalogue, "dataworks_shell", "")
	ended := shell()
	ended.Status = official.StatusExpired
	_, noVersion := official.Resolve(catalogue, "dataworks_shell_task_pod", "20200101")
	return []Entry{
		{problem.NotFound, "Nothing of that id or name is there, or it is somebody else's.", everywhere, reference.Missing("resource_group_id", "resource group", "rg-0000")},
		{problem.OfficialImageNotFound, "The catalogue has no such image.", everywhere, made(problem.OfficialImageNotFound, noImage)},
		{problem.VersionNotFound, "There is no such version, of an official or a custom image.", everywhere, made(problem.VersionNotFound, noVersion)},
		{
			problem.BaseImageExpired, "The official image has expired. What is based on it stays, and may change.", everywhere,
			made(problem.BaseImageExpired, official.AdmitBase([]official.Image{shell(), ended}, ended, "").Err()),
		},
		{problem.WorkspaceNotFound, "The workspace to bind an image to is not there.", applyOnly, problem.Problem{
			Code: problem.WorkspaceNotFound, Field: "workspace_id", Value: "ws-0000", Limit: "the id or name of a workspace of yours",
			Detail: "no such workspace", Remedy: "Check the id or name, and that it is yours.",
		}},
		{problem.LogGone, "The log of a process is not kept any more.", applyOnly, problem.Problem{
			Code: problem.LogGone, Field: "id", Value: "proc-0000", Limit: "a process whose log is in the daemon's data directory",
			Detail: "the log is not there any more", Remedy: "kiln jobs shows how the process ended; run it again for another log.",
		}},
		{problem.NameConflict, "Something has that name already. Names are unique for each owner in a region.", everywhere, problem.Problem{
			Code: problem.NameConflict, Field: "name", Value: "segmenter", Limit: "one image of a name",
			Detail: "there is one with that name already: img-0000",
			Remedy: "Choose another name, or take over the one that is there: terraform import ADDRESS img-0000",
		}},
		{problem.IdempotencyConflict, "A request key was used before, for something else.", applyOnly, problem.Problem{
			Code: problem.IdempotencyConflict, Field: "request_key", Value: "nightly", Limit: "one content for one key",
			Remedy: "Use a new key for a new request.",
		}},
	}
}

// staged explains what the stage of a version does not allow.
func staged() []Entry {
	_, state := image.Next(image.StageUntest, image.EventPublish)
	unpublished := image.AdmitRollback([]image.Version{{Number: 1, Stage: image.StagePublished}, {Number: 2, Stage: image.StageTestFailed}}, 2)
	return []Entry{
		{
			problem.InvalidImageState, "The version is in a stage that does not allow it; the refusal names what it allows.", applyOnly,
			made(problem.InvalidImageState, state),
		},
		{problem.ImageNotPublished, "Only what was tested and published can be bound, baked or run.", everywhere, problem.Problem{
			Code: problem.ImageNotPublished, Field: "image_version", Value: "2", Limit: "a published version",
			Detail: "the version is in stage TestFailed", Remedy: "Publish it first: publish = true and a test that succeeds.",
		}},
		{
			problem.CannotUnpublish, "Tasks may use what was published, so there is no way back.", everywhere,
			made(problem.CannotUnpublish, image.AdmitPublish(1, false).Err()),
		},
		{problem.VersionNotPublishable, "A version that was never published cannot be gone back to.", applyOnly, made(problem.VersionNotPublishable, unpublished)},
		{problem.ReadOnlyImage, "Official images are Kiln's own.", applyOnly, official.ReadOnly("id", shell())},
		{
			problem.RecipeTampered, "A version never changes. Somebody has changed the daemon's database, so nothing is done with what it says now.",
			applyOnly, made(problem.RecipeTampered, image.Version{Number: 3, InputHash: "sha256:" + strings.Repeat("0", 64)}.Intact()),
		},
	}
}

// used explains what is in use, or cannot be used.
func used() []Entry {
	exclusive := resourcegroup.ResourceGroup{Name: "legacy", Type: resourcegroup.TypeExclusiveScheduler, CU: 2}
	needs := func(t pkgmanager.Type) error {
		return recipe.Recipe{Packages: []pkgmanager.Entry{{Type: t, Names: []string{"a=1"}}}}.Against(official.Image{Name: "bare"}).Err()
	}
	return []Entry{
		{problem.ImageInUse, "Nothing in use is deleted. The plan of a destroy warns.", applyOnly, inUse(problem.ImageInUse, "image", "segmenter", "workspace analytics")},
		{problem.NetworkInUse, "Nothing in use is deleted.", applyOnly, inUse(problem.NetworkInUse, "network", "mirror", "resource group default")},
		{problem.ResourceGroupInUse, "Nothing in use is deleted.", applyOnly, inUse(problem.ResourceGroupInUse, "resource group", "default", "image segmenter")},
		{problem.WorkspaceInUse, "Nothing in use is deleted.", applyOnly, inUse(problem.WorkspaceInUse, "workspace", "analytics", "image segmenter")},
		{problem.RegistryInUse, "Nothing in use is deleted.", applyOnly, inUse(problem.RegistryInUse, "registry", "acr", "image segmenter")},
		{
			problem.CredentialsUnreadable, "There is a password for a registry, and the daemon cannot read it: its file or variable is gone, or its key. " +
				"Nothing is asked without it.", applyOnly, problem.Problem{
				Code: problem.CredentialsUnreadable, Field: "password_from.file", Value: "acr", Limit: "a password that the daemon can read",
				Detail: "the password cannot be read: no such file or directory",
				Remedy: "Put the file below secrets_dir of the daemon's configuration, readable for the daemon.",
			},
		},
		{
			problem.VpcNotBoundToRegistry, "A registry is reached through the networks that it is bound to, and through no other.", everywhere,
			made(problem.VpcNotBoundToRegistry, registry.Registry{Name: "acr", NetworkIDs: []string{"net-1111"}}.Bound("network_id", "net-0000").Err()),
		},
		{problem.ProcessAlreadyRunning, "One process works on an image at a time.", applyOnly, problem.Problem{
			Code: problem.ProcessAlreadyRunning, Field: "stage", Value: "Testing", Limit: "one process an image",
			Detail: "process proc-0000 works on version 2", Remedy: "Wait until it has ended, or cancel it: kiln cancel proc-0000",
		}},
		{
			problem.ResourceGroupTypeNotSupported, "Images are tested, baked and run in serverless groups alone.", everywhere,
			made(problem.ResourceGroupTypeNotSupported, exclusive.AdmitType("test.resource_group_id").Err()),
		},
		{
			problem.RuntimeMissing, "The image has no interpreter for what it is to install or run.",
			[]Phase{PhasePlan, PhaseApply, PhaseRun},
			made(problem.RuntimeMissing, needs(pkgmanager.Python3)),
		},
		{problem.PackageManagerMissing, "The image has no such package manager.", everywhere, made(problem.PackageManagerMissing, needs(pkgmanager.Apt))},
	}
}

// changed explains what was not so any more when it was asked for.
func changed() []Entry {
	eastern := reference.Target{Noun: "network", ID: "net-0000", Region: "east"}
	return []Entry{
		{
			problem.EditionNotSupported, "The region's edition does not have the feature.", everywhere,
			made(problem.EditionNotSupported, build.AdmitEdition(quota.EditionStandard).Err()),
		},
		{problem.PlanStale, "Something has changed since the plan that the apply holds to: nothing was written. A file that has changed before a " +
			"saved plan is applied is refused by Terraform itself, as an `inconsistent final plan`: that is no bug of the provider, plan again.", applyOnly, problem.Problem{
			Code: problem.PlanStale, Field: "input_hash", Value: "sha256:22…", Limit: "sha256:11…", Detail: "the recipe is not the one that the plan showed",
			Remedy: "Plan again.",
		}},
		{problem.Conflict, "Somebody has changed it since it was read.", applyOnly, problem.Problem{
			Code: problem.Conflict, Field: "generation", Value: "3", Limit: "4", Detail: "it was changed by someone else since it was read",
			Remedy: "Read it again: run terraform plan once more.",
		}},
		{problem.ChangedElsewhere, "Somebody has changed it behind Terraform's back: the plan says what. A warning.", planOnly, problem.Problem{
			Code: problem.ChangedElsewhere, Value: "segmenter", Limit: "description, packages", Detail: "it is not as the last apply has left it",
			Remedy: "Where the configuration says something else, the plan goes back to that. To keep the change, say the same in the configuration.",
		}},
		{problem.NetworkConfigDrift, "It is baked in another network than it was tested in. A warning.", everywhere, problem.Problem{
			Code: problem.NetworkConfigDrift, Field: "resource_group_id", Value: "none", Limit: "restricted: deb.debian.org:80",
			Detail: "the network is another than the one of the test: an installation may find something else, or nothing",
			Remedy: "Use the resource group of the test, or one with the same network.",
		}},
		{problem.BaseUpdateAvailable, "The catalogue has a newer version of the official image. A warning: nothing is built before it is asked for.", planOnly, problem.Problem{
			Code: problem.BaseUpdateAvailable, Field: "source.official.version", Value: "20261101", Limit: "20261201",
			Detail: "the catalogue has a newer version of dataworks_shell_task_pod",
			Remedy: "To move to it, set source.official.version = \"20261201\". Nothing is built before that.",
		}},
		{problem.IncompatibleAPI, "Provider and daemon are of versions that do not understand each other.", planOnly, problem.Problem{
			Code: problem.IncompatibleAPI, Value: "2", Limit: "1", Detail: "the daemon speaks another version of the API",
			Remedy: "Use the provider and the daemon of one release.",
		}},
		{problem.RegionMismatch, "What one thing names by an id is of its own region.", everywhere, made(problem.RegionMismatch, reference.AdmitRegion("network_id", eastern, "local").Err())},
		{problem.FileMissing, "A file of the configuration is not there, or was not uploaded.", everywhere, problem.Problem{
			Code: problem.FileMissing, Field: "files[0].source", Value: "dict.txt", Limit: "a regular file or a directory",
			Detail: "there is no such file", Remedy: "Correct the path; it is relative to where terraform runs.",
		}},
	}
}

// limits explains what is too much, or not allowed to everybody.
func limits() []Entry {
	small := resourcegroup.ResourceGroup{Name: "default", Type: resourcegroup.TypeServerless, CU: 2}
	return []Entry{
		{
			problem.ImageQuotaExceeded, "The region's edition has no place for the images of the whole plan. What the same plan deletes makes room.",
			everywhere, made(problem.ImageQuotaExceeded, quota.CheckImages(quota.EditionStandard, 9, 3).Err()),
		},
		{
			problem.CuExceedsResourceGroup, "The work is larger than the group.", everywhere,
			made(problem.CuExceedsResourceGroup, small.Admit("resource_group_id", 4).Err()),
		},
		{problem.FileTooLarge, "A file is larger than files may be.", everywhere, problem.Problem{
			Code: problem.FileTooLarge, Field: "files[0].source", Value: "model.bin: 2000000000 bytes", Limit: strconv.Itoa(recipe.MaxFileSize) + " bytes",
			Remedy: "Download it in a script, with a checksum.",
		}},
		{
			problem.RequestTooLarge, "A specification, or another request, is larger than the daemon reads.", everywhere,
			made(problem.RequestTooLarge, image.Spec{Test: image.Test{Commands: []string{strings.Repeat("x", image.MaxSize)}}}.Validate().Err()),
		},
		{problem.Forbidden, "The caller may not do this.", applyOnly, problem.Problem{
			Code: problem.Forbidden, Remedy: "Call the daemon over its unix socket, from outside of a container.",
		}},
		{problem.RefuseRoot, "The daemon is made for an ordinary user.", startOnly, problem.Problem{
			Code: problem.RefuseRoot, Field: "uid", Value: "0", Limit: "an ordinary user with a range in /etc/subuid",
			Remedy: "Start it as an ordinary user.",
		}},
	}
}
