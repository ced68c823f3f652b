package problem

import "slices"

// Code names a problem. Codes are stable once released: people search for them.
type Code string

// The codes of all problems.
const (
	// Names and values.
	InvalidName          Code = "InvalidName"
	InvalidParameter     Code = "InvalidParameter"
	MissingRequired      Code = "MissingRequired"
	ConflictingAttribute Code = "ConflictingAttribute"
	ExactlyOneSource     Code = "ExactlyOneSource"
	InvalidAllowEntry    Code = "InvalidAllowEntry"
	InvalidTimeZone      Code = "InvalidTimeZone"
	InvalidCu            Code = "InvalidCu"
	InvalidRequirement   Code = "InvalidRequirement"
	InvalidPackageType   Code = "InvalidPackageType"
	PipIncompatible      Code = "PipIncompatible"
	InvalidScript        Code = "InvalidScript"
	EmptyScript          Code = "EmptyScript"
	ScriptTooLarge       Code = "ScriptTooLarge"
	InvalidFile          Code = "InvalidFile"
	InvalidEnv           Code = "InvalidEnv"
	UnpinnedPackage      Code = "UnpinnedPackage"
	UnpinnedDownload     Code = "UnpinnedDownload"
	InsecureDownload     Code = "InsecureDownload"
	InvalidDownloadURL   Code = "InvalidDownloadUrl"
	InteractiveInstall   Code = "InteractiveInstall"
	UnquotedRedirection  Code = "UnquotedShellRedirection"
	SecretInScript       Code = "SecretInScript"
	CannotAnalyse        Code = "CannotAnalyse"
	NoCustomisation      Code = "NoCustomisation"
	EmptyTaskTypes       Code = "EmptyTaskTypes"
	BaseUpdateAvailable  Code = "BaseUpdateAvailable"
	TaskTypeNotSupported Code = "TaskTypeNotSupported"
	InvalidImportID      Code = "InvalidImportID"
	UnknownRegion        Code = "UnknownRegion"
	InvalidEndpoint      Code = "InvalidEndpoint"
	InvalidCertificate   Code = "InvalidCertificate"
	MutableTag           Code = "MutableTag"

	// What an image of a registry may not be used for.
	TaskTypeNotSupportedForRegistryImage  Code = "TaskTypeNotSupportedForRegistryImage"
	PackagesNotAllowedForRegistrySource   Code = "PackagesNotAllowedForRegistrySource"
	PersistentBuildRequiresOfficialSource Code = "PersistentBuildRequiresOfficialSource"

	// What is named is not there.
	NotFound              Code = "NotFound"
	OfficialImageNotFound Code = "OfficialImageNotFound"
	VersionNotFound       Code = "VersionNotFound"
	WorkspaceNotFound     Code = "WorkspaceNotFound"
	LogGone               Code = "LogGone"
	ManifestUnknown       Code = "ManifestUnknown"

	// What is there already.
	NameConflict        Code = "NameConflict"
	IdempotencyConflict Code = "IdempotencyConflict"

	// Refused in the present state.
	InvalidImageState             Code = "InvalidImageState"
	BaseImageExpired              Code = "BaseImageExpired"
	ImageNotPublished             Code = "ImageNotPublished"
	CannotUnpublish               Code = "CannotUnpublish"
	VersionNotPublishable         Code = "VersionNotPublishable"
	ReadOnlyImage                 Code = "ReadOnlyImage"
	RecipeTampered                Code = "RecipeTampered"
	ImageInUse                    Code = "ImageInUse"
	NetworkInUse                  Code = "NetworkInUse"
	ResourceGroupInUse            Code = "ResourceGroupInUse"
	WorkspaceInUse                Code = "WorkspaceInUse"
	RegistryInUse                 Code = "RegistryInUse"
	CredentialsUnreadable         Code = "CredentialsUnreadable"
	RegistryEditionNotSupported   Code = "RegistryEditionNotSupported"
	VpcNotBoundToRegistry         Code = "VpcNotBoundToRegistry"
	VpcMismatch                   Code = "VpcMismatch"
	UpstreamDigestChanged         Code = "UpstreamDigestChanged"
	RegistryUnreachableFromVpc    Code = "RegistryUnreachableFromVpc"
	RegistryAuthFailed            Code = "RegistryAuthFailed"
	ProcessAlreadyRunning         Code = "ProcessAlreadyRunning"
	ResourceGroupTypeNotSupported Code = "ResourceGroupTypeNotSupported"
	RuntimeMissing                Code = "RuntimeMissing"
	PackageManagerMissing         Code = "PackageManagerMissing"
	EditionNotSupported           Code = "EditionNotSupported"
	PlanStale                     Code = "PlanStale"
	Conflict                      Code = "Conflict"
	ChangedElsewhere              Code = "ChangedElsewhere"
	IncompatibleAPI               Code = "IncompatibleApi"
	RegionMismatch                Code = "RegionMismatch"
	NetworkConfigDrift            Code = "NetworkConfigDrift"
	FileMissing                   Code = "FileMissing"

	// Limits.
	ImageQuotaExceeded     Code = "ImageQuotaExceeded"
	CuExceedsResourceGroup Code = "CuExceedsResourceGroup"
	FileTooLarge           Code = "FileTooLarge"
	RequestTooLarge        Code = "RequestTooLarge"
	InsufficientStorage    Code = "InsufficientStorage"
	ImageTooLarge          Code = "ImageTooLarge"

	// Who may.
	Forbidden Code = "Forbidden"

	// Work that failed.
	TestFailed               Code = "TestFailed"
	StepTimeout              Code = "StepTimeout"
	PackageNotFound          Code = "PackageNotFound"
	PackageVersionGone       Code = "PackageVersionGone"
	DependencyConflict       Code = "DependencyConflict"
	BuildDrift               Code = "BuildDrift"
	PublicAccessRequired     Code = "PublicAccessRequired"
	NameResolutionFailed     Code = "NameResolutionFailed"
	IndexTLSFailed           Code = "IndexTLSFailed"
	TLSUnknownAuthority      Code = "TLSUnknownAuthority"
	CertificateTimeInvalid   Code = "CertificateTimeInvalid"
	OpenSSLTooOld            Code = "OpenSSLTooOld"
	PipTooOld                Code = "PipTooOld"
	InterpreterMismatch      Code = "InterpreterMismatch"
	ArchitectureNotSupported Code = "ArchitectureNotSupported"
	BuildOutOfMemory         Code = "BuildOutOfMemory"
	Unclassified             Code = "Unclassified"
	CatalogBuildFailed       Code = "CatalogBuildFailed"
	ImagePushFailed          Code = "ImagePushFailed"
	ImagePullFailed          Code = "ImagePullFailed"
	ImageGone                Code = "ImageGone"
	TimezoneDataMissing      Code = "TimezoneDataMissing"
	StartCommandNotFound     Code = "StartCommandNotFound"
	ArtifactMissing          Code = "ArtifactMissing"
	DigestMismatch           Code = "DigestMismatch"
	Interrupted              Code = "Interrupted"
	Cancelled                Code = "Cancelled"
	Killed                   Code = "Killed"
	OfficialImageUnavailable Code = "OfficialImageUnavailable"

	// The machine.
	DaemonUnavailable   Code = "DaemonUnavailable"
	RegistryUnreadable  Code = "RegistryUnreadable"
	RegistryUnreachable Code = "RegistryUnreachable"
	RegistryRateLimited Code = "RegistryRateLimited"
	RegistryBadAnswer   Code = "RegistryBadAnswer"
	RefuseRoot          Code = "RefuseRoot"
	SubIDMissing        Code = "SubIDMissing"
	RuntimeIncompatible Code = "RuntimeIncompatible"
	StateInUse          Code = "StateInUse"
	AddressInUse        Code = "AddressInUse"
	SecretKeyInvalid    Code = "SecretKeyInvalid"
	Internal            Code = "Internal"
)

