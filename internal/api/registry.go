package api

import (
	"github.com/kilnhq/kiln/internal/domain/registry"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// RegistryToProto converts a registry. Its password travels in requests alone, beside it.
func RegistryToProto(r registry.Registry) *kilnv1.Registry {
	c := r.Credential
	return &kilnv1.Registry{
		Id: r.ID, Owner: r.Owner, Region: r.Region, Name: r.Name, Endpoint: r.Endpoint, Edition: string(r.Edition), Spec: string(r.Spec),
		NetworkIds: r.NetworkIDs, CaCert: r.CACert, Insecure: r.Insecure, Username: c.Username, PasswordVersion: c.PasswordVersion,
		PasswordFile: c.PasswordFrom.File, PasswordVariable: c.PasswordFrom.Variable, Credentials: string(c.Status), Generation: r.Generation,
		CreatedAt: timestamp(r.CreatedAt), UpdatedAt: timestamp(r.UpdatedAt),
	}
}

// RegistryFromProto converts a registry; nil gives the zero value.
func RegistryFromProto(r *kilnv1.Registry) registry.Registry {
	return registry.Registry{
		ID: r.GetId(), Owner: r.GetOwner(), Region: r.GetRegion(), Name: r.GetName(), Endpoint: r.GetEndpoint(),
		Edition: registry.Edition(r.GetEdition()), Spec: registry.Spec(r.GetSpec()), NetworkIDs: r.GetNetworkIds(), CACert: r.GetCaCert(),
		Insecure: r.GetInsecure(), Generation: r.GetGeneration(),
		Credential: registry.Credential{
			Username: r.GetUsername(), PasswordVersion: r.GetPasswordVersion(), Status: registry.Status(r.GetCredentials()),
			PasswordFrom: registry.Reference{File: r.GetPasswordFile(), Variable: r.GetPasswordVariable()},
		},
		CreatedAt: fromTimestamp(r.GetCreatedAt()), UpdatedAt: fromTimestamp(r.GetUpdatedAt()),
	}
}

// RegistriesToProto converts a list of registries.
func RegistriesToProto(list []registry.Registry) []*kilnv1.Registry {
	return each(list, RegistryToProto)
}

// RegistriesFromProto converts a list of registries.
func RegistriesFromProto(list []*kilnv1.Registry) []registry.Registry {
	return each(list, RegistryFromProto)
}

// ResolvedToProto converts what a reference stands for.
func ResolvedToProto(r registry.Resolved) *kilnv1.ResolveReferenceResponse {
	return &kilnv1.ResolveReferenceResponse{Digest: r.Digest, ManifestDigest: r.Manifest, SizeBytes: r.Size, Layers: int32(r.Layers)}
}

// ResolvedFromProto converts what a reference stands for; nil gives the zero value.
func ResolvedFromProto(r *kilnv1.ResolveReferenceResponse) registry.Resolved {
	return registry.Resolved{Digest: r.GetDigest(), Manifest: r.GetManifestDigest(), Size: r.GetSizeBytes(), Layers: int(r.GetLayers())}
}
