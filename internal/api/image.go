package api

import (
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// RecipeToProto converts a recipe.
func RecipeToProto(r recipe.Recipe) *kilnv1.Recipe {
	return &kilnv1.Recipe{
		OfficialImage: r.Base.Official, OfficialVersion: r.Base.Version, Env: r.Env, Platform: r.Platform, Registry: upstreamToProto(r.Base),
		Packages: each(r.Packages, func(e pkgmanager.Entry) *kilnv1.PackageEntry {
			return &kilnv1.PackageEntry{Type: string(e.Type), Names: e.Names, Index: e.Index, Script: e.Script}
		}),
		Files: each(r.Files, func(f recipe.File) *kilnv1.RecipeFile {
			return &kilnv1.RecipeFile{Target: f.Target, Mode: f.Mode, Sha256: f.SHA256, Tree: each(f.Tree, nodeToProto)}
		}),
	}
}

// RecipeFromProto converts a recipe; nil gives the zero value.
func RecipeFromProto(r *kilnv1.Recipe) recipe.Recipe {
	return recipe.Recipe{
		Base: recipe.Base{
			Official: r.GetOfficialImage(), Version: r.GetOfficialVersion(), Registry: upstreamFromProto(r.GetRegistry()),
		},
		Env: r.GetEnv(), Platform: r.GetPlatform(),
		Packages: each(r.GetPackages(), func(e *kilnv1.PackageEntry) pkgmanager.Entry {
			return pkgmanager.Entry{Type: pkgmanager.Type(e.GetType()), Names: e.GetNames(), Index: e.GetIndex(), Script: e.GetScript()}
		}),
		Files: each(r.GetFiles(), func(f *kilnv1.RecipeFile) recipe.File {
			return recipe.File{Target: f.GetTarget(), Mode: f.GetMode(), SHA256: f.GetSha256(), Tree: each(f.GetTree(), nodeFromProto)}
		}),
	}
}

func upstreamToProto(b recipe.Base) *kilnv1.RegistrySource {
	if !b.FromRegistry() {
		return nil
	}
	u := b.Registry
	return &kilnv1.RegistrySource{
		RegistryId: u.RegistryID, NetworkId: u.NetworkID, Repository: u.Repository, Tag: u.Tag, Digest: u.Digest, StartCommand: u.StartCommand,
	}
}

func upstreamFromProto(u *kilnv1.RegistrySource) recipe.Upstream {
	return recipe.Upstream{
		RegistryID: u.GetRegistryId(), NetworkID: u.GetNetworkId(), Repository: u.GetRepository(), Tag: u.GetTag(), Digest: u.GetDigest(),
		StartCommand: u.GetStartCommand(),
	}
}

func nodeToProto(n recipe.Node) *kilnv1.RecipeNode {
	return &kilnv1.RecipeNode{Path: n.Path, Mode: n.Mode, Sha256: n.SHA256, Link: n.Link}
}

func nodeFromProto(n *kilnv1.RecipeNode) recipe.Node {
	return recipe.Node{Path: n.GetPath(), Mode: n.GetMode(), SHA256: n.GetSha256(), Link: n.GetLink()}
}

// ImageSpecToProto converts what a user says about an image.
func ImageSpecToProto(s image.Spec) *kilnv1.ImageSpec {
	return &kilnv1.ImageSpec{
		Name: s.Name, Description: s.Description, Visibility: string(s.Visibility), TaskTypes: toTexts(s.TaskTypes),
		Recipe: RecipeToProto(s.Recipe), Publish: s.Publish,
		Test: &kilnv1.ImageTest{ResourceGroupId: s.Test.ResourceGroupID, Commands: s.Test.Commands, Cu: s.Test.CU},
	}
}

// ImageSpecFromProto converts what a user says about an image; nil gives the zero value.
func ImageSpecFromProto(s *kilnv1.ImageSpec) image.Spec {
	test := s.GetTest()
	return image.Spec{
		Name: s.GetName(), Description: s.GetDescription(), Visibility: image.Visibility(s.GetVisibility()),
		TaskTypes: fromTexts[tasktype.Type](s.GetTaskTypes()), Recipe: RecipeFromProto(s.GetRecipe()), Publish: s.GetPublish(),
		Test: image.Test{ResourceGroupID: test.GetResourceGroupId(), Commands: test.GetCommands(), CU: test.GetCu()},
	}
}

// ImageToProto converts a custom image.
func ImageToProto(i image.Image) *kilnv1.Image {
	return &kilnv1.Image{
		Id: i.ID, Owner: i.Owner, Region: i.Region, Spec: ImageSpecToProto(i.Spec), CurrentVersion: int32(i.CurrentVersion),
		PublishedVersion: int32(i.PublishedVersion), Stage: string(i.Stage), InputHash: i.InputHash, Containerfile: i.Containerfile,
		ProcessId: i.ProcessID, Base: OfficialImageToProto(i.Base), Packages: PackagesToProto(i.Packages), SizeBytes: i.SizeBytes,
		Generation: i.Generation, CreatedAt: timestamp(i.CreatedAt), UpdatedAt: timestamp(i.UpdatedAt),
	}
}

// ImageFromProto converts a custom image; nil gives the zero value.
func ImageFromProto(i *kilnv1.Image) image.Image {
	return image.Image{
		ID: i.GetId(), Owner: i.GetOwner(), Region: i.GetRegion(), Spec: ImageSpecFromProto(i.GetSpec()),
		CurrentVersion: int(i.GetCurrentVersion()), PublishedVersion: int(i.GetPublishedVersion()), Stage: image.Stage(i.GetStage()),
		InputHash: i.GetInputHash(), Containerfile: i.GetContainerfile(), ProcessID: i.GetProcessId(),
		Base: OfficialImageFromProto(i.GetBase()), Packages: PackagesFromProto(i.GetPackages()), SizeBytes: i.GetSizeBytes(),
		Generation: i.GetGeneration(), CreatedAt: fromTimestamp(i.GetCreatedAt()), UpdatedAt: fromTimestamp(i.GetUpdatedAt()),
	}
}

// ImagesToProto converts a list of custom images.
func ImagesToProto(list []image.Image) []*kilnv1.Image { return each(list, ImageToProto) }

// ImagesFromProto converts a list of custom images.
func ImagesFromProto(list []*kilnv1.Image) []image.Image { return each(list, ImageFromProto) }

// FilterToProto converts a choice of images.
func FilterToProto(f image.Filter) *kilnv1.ListImagesRequest {
	return &kilnv1.ListImagesRequest{
		Region: f.Region, Name: f.Name, Visibilities: toTexts(f.Visibilities), Stages: toTexts(f.Stages), TaskTypes: toTexts(f.TaskTypes),
		PageSize: int32(f.PageSize), PageToken: f.After, WorkspaceIds: f.Workspaces, OrderBy: string(f.OrderBy), Descending: f.Descending,
	}
}

// FilterFromProto converts a choice of images; nil chooses all.
func FilterFromProto(f *kilnv1.ListImagesRequest) image.Filter {
	return image.Filter{
		Region: f.GetRegion(), Name: f.GetName(), Visibilities: fromTexts[image.Visibility](f.GetVisibilities()),
		Stages: fromTexts[image.Stage](f.GetStages()), TaskTypes: fromTexts[tasktype.Type](f.GetTaskTypes()),
		PageSize: int(f.GetPageSize()), After: f.GetPageToken(), Workspaces: f.GetWorkspaceIds(),
		OrderBy: image.Order(f.GetOrderBy()), Descending: f.GetDescending(),
	}
}

// VersionToProto converts a version of an image; its packages are read with the image.
func VersionToProto(v image.Version) *kilnv1.ImageVersion {
	return &kilnv1.ImageVersion{
		Number: int32(v.Number), InputHash: v.InputHash, Recipe: RecipeToProto(v.Recipe), Stage: string(v.Stage), ProcessId: v.ProcessID,
		SizeBytes: v.SizeBytes, TestedAt: timestamp(v.TestedAt), CreatedAt: timestamp(v.CreatedAt),
		CreatedBy: v.CreatedBy, PublishedAt: timestamp(v.PublishedAt), PublishedBy: v.PublishedBy,
	}
}

// VersionFromProto converts a version of an image, without the image's id; nil gives the zero value.
func VersionFromProto(v *kilnv1.ImageVersion) image.Version {
	return image.Version{
		Number: int(v.GetNumber()), InputHash: v.GetInputHash(), Recipe: RecipeFromProto(v.GetRecipe()), Stage: image.Stage(v.GetStage()),
		ProcessID: v.GetProcessId(), SizeBytes: v.GetSizeBytes(),
		TestedAt: fromTimestamp(v.GetTestedAt()), CreatedAt: fromTimestamp(v.GetCreatedAt()),
		CreatedBy: v.GetCreatedBy(), PublishedAt: fromTimestamp(v.GetPublishedAt()), PublishedBy: v.GetPublishedBy(),
	}
}

// HistoryToProto converts the history of an image.
func HistoryToProto(list []image.Entry) []*kilnv1.ImageHistoryEntry {
	return each(list, func(e image.Entry) *kilnv1.ImageHistoryEntry {
		return &kilnv1.ImageHistoryEntry{Version: int32(e.Version), Action: string(e.Action), Actor: e.Actor, At: timestamp(e.At)}
	})
}

// HistoryFromProto converts the history of an image, without the image's id.
func HistoryFromProto(list []*kilnv1.ImageHistoryEntry) []image.Entry {
	return each(list, func(e *kilnv1.ImageHistoryEntry) image.Entry {
		return image.Entry{
			Version: int(e.GetVersion()), Action: image.Action(e.GetAction()), Actor: e.GetActor(), At: fromTimestamp(e.GetAt()),
		}
	})
}

// VersionsToProto converts the versions of an image.
func VersionsToProto(list []image.Version) []*kilnv1.ImageVersion { return each(list, VersionToProto) }

// VersionsFromProto converts the versions of an image.
func VersionsFromProto(list []*kilnv1.ImageVersion) []image.Version {
	return each(list, VersionFromProto)
}
