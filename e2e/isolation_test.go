//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestRootless looks at the daemon, its workers and their files from the outside.
func TestRootless(t *testing.T) {
	t.Parallel()
	d, g := daemon(t), newGate(t)
	const name = "rootless"
	first := subordinate(t)
	for _, id := range uids(t, d.cmd.Process.Pid) {
		if id != os.Getuid() || id == 0 {
			t.Errorf("the daemon runs as %d", id)
		}
	}
	config := surroundings(name, g.host()) + shellImage(name, script("touch /made-by-root\n"+g.script()), "") + persistentBuild
	w := d.workspace(t, mainTool(), config)
	apply := w.startApply(t)
	for range 2 { // the test, and the baking
		step := g.wait(t)
		list := workers(runningJob(t, d, name).ID)
		for _, id := range uids(t, named(t, list, "bash").pid) {
			if id != first {
				t.Errorf("root in the container is %d, want %d, the first subordinate id", id, first)
			}
		}
		step.pass(t)
	}
	apply.succeeds(t)
	// Only a namespace with the same ids may look into the layers; the first subordinate id is 1 in it. Other tests make
	// and remove layers meanwhile.
	find := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--map-auto", "find",
		filepath.Join(d.dir, "data/storage/overlay"), "-ignore_readdir_race", "-path", "*/diff/made-by-root", "-printf", "%U\n")
	if owners, err := find.Output(); string(owners) != "1\n" {
		t.Errorf("owners of the file are %q, %v; want 1, the first subordinate id", owners, err)
	}
	w.destroy(t)
}

// subordinate is the first subordinate id of the user.
func subordinate(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/etc/subuid")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if fields[0] == os.Getenv("USER") || fields[0] == strconv.Itoa(os.Getuid()) {
			first, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return first
		}
	}
	t.Fatalf("no subordinate ids in:\n%s", text)
	return 0
}

// uids are the real, effective, saved and file system user of a process.
func uids(t *testing.T, pid int) []int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Uid:"); ok {
			var list []int
			for field := range strings.FieldsSeq(rest) {
				id, err := strconv.Atoi(field)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, id)
			}
			return list
		}
	}
	t.Fatalf("no user in:\n%s", text)
	return nil
}

// TestIsolation lets a step, as root, try what it must not be able to do. The one thing that its network allows is there
// to show that it is not the test that is broken.
func TestIsolation(t *testing.T) {
	t.Parallel()
	d, g := daemon(t), newGate(t)
	const name = "isolation"
	w := d.workspace(t, mainTool(), surroundings(name, g.host()))
	w.apply(t)
	_, port, err := net.SplitHostPort(listen(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	victim := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	probes := map[string]string{
		"AllowedPort":     "exec 3<>/dev/tcp/host.kiln.internal/" + g.port(),
		"HostLoopback":    "exec 3<>/dev/tcp/127.0.0.1/" + port,
		"HostOtherPort":   "exec 3<>/dev/tcp/host.kiln.internal/" + port,
		"Registry":        "exec 3<>/dev/tcp/host.kiln.internal/" + strconv.Itoa(d.port),
		"Gateway":         "exec 3<>/dev/tcp/10.0.2.2/" + port,
		"DaemonSocket":    "ls -d " + d.socket,
		"DaemonDirectory": "ls -d " + d.dir + "/* /run/kiln/*",
		"AnySocket":       "find / -xdev -type s | grep .",
		"SignalToProcess": fmt.Sprintf("kill -9 %d", victim.Process.Pid),
		"SignalToDaemon":  fmt.Sprintf("kill -9 %d", d.cmd.Process.Pid),
		"SeeProcesses":    "grep -lE 'kiln|sleep|slirp' /proc/[0-9]*/comm",
		"Mount":           "mount -t tmpfs none /mnt",
		"UserNamespace":   "unshare --user true",
	}
	var script strings.Builder
	for probe, text := range probes {
		fmt.Fprintf(&script, "if bash -c %q >&2; then echo %s; fi\n", text, probe)
	}
	said, err := d.kiln(t, "run", "dataworks_shell_task_pod", "--resource-group", name, "--", "bash", "-c", script.String())
	if err != nil || said != "AllowedPort\n" {
		t.Errorf("a step could do, %v:\n%swant:\nAllowedPort", err, said)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Errorf("the process of the test did not survive: %v", err)
	}
	_ = victim.Wait()
	w.destroy(t)
}

// listen accepts connections on the loopback of the machine and does nothing with them.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return l
}
