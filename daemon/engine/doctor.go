package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// minFree is how many bytes should be free where images are kept, for a few builds.
const minFree = 10 << 30

// Check is one thing that a machine needs, or that is good to know about it.
type Check struct {
	Name   string
	OK     bool
	Detail string
	Fix    string // one line for a shell, or one sentence; empty when OK
}

// Doctor finds out whether this machine can run jobs. The last checks run a container, and are left out when an
// earlier one says that none can run. A check that failed has a fix.
func Doctor(ctx context.Context, config Config) []Check {
	checks := []Check{
		checkUser(), checkNamespaces(), checkSubIDs(),
		checkSetID("newuidmap", unix.S_ISUID, "uidmap"), checkSetID("newgidmap", unix.S_ISUID, "uidmap"),
		checkTun(), checkProgram("slirp4netns", "slirp4netns"), checkProgram("nft", "nftables"),
		checkNetavark(), checkProgram("mmdebstrap", "mmdebstrap"), checkKeyring(),
		checkRuntimeVersion(ctx, config.Runtime),
	}
	if config.RPM {
		checks = append(checks, checkProgram("dnf", "dnf"))
	}
	ready := true
	for _, check := range checks {
		ready = ready && check.OK
	}
	checks = append(checks, checkDisk(config.StateDir), checkCgroup())
	if ready {
		checks = append(checks, probe(ctx, config)...)
	}
	return checks
}

func good(name, detail string) Check { return Check{Name: name, OK: true, Detail: detail} }

func bad(name, detail, fix string) Check { return Check{Name: name, Detail: detail, Fix: fix} }

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Geteuid())
}

func checkUser() Check {
	if os.Geteuid() == 0 {
		return bad("user", "running as root", "sudo -u SOME_USER kilnd doctor")
	}
	return good("user", userName())
}

func checkNamespaces() Check {
	const name = "user namespaces"
	for file, fix := range map[string]string{
		"/proc/sys/user/max_user_namespaces":                     "sudo sysctl -w user.max_user_namespaces=15000",
		"/proc/sys/kernel/unprivileged_userns_clone":             "sudo sysctl -w kernel.unprivileged_userns_clone=1",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
	} {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		value := strings.TrimSpace(string(text))
		restricts := strings.Contains(file, "restrict")
		if err != nil || (value == "0") != restricts {
			return bad(name, filepath.Base(file)+" is "+value, fix)
		}
	}
	return good(name, "allowed")
}

func checkSubIDs() Check {
	r, err := sandbox.CurrentRange()
	if err != nil {
		return bad("subordinate ids", err.Error(), subIDFix())
	}
	return good("subordinate ids", fmt.Sprintf("%d uids from %d, %d gids from %d", r.NumUID, r.FirstUID, r.NumGID, r.FirstGID))
}

func subIDFix() string {
	return fmt.Sprintf("sudo usermod --add-subuids %s --add-subgids %s %s", freeRange("/etc/subuid"), freeRange("/etc/subgid"), userName())
}

// freeRange is a range above all that the file gives out.
func freeRange(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		text = nil // usermod makes a file that is missing
	}
	first := sandbox.FreeSubID(string(text))
	return fmt.Sprintf("%d-%d", first, first+sandbox.RangeSize-1)
}

// checkSetID looks for a program that needs the setuid bit or the file capability in its stead.
func checkSetID(program string, bit uint32, pkg string) Check {
	path, err := exec.LookPath(program)
	if err != nil {
		return bad(program, "not found", "sudo apt-get install -y "+pkg)
	}
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return bad(program, err.Error(), "sudo apt-get install --reinstall -y "+pkg)
	}
	if stat.Mode&bit != 0 && stat.Uid == 0 {
		return good(program, path+", setuid")
	}
	if n, err := unix.Getxattr(path, "security.capability", nil); err == nil && n > 0 {
		return good(program, path+", with a file capability")
	}
	return bad(program, path+" is not setuid root and has no file capability", "sudo chmod u+s "+path)
}

func checkTun() Check {
	const name, path = "/dev/net/tun", "/dev/net/tun"
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return bad(name, "missing", "sudo modprobe tun")
	case err != nil:
		return bad(name, err.Error(), "sudo chmod 0666 "+path)
	}
	if err := f.Close(); err != nil {
		return bad(name, err.Error(), "sudo chmod 0666 "+path)
	}
	return good(name, "can be opened")
}

func checkProgram(program, pkg string) Check {
	if sandbox.Missing(program) != "" {
		return bad(program, "not found", "sudo apt-get install -y "+pkg)
	}
	return good(program, "found")
}

// checkNetavark looks where Buildah does: it wants the program to be there even when it is never run.
func checkNetavark() Check {
	for _, dir := range []string{"/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman"} {
		path := filepath.Join(dir, "netavark")
		if unix.Access(path, unix.X_OK) == nil {
			return good("netavark", path)
		}
	}
	return checkProgram("netavark", "netavark")
}

func checkKeyring() Check {
	const path = "/usr/share/keyrings/debian-archive-keyring.gpg"
	if unix.Access(path, unix.R_OK) != nil {
		return bad("debian keyring", path+" is missing", "sudo apt-get install -y debian-archive-keyring")
	}
	return good("debian keyring", path)
}

func checkRuntimeVersion(ctx context.Context, path string) Check {
	version, err := checkRuntime(ctx, path)
	if p, ok := errors.AsType[problem.Problem](err); ok {
		return bad("runtime", fmt.Sprintf("%s: %s: %s", p.Code, cmp.Or(p.Value, path), p.Detail), p.Remedy)
	}
	return good("runtime", "runc "+version)
}

// checkDisk looks at the nearest directory that exists: the state directory may still have to be made.
func checkDisk(dir string) Check {
	for {
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err == nil {
			free := fs.Bavail * uint64(fs.Bsize)
			detail := fmt.Sprintf("%d MiB free at %s", free>>20, dir)
			if free < minFree {
				return bad("disk", detail, fmt.Sprintf("Free at least %d GiB, or use --data-dir on a larger disk.", minFree>>30))
			}
			return good("disk", detail)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return bad("disk", "cannot be measured", "Use an absolute path as data directory.")
		}
		dir = parent
	}
}

// checkCgroup only informs: no version of cgroups is used to limit anything.
func checkCgroup() Check {
	version := "version 1"
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		version = "version 2"
	}
	return good("cgroup", version+"; this version of kilnd limits processes and open files of a step, not its memory and CPU")
}

// probe runs a container and turns what the worker says about it into checks.
func probe(ctx context.Context, config Config) []Check {
	const fix = "Look at the detail, which is what the worker saw; the checks above name what it needs."
	e, err := New(config)
	if err != nil {
		return []Check{bad("worker", err.Error(), "Check the data directory and the runtime.")}
	}
	result, err := e.Execute(ctx, worker.Job{ID: "doctor", Kind: worker.KindProbe, Network: worker.Network{Egress: worker.EgressPublic}}, nil)
	if err != nil {
		return []Check{bad("worker", err.Error(), fix)}
	}
	checks := []Check{good("worker", "namespaces, network and image store work")}
	for _, fact := range result.Facts {
		check := Check{Name: fact.Name, OK: fact.OK, Detail: fact.Detail}
		if !check.OK {
			check.Fix = fix
		}
		checks = append(checks, check)
	}
	return checks
}
