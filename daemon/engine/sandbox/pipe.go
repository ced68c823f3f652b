package sandbox

import (
	"fmt"
	"os"
	"sync"
)

// pipes are the three pipes between a starter and its sandbox.
type pipes struct {
	controlR, controlW *os.File
	eventsR, eventsW   *os.File
	readyR, readyW     *os.File
}

func newPipes() (*pipes, error) {
	var p pipes
	for _, pair := range []struct{ r, w **os.File }{
		{&p.controlR, &p.controlW}, {&p.eventsR, &p.eventsW}, {&p.readyR, &p.readyW},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			p.closeChild()
			p.closeParent()
			return nil, fmt.Errorf("make pipe: %w", err)
		}
		*pair.r, *pair.w = r, w
	}
	return &p, nil
}

func (p *pipes) closeChild()  { closeAll(p.controlR, p.eventsW, p.readyW) }
func (p *pipes) closeParent() { closeAll(p.controlW, p.eventsR, p.readyR) }

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// tailSize is how much of the last output of a sandbox is kept.
const tailSize = 8 << 10

// tail is a writer that keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

// Write keeps the end of data.
func (t *tail) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, data...)
	if over := len(t.data) - tailSize; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	return len(data), nil
}

// String returns what was kept, introduced by ": ", or nothing.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.data) == 0 {
		return ""
	}
	return ": " + string(t.data)
}
