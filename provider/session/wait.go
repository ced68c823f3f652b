package session

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// DefaultTimeout is how long a creation or an update waits when nothing is said.
const DefaultTimeout = 30 * time.Minute

// Timeouts is the attribute timeouts of a resource that waits for something.
func Timeouts(ctx context.Context, what string) schema.Attribute {
	describe := "How long to wait for " + what + ", for example `45m`; default `30m`. What takes longer goes on in the daemon."
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, CreateDescription: describe, Update: true, UpdateDescription: describe,
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "How long Terraform waits."
		return nested
	}
	return attribute
}

// Wait says what is waited for.
type Wait struct {
	Doing   string // for the user, for example: test image "x"
	Process string
	Timeout time.Duration
	GoOn    string // what to do after a timeout, as sentences
}

// Wait follows a process to its end. A failure is an error, and so is a timeout. An interruption is a warning alone, since
// the state is complete and the process goes on. It says whether the process completed.
func (s *Session) Wait(ctx context.Context, c *client.Client, w Wait, diags *diag.Diagnostics) bool {
	limited, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	p, err := c.Wait(limited, w.Process, func(e client.Event) { progress(ctx, w, e) })
	s.Wrote()
	switch {
	case err == nil:
		return true
	case ctx.Err() != nil:
		diags.AddWarning("Interrupted while waiting to "+w.Doing,
			"The process "+w.Process+" goes on in the daemon: follow it with `kiln logs -f "+w.Process+"`. The next apply attaches to it.")
	case errors.Is(err, context.DeadlineExceeded):
		diags.AddError("Timeout while waiting to "+w.Doing,
			"It took longer than "+w.Timeout.String()+". The process "+w.Process+" goes on in the daemon: follow it with `kiln logs -f "+
				w.Process+"`. "+w.GoOn)
	default:
		s.AddError(diags, w.Doing, atStep(err, p.Step))
	}
	return false
}

// atStep adds the step to a failure that does not name it.
func atStep(err error, step string) error {
	found := problem.From(err)
	if len(found) != 1 || step == "" || strings.Contains(found[0].Value+found[0].Detail, step) ||
		found[0].Code == problem.DaemonUnavailable {
		return err
	}
	if found[0].Detail == "" {
		found[0].Detail = "the process failed"
	}
	found[0].Detail += ", in step " + step
	return found
}

func progress(ctx context.Context, w Wait, e client.Event) {
	switch {
	case e.Process != nil && e.Process.QueuePosition > 0:
		tflog.Info(ctx, "queued", map[string]any{"process_id": w.Process, "queue_position": e.Process.QueuePosition})
	case e.Process != nil:
		tflog.Info(ctx, "process changed", map[string]any{
			"process_id": w.Process, "state": string(e.Process.State), "step": e.Process.Step,
		})
	case e.Line != nil && e.Line.Step != "":
		tflog.Info(ctx, "step started", map[string]any{"process_id": w.Process, "step": e.Line.Text})
	}
}
