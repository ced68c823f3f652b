package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// The exit statuses of a sandbox that are not its job's.
const (
	SetupFailed = 125 // it could not be set up; Process.Output says why
	starterGone = 124
	jobKilled   = 123
)

// Reexec plays a part of a sandbox when this process was started as one, and ends the process then. The job part
// is played by job, which reads the payload from standard input and returns the exit status.
func Reexec(job func() int) {
	switch os.Args[0] {
	case StageName:
		exit(runStage())
	case InitName:
		exit(runInit())
	case JobName:
		closeOnExec(ControlFD, EventsFD)
		os.Exit(job())
	}
}

func exit(status int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = SetupFailed
	}
	os.Exit(status)
}

func closeOnExec(fds ...int) {
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
}

// runStage is the outermost process: in every new namespace but the PID one, which only a child can be in.
func runStage() (int, error) {
	// Everything here happens on one thread: the parent-death signal of the child and no_new_privs belong to it.
	runtime.LockOSThread()
	closeOnExec(ControlFD, EventsFD, readyFD)
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 0, fmt.Errorf("read sandbox: %w", err)
	}
	var spec Spec
	if err := json.Unmarshal(input, &spec); err != nil {
		return 0, fmt.Errorf("decode sandbox: %w", err)
	}
	// Only now: newuidmap, which ran before, is setuid.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("set no_new_privs: %w", err)
	}
	if err := setUpNetwork(spec.Network); err != nil {
		return 0, err
	}
	control := os.NewFile(ControlFD, "control")
	if err := awaitGo(control, os.NewFile(readyFD, "ready")); err != nil {
		return 0, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{InitName}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), os.Stdout, os.Stderr
	events := os.NewFile(EventsFD, "events")
	cmd.ExtraFiles = []*os.File{control, events}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start init: %w", err)
	}
	closeAll(events)
	go exitWithStarter(int(control.Fd()))
	return status(cmd.Wait())
}

// awaitGo tells the starter that the namespace is there and waits until it has connected the network.
func awaitGo(control, ready *os.File) error {
	if _, err := ready.Write([]byte{'r'}); err != nil {
		return fmt.Errorf("report namespaces: %w", err)
	}
	closeAll(ready)
	answer := make([]byte, 1)
	if _, err := control.Read(answer); err != nil || answer[0] != goByte {
		return errors.New("starter is gone")
	}
	return nil
}

// exitWithStarter ends this process when the writing end of the control pipe is closed, without reading from it.
func exitWithStarter(control int) {
	for {
		fds := []unix.PollFd{{Fd: int32(control)}}
		n, err := unix.Poll(fds, -1)
		if n > 0 || (err != nil && !errors.Is(err, unix.EINTR)) {
			os.Exit(starterGone)
		}
	}
}

// status turns the end of a child into an exit status of ours.
func status(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if exit.Exited() {
		return exit.ExitCode(), nil
	}
	return jobKilled, nil
}

// setUpNetwork brings loopback up and loads the rules, before anything that they are meant for exists.
func setUpNetwork(network Network) error {
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	if network.Ruleset == "" {
		return nil
	}
	path, err := lookPath("nft")
	if err != nil {
		return err
	}
	cmd := exec.Command(path, "-f", "-")
	cmd.Stdin = bytes.NewBufferString(network.Ruleset)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("load egress rules: %w: %s", err, out)
	}
	return nil
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}