var kinds = map[Kind][]Code{
	KindNotFound: {NotFound, OfficialImageNotFound, VersionNotFound, WorkspaceNotFound, LogGone, ManifestUnknown},
	KindConflict: {NameConflict, IdempotencyConflict},
	KindPrecondition: {
		InvalidImageState, BaseImageExpired, ImageNotPublished, CannotUnpublish, VersionNotPublishable, ReadOnlyImage, RecipeTampered, ImageInUse,
		NetworkInUse, ResourceGroupInUse, WorkspaceInUse, RegistryInUse, CredentialsUnreadable,
		RegistryEditionNotSupported, VpcNotBoundToRegistry, VpcMismatch, UpstreamDigestChanged, RegistryUnreachableFromVpc, RegistryAuthFailed,
		ProcessAlreadyRunning, ResourceGroupTypeNotSupported, RuntimeMissing,
		PackageManagerMissing, EditionNotSupported, PlanStale, Conflict, ChangedElsewhere, IncompatibleAPI, RegionMismatch, NetworkConfigDrift,
		FileMissing,
	},
	KindExhausted: {ImageQuotaExceeded, CuExceedsResourceGroup, FileTooLarge, RequestTooLarge, InsufficientStorage, ImageTooLarge},
	KindDenied:    {Forbidden, RefuseRoot},
	KindFailed: {
		TestFailed, StepTimeout, PackageNotFound, PackageVersionGone, DependencyConflict, BuildDrift, PublicAccessRequired, NameResolutionFailed, IndexTLSFailed,
		TLSUnknownAuthority, CertificateTimeInvalid, OpenSSLTooOld, PipTooOld, InterpreterMismatch,
		ArchitectureNotSupported, BuildOutOfMemory, Unclassified, CatalogBuildFailed,
		ImagePushFailed, ImagePullFailed, ImageGone, TimezoneDataMissing, StartCommandNotFound, ArtifactMissing, DigestMismatch, Interrupted, Cancelled, Killed,
		OfficialImageUnavailable,
	},
	KindUnavailable: {DaemonUnavailable, RegistryUnreadable, RegistryUnreachable, RegistryRateLimited, RegistryBadAnswer, StateInUse, AddressInUse},
	KindInternal:    {SubIDMissing, RuntimeIncompatible, SecretKeyInvalid, Internal},
}

// Kind gives the kind of a code; what is in no other list is an invalid request.
func (c Code) Kind() Kind {
	for kind, codes := range kinds {
		if slices.Contains(codes, c) {
			return kind
		}
	}
	return KindInvalid
}
