package session

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// From gives the session that the provider handed to a resource or data source; nil before the provider is configured.
func From(data any, diags *diag.Diagnostics) *Session {
	if data == nil {
		return nil
	}
	s, ok := data.(*Session)
	if !ok {
		diags.AddError("Cannot configure", fmt.Sprintf("The provider handed over %T, want *session.Session. This is a bug in the provider.", data))
	}
	return s
}

// PlanRegion plans the computed attribute region. A resource moves with the provider's argument, by replacement; without
// that argument it stays where it is. Call it for creations and updates.
func (s *Session) PlanRegion(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	s.ledger.Plan()
	at := path.Root("region")
	var prior types.String
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, at, &prior)...)
	}
	region := types.StringUnknown()
	switch {
	case s.Region() != "":
		region = types.StringValue(s.Region())
	case !prior.IsNull():
		region = prior
	case s.DefaultRegion() != "":
		region = types.StringValue(s.DefaultRegion())
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at, region)...)
	if !prior.IsNull() && !prior.Equal(region) {
		resp.RequiresReplace.Append(at)
	}
}

// IsNotFound says whether the daemon itself said that what was asked for is not there. Nothing else means that.
func IsNotFound(err error) bool {
	for _, p := range problem.From(err) {
		if p.Kind() == problem.KindNotFound {
			return true
		}
	}
	return false
}

const generationKey = "generation"

// KeepGeneration stores the generation of an object in the private part of its state.
func KeepGeneration(ctx context.Context, private interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}, generation int64,
) diag.Diagnostics {
	value, err := json.Marshal(generation)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot keep the generation", err.Error())}
	}
	return private.SetKey(ctx, generationKey, value)
}

// Generation gives what KeepGeneration stored; 0, which is any generation, when there is nothing.
func Generation(ctx context.Context, private interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}, diags *diag.Diagnostics,
) int64 {
	value, found := private.GetKey(ctx, generationKey)
	diags.Append(found...)
	if len(value) == 0 {
		return 0
	}
	var generation int64
	if err := json.Unmarshal(value, &generation); err != nil {
		diags.AddError("Cannot read the generation in the private state", err.Error())
	}
	return generation
}
