package job

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

var (
	errJobTimeout  = errors.New("the job took longer than its limit")
	errStepTimeout = errors.New("the step took longer than its limit")
	errDisk        = errors.New("the image store is almost full")
)

// lowWater is how many bytes must stay free on the image store's disk while a container runs; on disks of less
// than 16 times that, it is a sixteenth.
const lowWater = 256 << 20

// watch ends containers whose time is over: Buildah's run has no context. Once it has struck, it goes on killing
// until it is stopped, since a build may start one more container before it notices.
type watch struct {
	mu     sync.Mutex
	step   string
	timer  *time.Timer
	cause  error
	cancel context.CancelCauseFunc
	struck chan struct{}
	done   chan struct{}
	once   sync.Once
}

// newWatch returns a watch and the context for everything else, which ends when the watch strikes.
func newWatch(ctx context.Context) (*watch, context.Context) {
	w := &watch{struck: make(chan struct{}), done: make(chan struct{})}
	watched, cancel := context.WithCancelCause(ctx)
	w.cancel = cancel
	go w.run(ctx)
	return w, watched
}

// begin says that a step starts that may take at most limit.
func (w *watch) begin(step string, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step = step
	if w.timer != nil {
		w.timer.Stop()
	}
	w.timer = time.AfterFunc(limit, func() { w.strike(errStepTimeout) })
}

// end says that the last step is over.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// err is why the watch struck, and at which step, or nil.
func (w *watch) err() (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.step, w.cause
}

func (w *watch) stop() {
	w.end()
	w.once.Do(func() {
		close(w.done)
		w.cancel(nil)
	})
}

func (w *watch) strike(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause == nil {
		w.cause = cause
		close(w.struck)
		w.cancel(cause)
	}
}

func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for struck := w.struck; ; {
		select {
		case <-w.done:
			return
		case <-ctx.Done():
			w.strike(context.Cause(ctx))
			ctx = context.WithoutCancel(ctx)
		case <-struck:
			killContainers()
			tick.Reset(100 * time.Millisecond)
			struck = nil
		case <-tick.C:
			if struck == nil {
				killContainers()
			} else if diskLow() {
				w.strike(errDisk)
			}
		}
	}
}

// diskLow tells whether the image store's disk is so full that going on would fill it.
func diskLow() bool {
	var fs unix.Statfs_t
	if unix.Statfs(GraphRoot, &fs) != nil {
		return false
	}
	size := uint64(fs.Bsize)
	return fs.Bavail*size < min(lowWater, fs.Blocks*size/16)
}

// killContainers kills every process of the sandbox that is in a PID namespace of its own: the containers.
func killContainers() {
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		ns, err := os.Readlink("/proc/" + entry.Name() + "/ns/pid")
		if err == nil && ns != own {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
