// Package sandbox starts a process of this very program in namespaces of its own (user, mount, network, IPC,
// UTS and PID), with a mapped range of ids, a private /run and an egress policy, and makes sure that nothing of
// it outlives its starter. It must not know what runs inside: images, containers and jobs are none of its business.
package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.podman.io/storage/pkg/unshare"
)

// Root is the directory inside a sandbox, on its private tmpfs, below which everything of Kiln is found.
const Root = "/run/kiln"

// The paths inside a sandbox that every sandbox has. TempDir is writable only when a Bind says so.
const (
	TempDir   = Root + "/tmp"
	ConfigDir = Root + "/etc"
	HomeDir   = Root + "/home"
)

// The names (argv[0]) under which this program is started again for the three processes of a sandbox.
const (
	StageName = "kiln-sandbox" // sets the network up and guards the PID namespace
	InitName  = "kiln-init"    // PID 1: mounts, reaps
	JobName   = "kiln-job"     // what the caller wants to run
)

// The descriptors that the job process inherits besides standard input, output and error.
const (
	ControlFD = 3 // a byte CancelByte asks to stop; end of file means that the starter is gone
	EventsFD  = 4 // what is written here arrives at Process.Events
	readyFD   = 5
)

// CancelByte on the control pipe asks the job to clean up and end.
const CancelByte = 'c'

const goByte = 'g'

// startTimeout is how long namespaces, rules and the tap device may take to be set up.
const startTimeout = 60 * time.Second

// Bind makes Source of the host visible at Target inside the sandbox. Target lies below Root.
type Bind struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"read_only,omitempty"`
}

// Spec is what a sandbox needs to know.
type Spec struct {
	Name    string          `json:"name"` // of the job: in the environment of the processes, never secret
	Payload json.RawMessage `json:"payload"`
	Network Network         `json:"network"`
	Binds   []Bind          `json:"binds"`
}

// Config says which programs to use. The zero value works.
type Config struct {
	Executable string       // this program; default /proc/self/exe
	Logger     *slog.Logger // default: discards
}

// Process is a running sandbox.
type Process struct {
	cmd     *unshare.Cmd
	control *os.File
	events  *os.File
	output  tail
	slirp   *slirp
	once    sync.Once
	waitErr error
}

// Start makes the namespaces, loads the egress rules, connects the network and lets the job process begin.
// When ctx ends before that, everything is torn down and the error is ctx's cause; later, ctx has no effect.
func Start(ctx context.Context, config Config, spec Spec) (*Process, error) {
	ids, err := CurrentRange()
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode sandbox: %w", err)
	}
	pipes, err := newPipes()
	if err != nil {
		return nil, err
	}
	p := &Process{control: pipes.controlW, events: pipes.eventsR}
	p.cmd = command(config, spec, ids)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = bytes.NewReader(input), &p.output, &p.output
	p.cmd.ExtraFiles = []*os.File{pipes.controlR, pipes.eventsW, pipes.readyW}
	err = p.cmd.Start()
	pipes.closeChild()
	if err != nil {
		pipes.closeParent()
		return nil, fmt.Errorf("start sandbox: %w%s", err, p.Output())
	}
	if err := p.connect(ctx, spec, pipes.readyR); err != nil {
		p.Kill()
		_ = p.Wait()
		_ = p.events.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("set up sandbox: %w%s", err, p.Output())
	}
	return p, nil
}

// Events is the stream that the job process writes; it ends when the last process of the sandbox is gone.
func (p *Process) Events() io.ReadCloser { return p.events }

// PID is the process id of the outermost process of the sandbox, in the caller's PID namespace.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Cancel asks the job process to clean up and end.
func (p *Process) Cancel() {
	// A sandbox that is already gone has nothing left to cancel.
	_, _ = p.control.Write([]byte{CancelByte})
}

// Kill ends every process of the sandbox at once. It may be called at any time and more than once.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.control.Close()
}

// Wait returns when the sandbox is gone: nil when its job process ended with status 0.
func (p *Process) Wait() error {
	p.once.Do(func() {
		p.waitErr = p.cmd.Wait()
		_ = p.control.Close()
		if p.slirp != nil {
			p.slirp.stop()
		}
	})
	return p.waitErr
}

// Output is the end of what the processes of the sandbox wrote to standard output and error, for diagnosis:
// empty, or text that begins with ": ".
func (p *Process) Output() string { return p.output.String() }

// connect waits for the network namespace, gives it its way out and lets the sandbox go on.
func (p *Process) connect(ctx context.Context, spec Spec, ready *os.File) error {
	defer func() { _ = ready.Close() }()
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errors.New("sandbox did not start in time"))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer stop()
	if n, err := ready.Read(make([]byte, 1)); n != 1 {
		return fmt.Errorf("wait for namespaces: %w", cmp.Or(context.Cause(ctx), err))
	}
	if spec.Network.Tap {
		s, err := startSlirp(ctx, p.cmd.Process.Pid, spec)
		if err != nil {
			return err
		}
		p.slirp = s
	}
	if _, err := p.control.Write([]byte{goByte}); err != nil {
		return fmt.Errorf("let sandbox go on: %w", err)
	}
	return nil
}

func command(config Config, spec Spec, ids Range) *unshare.Cmd {
	cmd := unshare.Command(StageName)
	if config.Executable != "" {
		cmd.Path = config.Executable
	}
	cmd.Env = environment(spec.Name)
	cmd.UnshareFlags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET |
		syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
	cmd.UseNewuidmap, cmd.UseNewgidmap, cmd.GidMappingsEnableSetgroups = true, true, true
	cmd.UidMappings, cmd.GidMappings = ids.UIDMap(), ids.GIDMap()
	cmd.Hook = func(pid int) error { return ids.verify(pid) }
	// A session of its own: Ctrl-C at the daemon's terminal is not for the steps.
	cmd.Setsid = true
	cmd.OOMScoreAdj = oomScore()
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// oomScore makes the kernel prefer a worker over the daemon when memory ends.
func oomScore() *int {
	score := 500
	return &score
}

// environment is an allow-list: nothing of the daemon's own environment gets in but where programs are.
func environment(name string) []string {
	path := cmp.Or(os.Getenv("PATH"), "/usr/local/bin:/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
	return []string{
		"PATH=" + path,
		"LANG=C.UTF-8",
		"HOME=" + HomeDir,
		"TMPDIR=" + TempDir,
		"XDG_RUNTIME_DIR=" + Root + "/xdg",
		"KILN_JOB=" + strings.ReplaceAll(name, "\x00", ""),
		"_CONTAINERS_USERNS_CONFIGURED=done",
		"_CONTAINERS_ROOTLESS_UID=" + fmt.Sprint(os.Geteuid()),
		"_CONTAINERS_ROOTLESS_GID=" + fmt.Sprint(os.Getegid()),
		"CONTAINERS_CONF=" + ConfigDir + "/containers.conf",
		"CONTAINERS_STORAGE_CONF=" + ConfigDir + "/storage.conf",
		"CONTAINERS_REGISTRIES_CONF=" + ConfigDir + "/registries.conf",
		"REGISTRY_AUTH_FILE=" + ConfigDir + "/auth.json",
	}
}

// Missing names the program that is needed and not found on the PATH, or is empty.
func Missing(programs ...string) string {
	for _, program := range programs {
		if _, err := lookPath(program); err != nil {
			return program
		}
	}
	return ""
}

// lookPath also looks where an ordinary user's PATH does not.
func lookPath(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(dir + "/" + program); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s: %w", program, err)
}
