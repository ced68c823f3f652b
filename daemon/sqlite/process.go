package sqlite

import (
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
)

var processes = table[process.Process]{
	name: "process", key: []string{"id"},
	columns: []string{
		"id", "owner", "region", "kind", "state", "subject", "image_id", "image_version", "resource_group_id", "cu", "payload", "attempt",
		"step", "problem", "exit_code", "created_at", "started_at", "ended_at",
	},
	fields: func(p *process.Process) []any {
		return []any{
			&p.ID, &p.Owner, &p.Region,
			word[process.Kind]{&p.Kind},
			word[process.State]{&p.State},
			&p.Subject, &p.ImageID,
			&p.ImageVersion, &p.ResourceGroupID, &p.CU, &p.Payload, &p.Attempt, &p.Step,
			document[*problem.Problem]{&p.Problem},
			&p.ExitCode,
			instant{&p.CreatedAt},
			instant{&p.StartedAt},
			instant{&p.EndedAt},
		}
	},
}

// turns reads the latest start of each group of processes.
var turns = table[process.Turn]{
	name: "process", columns: []string{"owner", "kind", "region", "max(started_at)"},
	fields: func(t *process.Turn) []any {
		return []any{&t.Owner, word[process.Kind]{&t.Kind}, &t.Region, instant{&t.StartedAt}}
	},
}

// InsertProcess queues a process.
func (t *Tx) InsertProcess(p process.Process) error { return processes.insert(t, p) }

// Process finds a process by id.
func (t *Tx) Process(id string) (process.Process, error) { return processes.one(t, "id = ?", id) }

// Processes lists an owner's processes and those of everyone, newest first. Empty arguments choose all.
func (t *Tx) Processes(owner string, f process.Filter) ([]process.Process, error) {
	return processes.all(t, "owner IN (?1, ?7) AND (region = ?2 OR ?2 = '') AND (kind = ?3 OR ?3 = '') AND (state = ?4 OR ?4 = '') "+
		"AND (image_id = ?5 OR ?5 = '') ORDER BY sequence DESC LIMIT ?6", owner, f.Region, f.Kind, f.State, f.ImageID, f.Limit, process.Everyone)
}

// ActiveProcesses lists what is queued or running, oldest first; an empty subject is every subject.
func (t *Tx) ActiveProcesses(subject string) ([]process.Process, error) {
	return processes.all(t, "state IN ('queued', 'running') AND (subject = ?1 OR ?1 = '') ORDER BY sequence", subject)
}

// Turns says when each owner who has something queued had the latest process of a kind in a region started.
func (t *Tx) Turns() ([]process.Turn, error) {
	return turns.all(t, "owner IN (SELECT owner FROM process WHERE state = 'queued') AND started_at > 0 GROUP BY owner, kind, region "+
		"ORDER BY owner, kind, region")
}

// ClaimProcess makes a queued process running; store.ErrStale when it is not queued any more.
func (t *Tx) ClaimProcess(id string) (process.Process, error) {
	n, err := t.exec("UPDATE process SET state = 'running', attempt = attempt + 1, started_at = ? WHERE id = ? AND state = 'queued'",
		t.now.UnixNano(), id)
	if err == nil && n == 0 {
		err = store.ErrStale
	}
	if err != nil {
		return process.Process{}, wrap(err, "claim", "process")
	}
	return t.Process(id)
}

// FinishProcess stores how a process ended. It must not be final yet, and be in the attempt that p is: else store.ErrStale.
func (t *Tx) FinishProcess(p process.Process) error {
	var attempt int
	var state string
	err := t.tx.QueryRowContext(t.ctx, "SELECT attempt, state FROM process WHERE id = ?", p.ID).Scan(&attempt, &state)
	if err != nil {
		return wrap(translate(err), "finish", "process")
	}
	if attempt != p.Attempt || process.State(state).Final() {
		return wrap(store.ErrStale, "finish", "process")
	}
	return processes.update(t, p)
}
