package resource

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/provider/session"
)

// lookTimeout is how long the last look at something may take after a wait has ended, however it has.
const lookTimeout = 15 * time.Second

// Target is where a creation or an update puts what it has to say.
type Target struct {
	Diags   *diag.Diagnostics
	State   *tfsdk.State
	Private interface {
		SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
	}
}

// Standing is how far something is that a process works on.
type Standing struct {
	ID, ProcessID string
	Stage         string
	Settled       bool // it is where its configuration wants it to be
}

// Work is a creation or an update that a process of the daemon goes on with. D is the thing as the daemon has it.
type Work[D any] struct {
	Target

	Doing string        // for the user, after "Cannot": update image "x"
	GoOn  string        // what to do after a timeout, as sentences
	Limit time.Duration // what may be waited; Ask may use some of it up
	Lack  string        // what is wrong when the process has completed and the thing is not settled
	Look  bool          // read the thing once more also when there is nothing to wait for

	Ask    func(c *client.Client) (D, error) // writes
	Find   func(ctx context.Context, c *client.Client, id string) (D, error)
	Save   func(ctx context.Context, thing D) // into the target
	Stands func(thing D) Standing
	Waits  func(thing D) string // what is waited for, for the user; nil: as Doing
}

// Do writes, saves the answer, which names the thing, waits for its process, and saves how things stand then, even when the wait
// was interrupted. It does nothing after an error.
func Do[D any](ctx context.Context, b *Base, w *Work[D]) {
	if w.Diags.HasError() {
		return
	}
	c, err := b.Session.Client(ctx)
	if err != nil {
		b.Session.AddError(w.Diags, w.Doing, err)
		return
	}
	defer b.Session.Writing()()
	thing, err := w.Ask(c)
	if err != nil {
		b.Session.AddError(w.Diags, w.Doing, err)
		return
	}
	w.Save(ctx, thing)
	stands := w.Stands(thing)
	waits := stands.ProcessID != "" && !stands.Settled
	if w.Diags.HasError() || !waits && !w.Look {
		return
	}
	done := false
	if waits {
		wait := session.Wait{Doing: w.Doing, Process: stands.ProcessID, Timeout: w.Limit, GoOn: w.GoOn}
		if w.Waits != nil {
			wait.Doing = w.Waits(thing)
		}
		done = b.Session.Wait(ctx, c, wait, w.Diags)
	}
	w.look(ctx, b, c, stands.ID, done)
}

// look saves how things stand. Done says that the process has completed.
func (w *Work[D]) look(ctx context.Context, b *Base, c *client.Client, id string, done bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	thing, err := w.Find(ctx, c, id)
	if err != nil {
		b.Session.AddError(w.Diags, "read "+b.Noun+" "+id, err)
		return
	}
	w.Save(ctx, thing)
	if stands := w.Stands(thing); done && !stands.Settled {
		b.Session.AddError(w.Diags, w.Doing, problem.Problem{
			Code: problem.InvalidImageState, Field: "stage", Value: stands.Stage, Limit: "the stage that was asked for",
			Detail: "its process has completed, and " + w.Lack, Remedy: "Apply again; something else may have changed it meanwhile.",
		})
	}
}
