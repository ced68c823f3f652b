package acctest

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"
)

// calls is a log that only counts what the daemon was asked.
type calls struct {
	mu    *sync.Mutex
	more  *sync.Cond // over mu
	count map[string]int
	name  string // of the procedure that a line is about
}

func newCalls() *calls {
	mu := &sync.Mutex{}
	return &calls{mu: mu, more: sync.NewCond(mu), count: map[string]int{}}
}

// Enabled wants every line: reads are logged for debugging only.
func (c *calls) Enabled(context.Context, slog.Level) bool { return true }

// Handle counts a call that was answered.
func (c *calls) Handle(context.Context, slog.Record) error {
	if c.name != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.count[c.name]++
		c.more.Broadcast()
	}
	return nil
}

// WithAttrs takes the procedure out of the attributes of a request.
func (c *calls) WithAttrs(attrs []slog.Attr) slog.Handler {
	named := *c
	for _, a := range attrs {
		if a.Key == "procedure" {
			procedure := a.Value.String()
			named.name = procedure[strings.LastIndexByte(procedure, '/')+1:]
		}
	}
	return &named
}

// WithGroup does nothing: requests have no groups.
func (c *calls) WithGroup(string) slog.Handler { return c }

// Calls gives how often each procedure was called since it was asked last.
func (d *Daemon) Calls() map[string]int {
	d.calls.mu.Lock()
	defer d.calls.mu.Unlock()
	seen := maps.Clone(d.calls.count)
	clear(d.calls.count)
	return seen
}

// WaitCall returns when a procedure was answered since Calls was called last.
func (d *Daemon) WaitCall(procedure string) {
	d.tb.Helper()
	ctx, cancel := context.WithTimeout(d.tb.Context(), time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, d.calls.more.Broadcast)()
	d.calls.mu.Lock()
	defer d.calls.mu.Unlock()
	for d.calls.count[procedure] == 0 {
		if ctx.Err() != nil {
			d.tb.Fatalf("%s was not called", procedure)
		}
		d.calls.more.Wait()
	}
}
