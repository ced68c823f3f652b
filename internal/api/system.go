package api

import (
	"maps"
	"slices"

	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/usage"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// InfoToProto converts the answer of the handshake.
func InfoToProto(i system.Info) *kilnv1.GetInfoResponse {
	return &kilnv1.GetInfoResponse{
		ApiVersion: int32(i.APIVersion), DaemonVersion: i.DaemonVersion, Regions: each(i.Regions, regionToProto),
		DefaultRegion: i.DefaultRegion, Caller: i.Caller,
	}
}

// InfoFromProto converts the answer of the handshake; nil gives the zero value.
func InfoFromProto(i *kilnv1.GetInfoResponse) system.Info {
	return system.Info{
		APIVersion: int(i.GetApiVersion()), DaemonVersion: i.GetDaemonVersion(), Regions: each(i.GetRegions(), regionFromProto),
		DefaultRegion: i.GetDefaultRegion(), Caller: i.GetCaller(),
	}
}

func regionToProto(r system.Region) *kilnv1.Region {
	return &kilnv1.Region{
		Name: r.Name, Edition: string(r.Edition), VersionPinning: string(r.Pinning),
		Pip: sourceToProto(r.Sources.Pip), Apt: sourceToProto(r.Sources.Apt),
	}
}

func sourceToProto(s recipe.Source) *kilnv1.PackageSource {
	return &kilnv1.PackageSource{Host: s.Host, Internal: s.Internal}
}

func sourceFromProto(s *kilnv1.PackageSource) recipe.Source {
	return recipe.Source{Host: s.GetHost(), Internal: s.GetInternal()}
}

func regionFromProto(r *kilnv1.Region) system.Region {
	return system.Region{
		Name: r.GetName(), Edition: quota.Edition(r.GetEdition()), Pinning: system.Pinning(r.GetVersionPinning()),
		Sources: recipe.Sources{Pip: sourceFromProto(r.GetPip()), Apt: sourceFromProto(r.GetApt())},
	}
}

// SnapshotToProto converts a snapshot.
func SnapshotToProto(s system.Snapshot) *kilnv1.GetSnapshotResponse {
	return &kilnv1.GetSnapshotResponse{
		Region: regionToProto(s.Region), OfficialImages: OfficialImagesToProto(s.Official), Images: each(s.Images, summaryToProto),
		ImagesUsed: int32(s.ImagesUsed), ImagesLimit: int32(s.ImagesLimit),
	}
}

// SnapshotFromProto converts a snapshot; nil gives the zero value.
func SnapshotFromProto(s *kilnv1.GetSnapshotResponse) system.Snapshot {
	return system.Snapshot{
		Region: regionFromProto(s.GetRegion()), Official: OfficialImagesFromProto(s.GetOfficialImages()),
		Images: each(s.GetImages(), summaryFromProto), ImagesUsed: int(s.GetImagesUsed()), ImagesLimit: int(s.GetImagesLimit()),
	}
}

func summaryToProto(i system.ImageSummary) *kilnv1.ImageSummary {
	return &kilnv1.ImageSummary{
		Id: i.ID, Name: i.Name, CurrentVersion: int32(i.CurrentVersion), PublishedVersion: int32(i.PublishedVersion),
		Stage: string(i.Stage), Versions: each(i.Versions, func(v system.VersionSummary) *kilnv1.VersionSummary {
			return &kilnv1.VersionSummary{Number: int32(v.Number), InputHash: v.InputHash, Stage: string(v.Stage), Digest: v.Digest}
		}),
	}
}

func summaryFromProto(i *kilnv1.ImageSummary) system.ImageSummary {
	return system.ImageSummary{
		ID: i.GetId(), Name: i.GetName(), CurrentVersion: int(i.GetCurrentVersion()), PublishedVersion: int(i.GetPublishedVersion()),
		Stage: image.Stage(i.GetStage()), Versions: each(i.GetVersions(), func(v *kilnv1.VersionSummary) system.VersionSummary {
			return system.VersionSummary{
				Number: int(v.GetNumber()), InputHash: v.GetInputHash(), Stage: image.Stage(v.GetStage()), Digest: v.GetDigest(),
			}
		}),
	}
}

// UsageToProto converts who uses what, in the order of the ids.
func UsageToProto(users usage.Users) *kilnv1.ListUsageResponse {
	return &kilnv1.ListUsageResponse{Usage: each(slices.Sorted(maps.Keys(users)), func(id string) *kilnv1.Usage {
		return &kilnv1.Usage{Id: id, Users: users[id]}
	})}
}

// UsageFromProto converts who uses what; nil gives nothing.
func UsageFromProto(r *kilnv1.ListUsageResponse) usage.Users {
	users := usage.Users{}
	for _, u := range r.GetUsage() {
		users[u.GetId()] = u.GetUsers()
	}
	return users
}
