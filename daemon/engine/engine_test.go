package engine_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kilnhq/kiln/daemon/engine"
	"github.com/kilnhq/kiln/daemon/worker"
)

// base is the image that most tests build on.
const base = "localhost/kiln/base:1"

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// shared makes the engine with the base image once, for all tests.
var shared = sync.OnceValues(func() (*engine.Engine, error) {
	work := os.Getenv(workEnv)
	e, err := engine.New(engine.Config{StateDir: work + "/state/shared", Runtime: work + "/bin/runc"})
	if err != nil {
		return nil, err
	}
	mirror, err := mirrorNetwork()
	if err != nil {
		return nil, err
	}
	_, err = e.Execute(context.Background(), bootstrapJob(mirror), nil)
	return e, err
})

func bootstrapJob(mirror worker.Network) worker.Job {
	return worker.Job{
		ID: "bootstrap", Kind: worker.KindBootstrap, Network: mirror,
		Bootstrap: &worker.Bootstrap{
			Tag: base, Suite: "bookworm", Mirrors: []string{"http://deb.debian.org/debian"}, Components: []string{"main"},
			Env: map[string]string{"LANG": "C.UTF-8"}, Labels: map[string]string{"org.kiln.test": "base"},
			Epoch: epoch, Cache: os.Getenv(cacheEnv),
		},
	}
}

// mirrorNetwork reaches the package mirror of this machine and nothing else.
func mirrorNetwork() (worker.Network, error) {
	const name = "deb.debian.org"
	addresses, err := net.LookupIP(name)
	if err != nil {
		return worker.Network{}, err
	}
	network := worker.Network{Egress: worker.EgressRestricted, Hosts: map[string]string{}}
	for _, ip := range addresses {
		if v4 := ip.To4(); v4 != nil {
			address, _ := netip.AddrFromSlice(v4)
			network.Allow = append(network.Allow, worker.Allow{Prefix: netip.PrefixFrom(address, 32), Port: 80})
			network.Hosts[name] = address.String()
		}
	}
	return network, nil
}

func withBase(t *testing.T) *engine.Engine {
	t.Helper()
	workDir(t)
	e, err := shared()
	if err != nil {
		t.Fatalf("make base image: %v", err)
	}
	return e
}

// recorder keeps a job's events.
type recorder struct {
	steps []string
	logs  []worker.Log
}

func (r *recorder) emit(event worker.Event) {
	switch {
	case event.Step != nil:
		r.steps = append(r.steps, event.Step.Name)
	case event.Log != nil:
		r.logs = append(r.logs, *event.Log)
	}
}

// text is everything that a stream said.
func (r *recorder) text(stream worker.Stream) string {
	var b strings.Builder
	for _, log := range r.logs {
		if log.Stream == stream {
			b.WriteString(log.Line + "\n")
		}
	}
	return b.String()
}

// execute runs a job and logs what it said when the test fails.
func execute(t *testing.T, e *engine.Engine, job worker.Job) (worker.Result, *recorder, error) {
	t.Helper()
	if job.ID == "" {
		job.ID = t.Name()
	}
	var r recorder
	started := time.Now()
	result, err := e.Execute(t.Context(), job, r.emit)
	t.Logf("%s job took %v", job.Kind, time.Since(started).Round(time.Millisecond))
	t.Cleanup(func() {
		if t.Failed() {
			for _, log := range r.logs {
				t.Logf("%s: %s", log.Stream, log.Line)
			}
		}
	})
	return result, &r, err
}

// shell is a run job that executes a script in the base image.
func shell(script string) worker.Job {
	return worker.Job{Kind: worker.KindRun, Run: &worker.Run{
		Image: base, Command: worker.Command{Name: "script", Argv: []string{"/bin/sh", "-c", script}},
	}}
}
