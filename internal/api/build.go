package api

import (
	"github.com/kilnhq/kiln/internal/domain/build"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// BuildToProto converts a persistent build.
func BuildToProto(b build.Build) *kilnv1.Build {
	return &kilnv1.Build{
		Id: b.ID, Owner: b.Owner, Region: b.Region, ImageId: b.ImageID, ImageVersion: int32(b.ImageVersion),
		ResourceGroupId: b.ResourceGroupID, Cu: b.CU, Stage: string(b.Stage), BakedVersion: int32(b.BakedVersion),
		Digest: b.Digest, ImageRef: b.ImageRef, SizeBytes: b.SizeBytes, CuSeconds: b.CUSeconds, DurationSeconds: b.DurationSeconds,
		ProcessId: b.ProcessID, Generation: b.Generation, CreatedAt: timestamp(b.CreatedAt), UpdatedAt: timestamp(b.UpdatedAt),
		Presence: string(b.Presence),
	}
}

// BuildFromProto converts a persistent build; nil gives the zero value.
func BuildFromProto(b *kilnv1.Build) build.Build {
	return build.Build{
		ID: b.GetId(), Owner: b.GetOwner(), Region: b.GetRegion(), ImageID: b.GetImageId(), ImageVersion: int(b.GetImageVersion()),
		ResourceGroupID: b.GetResourceGroupId(), CU: b.GetCu(), Stage: build.Stage(b.GetStage()), BakedVersion: int(b.GetBakedVersion()),
		Digest: b.GetDigest(), ImageRef: b.GetImageRef(), SizeBytes: b.GetSizeBytes(), CUSeconds: b.GetCuSeconds(),
		DurationSeconds: b.GetDurationSeconds(), ProcessID: b.GetProcessId(), Generation: b.GetGeneration(),
		CreatedAt: fromTimestamp(b.GetCreatedAt()), UpdatedAt: fromTimestamp(b.GetUpdatedAt()),
		Presence: build.Presence(b.GetPresence()),
	}
}

// BuildsToProto converts a list of persistent builds.
func BuildsToProto(list []build.Build) []*kilnv1.Build { return each(list, BuildToProto) }

// BuildsFromProto converts a list of persistent builds.
func BuildsFromProto(list []*kilnv1.Build) []build.Build { return each(list, BuildFromProto) }
