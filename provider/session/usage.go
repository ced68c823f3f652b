package session

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/usage"
	"github.com/kilnhq/kiln/provider/diagnostic"
)

// Deletion is what a plan deletes.
type Deletion struct {
	Noun     string
	InUse    problem.Code // the daemon's refusal when it is in use
	ID, Name types.String
}

// JudgeDeletion warns who uses what a plan deletes. It is no error, since the same plan may delete the users, too.
func (s *Session) JudgeDeletion(ctx context.Context, d Deletion, diags *diag.Diagnostics) {
	if !s.Remote() {
		return
	}
	users, err := s.usage(ctx)
	if err != nil {
		s.AddPlanError(diags, "find who uses "+d.Noun+" "+d.ID.ValueString(), err)
		return
	}
	if found := users[d.ID.ValueString()]; len(found) > 0 {
		diagnostic.AddWarning(diags, "", usage.Warning(d.InUse, d.Noun, d.Name.ValueString(), found))
	}
}

// usage is read once and kept until something was written.
func (s *Session) usage(ctx context.Context) (usage.Users, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return nil, err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	writes := s.writes.Load()
	if s.users.valid && s.users.writes == writes {
		return s.users.value, nil
	}
	users, err := c.Usage(ctx)
	if err != nil {
		return nil, err
	}
	s.users = cached[usage.Users]{value: users, writes: writes, valid: true}
	return users, nil
}
