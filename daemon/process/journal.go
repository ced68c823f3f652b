package process

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

// MaxLog is how many bytes of a log are kept from its beginning; of what follows, the last TailLines are.
const (
	MaxLog    = 4 << 20
	TailLines = 200
)

// ProblemLines is how many last lines a failed process shows with its problem.
const ProblemLines = 50

// pulse is how often a running process says that it still runs, and so how exactly its meter knows when a daemon that was
// killed has stopped working on it.
const pulse = time.Second

// Journal is the log of one process while it runs.
type Journal struct {
	changed func()

	mu      sync.Mutex
	file    *os.File
	err     error
	size    int64
	number  int64
	left    int64 // lines left out after MaxLog
	ring    []domain.Line
	current string
}

func newJournal(path string, changed func()) *Journal {
	j := &Journal{changed: changed}
	if j.err = os.MkdirAll(filepath.Dir(path), 0o700); j.err == nil {
		j.file, j.err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	return j
}

// Step announces a step.
func (j *Journal) Step(name string) {
	j.add(domain.Line{Stream: string(worker.StreamKiln), Text: name, Step: name})
}

// Line adds a line of output.
func (j *Journal) Line(stream, text string) { j.add(domain.Line{Stream: stream, Text: text}) }

// Remark adds a line of Kiln's own.
func (j *Journal) Remark(format string, args ...any) {
	j.Line(string(worker.StreamKiln), fmt.Sprintf(format, args...))
}

// Emit adds what a worker says.
func (j *Journal) Emit(e worker.Event) {
	switch {
	case e.Step != nil:
		j.Step(e.Step.Name)
	case e.Log != nil:
		j.Line(string(e.Log.Stream), e.Log.Line)
	}
}

func (j *Journal) add(l domain.Line) {
	j.mu.Lock()
	j.number++
	l.Number = j.number
	if l.Step != "" {
		j.current = l.Step
	}
	if j.ring = append(j.ring, l); len(j.ring) > TailLines {
		j.ring = j.ring[1:]
	}
	if j.size < MaxLog {
		j.write(l)
	} else {
		j.left++
	}
	j.mu.Unlock()
	j.changed()
}

func (j *Journal) write(l domain.Line) {
	if j.err != nil {
		return
	}
	b, err := json.Marshal(l)
	if err == nil {
		_, err = j.file.Write(append(b, '\n'))
	}
	j.size += int64(len(b)) + 1
	j.err = err
}

func (j *Journal) step() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.current
}

// tail gives the last lines of output, without Kiln's own.
func (j *Journal) tail() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for _, l := range j.ring {
		if l.Stream != string(worker.StreamKiln) {
			lines = append(lines, l.Text)
		}
	}
	return lines[max(0, len(lines)-ProblemLines):]
}

// beat gives the file the present time again and again, until the function that it returns is called.
func (j *Journal) beat(every time.Duration) (stop func()) {
	if j.file == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				_ = os.Chtimes(j.file.Name(), now, now) // what is lost is a second of a bill
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// lastBeat is when a process that nobody runs any more was last seen running. It is not in the future, for the machine's clock
// may have been set back.
func (r *Runner) lastBeat(p domain.Process) time.Time {
	seen := p.StartedAt
	if info, err := os.Stat(r.logPath(p.ID)); err == nil && info.ModTime().After(seen) {
		seen = info.ModTime().UTC()
	}
	if now := r.cfg.Clock().UTC(); now.Before(seen) && now.After(p.StartedAt) {
		return now
	}
	return seen
}

// cuSeconds is what a running process has used so far.
func (one *run) cuSeconds() float64 { return one.process.CU * time.Since(one.begun).Seconds() }

func (j *Journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if omitted := j.left - int64(len(j.ring)); omitted > 0 {
		j.write(domain.Line{
			Number: j.ring[0].Number - 1, Stream: string(worker.StreamKiln), Text: fmt.Sprintf("(log truncated: %d lines left out)", omitted),
		})
	}
	for _, l := range j.ring[max(0, len(j.ring)-int(min(j.left, TailLines))):] {
		j.write(l)
	}
	if j.file == nil {
		return j.err
	}
	return errors.Join(j.err, j.file.Close())
}

// follower reads a log that may still be growing.
type follower struct {
	file    *os.File
	reader  *bufio.Reader
	partial []byte
}

func (f *follower) open(path string) error {
	if f.file != nil {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	f.file, f.reader = file, bufio.NewReader(file)
	return nil
}

// next gives the next whole line; io.EOF when there is none yet.
func (f *follower) next() (l domain.Line, err error) {
	b, err := f.reader.ReadBytes('\n')
	f.partial = append(f.partial, b...)
	if err != nil {
		return l, err
	}
	err = json.Unmarshal(f.partial, &l)
	f.partial = nil
	return l, err
}

func (f *follower) close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
