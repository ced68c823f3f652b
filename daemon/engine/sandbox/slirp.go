package sandbox

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// slirp is a running slirp4netns, the way out of one network namespace.
type slirp struct {
	cmd  *exec.Cmd
	exit *os.File // while it is open, here and nowhere else, slirp4netns lives
	out  tail
}

// startSlirp connects the network namespace of pid and returns when packets flow.
func startSlirp(ctx context.Context, pid int, spec Spec) (*slirp, error) {
	path, err := lookPath("slirp4netns")
	if err != nil {
		return nil, err
	}
	readyR, readyW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer func() { _ = readyR.Close() }()
	exitR, exitW, err := os.Pipe()
	if err != nil {
		_ = readyW.Close()
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	s := &slirp{exit: exitW}
	s.cmd = exec.Command(path, slirpArgs(pid, spec.Network)...)
	s.cmd.Env = environment(spec.Name)
	s.cmd.ExtraFiles = []*os.File{readyW, exitR}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	s.cmd.WaitDelay = time.Second
	err = s.cmd.Start()
	closeAll(readyW, exitR)
	if err != nil {
		_ = exitW.Close()
		return nil, fmt.Errorf("start slirp4netns: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.cmd.Process.Kill() })
	defer stop()
	if n, err := readyR.Read(make([]byte, 1)); n != 1 {
		s.stop()
		return nil, fmt.Errorf("wait for slirp4netns: %w%s", cmp.Or(context.Cause(ctx), err), s.out.String())
	}
	return s, nil
}

func slirpArgs(pid int, network Network) []string {
	args := []string{"--configure", "--mtu=65520", "--enable-sandbox", "--enable-seccomp", "--ready-fd=3", "--exit-fd=4"}
	if !network.HostLoopback {
		args = append(args, "--disable-host-loopback")
	}
	if network.IPv6 {
		args = append(args, "--enable-ipv6")
	}
	return append(args, strconv.Itoa(pid), "tap0")
}

// stop ends slirp4netns and waits until it is gone.
func (s *slirp) stop() {
	_ = s.exit.Close()
	timer := time.AfterFunc(5*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	// How it ended does not matter: the sandbox is gone.
	_ = s.cmd.Wait()
}
