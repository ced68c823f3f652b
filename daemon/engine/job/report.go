package job

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/kilnhq/kiln/daemon/worker"
)

// reporter writes events, one JSON line each.
type reporter struct {
	mu  sync.Mutex
	out io.Writer
}

func newReporter(out io.Writer) *reporter { return &reporter{out: out} }

func (r *reporter) event(event worker.Event) {
	line, err := json.Marshal(event)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// When the daemon no longer reads, listen ends this process.
	_, _ = r.out.Write(append(line, '\n'))
}

func (r *reporter) step(number, total int, name string) {
	r.event(worker.Event{Step: &worker.Step{Number: number, Total: total, Name: name}})
}

func (r *reporter) log(stream worker.Stream, line string) {
	r.event(worker.Event{Log: &worker.Log{Stream: stream, Line: strings.ToValidUTF8(line, "\uFFFD")}})
}

func (r *reporter) remark(format string, args ...any) {
	r.log(worker.StreamKiln, fmt.Sprintf(format, args...))
}

// logger is for a library that reports in passing what it could not do: as remarks in the log of the job.
func (r *reporter) logger() *logrus.Logger {
	l := logrus.New()
	l.SetOutput(r.lines(worker.StreamKiln))
	l.SetFormatter(bare{})
	l.SetLevel(logrus.WarnLevel)
	return l
}

// bare formats an entry as its message alone.
type bare struct{}

// Format gives the message as one line.
func (bare) Format(e *logrus.Entry) ([]byte, error) { return []byte(e.Message + "\n"), nil }

func (r *reporter) result(result worker.Result)     { r.event(worker.Event{Result: &result}) }
func (r *reporter) failure(failure *worker.Failure) { r.event(worker.Event{Failure: failure}) }

// lines is a writer that makes a log event of every line written to it. Its methods may be called at once.
type lines struct {
	mu     sync.Mutex
	report *reporter
	stream worker.Stream
	rest   []byte
	last   string
	muted  bool
}

func (r *reporter) lines(stream worker.Stream) *lines { return &lines{report: r, stream: stream} }

// Write emits the complete lines in data and keeps the rest for later.
func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.muted {
		return len(data), nil
	}
	l.rest = append(l.rest, data...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		switch {
		case i > worker.MaxLine, i < 0 && len(l.rest) > worker.MaxLine:
			cut := runeStart(l.rest, worker.MaxLine)
			l.emit(l.rest[:cut])
			l.rest = l.rest[cut:]
		case i >= 0:
			l.emit(overwritten(l.rest[:i]))
			l.rest = l.rest[i+1:]
		default:
			l.rest = append([]byte(nil), l.rest...)
			return len(data), nil
		}
	}
}

func (l *lines) emit(line []byte) {
	l.last = string(line)
	l.report.log(l.stream, l.last)
}

// latest is the last complete line.
func (l *lines) latest() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// flush emits an incomplete last line.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.emit(overwritten(l.rest))
		l.rest = nil
	}
}

// mute drops everything that is written from now on.
func (l *lines) mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = true
}

// overwritten is what a terminal would show of a line: progress displays return to its start again and again.
func overwritten(line []byte) []byte {
	line = bytes.TrimRight(line, "\r")
	return line[bytes.LastIndexByte(line, '\r')+1:]
}

// runeStart is the last place at or before i where a character begins, so that a split harms none.
func runeStart(data []byte, i int) int {
	for j := i; j > i-4 && j > 0; j-- {
		if data[j]&0xC0 != 0x80 {
			return j
		}
	}
	return i
}
