package api

import (
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
	kilnv1 "github.com/kilnhq/kiln/internal/gen/kiln/v1"
)

// OfficialImageToProto converts an entry of the catalogue; how it is made and its labels stay with the daemon.
func OfficialImageToProto(i official.Image) *kilnv1.OfficialImage {
	return &kilnv1.OfficialImage{
		Name: i.Name, Version: i.Version, Description: i.Description, TaskTypes: toTexts(i.TaskTypes), Provides: i.Provides,
		Status: string(i.Status), Reference: i.Reference, Available: i.Available, ImageId: i.ImageID, SizeBytes: i.SizeBytes,
		Packages: PackagesToProto(i.Packages), DefaultFor: toTexts(i.Default), Openssl: i.OpenSSL,
	}
}

// OfficialImageFromProto converts an entry of the catalogue; nil gives the zero value.
func OfficialImageFromProto(i *kilnv1.OfficialImage) official.Image {
	return official.Image{
		Name: i.GetName(), Version: i.GetVersion(), Description: i.GetDescription(),
		TaskTypes: fromTexts[tasktype.Type](i.GetTaskTypes()), Provides: i.GetProvides(), Status: official.Status(i.GetStatus()),
		Reference: i.GetReference(), Available: i.GetAvailable(), ImageID: i.GetImageId(), SizeBytes: i.GetSizeBytes(),
		Packages: PackagesFromProto(i.GetPackages()), Default: fromTexts[tasktype.Type](i.GetDefaultFor()), OpenSSL: i.GetOpenssl(),
	}
}

// OfficialImagesToProto converts entries of the catalogue.
func OfficialImagesToProto(list []official.Image) []*kilnv1.OfficialImage {
	return each(list, OfficialImageToProto)
}

// OfficialImagesFromProto converts entries of the catalogue.
func OfficialImagesFromProto(list []*kilnv1.OfficialImage) []official.Image {
	return each(list, OfficialImageFromProto)
}

// PackagesToProto converts a package list.
func PackagesToProto(list []official.Package) []*kilnv1.Package {
	return each(list, func(p official.Package) *kilnv1.Package {
		return &kilnv1.Package{
			Manager: valid(p.Manager), Name: valid(p.Name), Version: valid(p.Version), Interpreter: valid(p.Interpreter),
			Digest: valid(p.Digest), Base: valid(p.Base),
		}
	})
}

// PackagesFromProto converts a package list.
func PackagesFromProto(list []*kilnv1.Package) []official.Package {
	return each(list, func(p *kilnv1.Package) official.Package {
		return official.Package{
			Manager: p.GetManager(), Name: p.GetName(), Version: p.GetVersion(), Interpreter: p.GetInterpreter(),
			Digest: p.GetDigest(), Base: p.GetBase(),
		}
	})
}
