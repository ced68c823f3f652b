package build

import (
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

type model struct {
	ID              types.String   `tfsdk:"id"`
	ImageID         types.String   `tfsdk:"image_id"`
	ImageVersion    types.Int64    `tfsdk:"image_version"`
	ResourceGroupID types.String   `tfsdk:"resource_group_id"`
	CU              types.Float64  `tfsdk:"cu"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`

	Stage           types.String  `tfsdk:"stage"`
	Digest          types.String  `tfsdk:"digest"`
	ImageRef        types.String  `tfsdk:"image_ref"`
	ArtifactStatus  types.String  `tfsdk:"artifact_status"`
	BakedVersion    types.Int64   `tfsdk:"baked_version"`
	SizeBytes       types.Int64   `tfsdk:"size_bytes"`
	CUSeconds       types.Float64 `tfsdk:"cu_seconds"`
	DurationSeconds types.Float64 `tfsdk:"duration_seconds"`
}

// toModel maps a build; the timeouts, which the daemon does not know, are taken from prior. What the registry has lost has no
// digest: nobody can pull it.
func toModel(b domain.Build, prior model) model {
	m := model{
		ID: types.StringValue(b.ID), ImageID: types.StringValue(b.ImageID), ImageVersion: types.Int64Value(int64(b.ImageVersion)),
		ResourceGroupID: types.StringValue(b.ResourceGroupID), CU: types.Float64Value(b.CU), Timeouts: prior.Timeouts,
		Stage: types.StringValue(string(b.Stage)), CUSeconds: types.Float64Value(b.CUSeconds),
		DurationSeconds: types.Float64Value(b.DurationSeconds),
	}
	if b.Digest == "" {
		return m
	}
	m.BakedVersion, m.SizeBytes = types.Int64Value(int64(b.BakedVersion)), types.Int64Value(b.SizeBytes)
	if b.Presence != "" {
		m.ArtifactStatus = types.StringValue(string(b.Presence))
	}
	if !b.Presence.Lost() {
		m.Digest, m.ImageRef = types.StringValue(b.Digest), types.StringValue(b.ImageRef)
	}
	return m
}

// planned gives the model with what the plan has left as it was, which the daemon may change at any time. Terraform
// refuses other values after an apply; the next refresh shows them.
func (m model) planned(plan model) model {
	if plan.Stage.IsUnknown() {
		return m
	}
	m.Stage, m.Digest, m.ImageRef, m.BakedVersion = plan.Stage, plan.Digest, plan.ImageRef, plan.BakedVersion
	m.ArtifactStatus = plan.ArtifactStatus
	m.SizeBytes, m.CUSeconds, m.DurationSeconds = plan.SizeBytes, plan.CUSeconds, plan.DurationSeconds
	return m
}

// known is the configuration with something harmless in place of what is not known yet, and with the defaults.
func (m model) known() domain.Build {
	b := domain.Build{
		ImageID: m.ImageID.ValueString(), ImageVersion: int(m.ImageVersion.ValueInt64()), CU: m.CU.ValueFloat64(),
		ResourceGroupID: m.ResourceGroupID.ValueString(),
	}
	if m.ImageID.IsUnknown() {
		b.ImageID = "unknown"
	}
	if m.ImageVersion.IsUnknown() {
		b.ImageVersion = 1
	}
	if m.CU.IsNull() || m.CU.IsUnknown() {
		b.CU = resourcegroup.DefaultCU
	}
	return b
}
