package acctest

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
)

// calls is a log that only counts what the daemon was asked.
type calls struct {
	mu    *sync.Mutex
	count map[string]int
	name  string // of the procedure that a line is about
}

func newCalls() *calls { return &calls{mu: &sync.Mutex{}, count: map[string]int{}} }

// Enabled wants every line: reads are logged for debugging only.
func (c *calls) Enabled(context.Context, slog.Level) bool { return true }

// Handle counts a call that was answered.
func (c *calls) Handle(context.Context, slog.Record) error {
	if c.name != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.count[c.name]++
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
