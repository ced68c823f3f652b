//go:build e2e

// Package e2e runs kilnd, the provider and the client as they are shipped, with real builds and real Terraform, and
// asserts what their users rely on. It knows the programs and the client library, and nothing of what is inside the
// daemon. Started by root, everything runs as an unprivileged user.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const (
	testUser = "kiln-test" // script/testuser makes it

	// A process that has dirEnv set runs the tests; the one that started it prepared that directory, and removes it.
	dirEnv = "KILN_E2E_DIR"
	// It is set where the machine's policy for images cannot be read.
	distrustEnv = "KILN_E2E_DISTRUST"
	// What plays Terraform: a path. The first runs all tests, the second, when there is one, the core of them.
	toolEnv, otherToolEnv = "KILN_E2E_TERRAFORM", "KILN_E2E_OTHER_TERRAFORM"
)

func TestMain(m *testing.M) {
	run := prepareAndRun
	if os.Getenv(dirEnv) != "" {
		run = func() (int, error) { return runTests(m) }
	}
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// runTests runs the tests, stops what they share, and checks what all of them together must not have done.
func runTests(m *testing.M) (int, error) {
	before, err := ownStorage()
	if err != nil {
		return 0, err
	}
	code := m.Run()
	err = stopShared()
	after, failure := ownStorage()
	if before != after {
		failure = errors.Join(failure, fmt.Errorf("the user's own container storage was touched:\n%s\nbefore:\n%s", after, before))
	}
	return code, errors.Join(err, failure)
}

// host is what the preparing process knows of the machine.
type host struct {
	account *user.User
	as      *syscall.SysProcAttr // how a process becomes the user
	repo    string
	dir     string // of this run
	held    *os.File
}

// prepareAndRun gives the user a directory with all that the tests need, runs this program there as the user, ends
// whatever that leaves running, and removes the directory.
func prepareAndRun() (int, error) {
	h, err := newHost()
	if err != nil {
		return 0, err
	}
	defer h.remove(h.dir)
	env, err := h.install()
	if err != nil {
		return 0, err
	}
	args := []string{"-test.parallel=4"} // unless something else is asked for: the tests mostly wait
	for _, arg := range os.Args[1:] {
		if !strings.HasPrefix(arg, "-test.testlogfile=") && !strings.HasPrefix(arg, "-test.gocoverdir=") {
			args = append(args, arg)
		}
	}
	cmd := exec.Command(filepath.Join(h.dir, "bin", "e2e.test"), args...)
	attr := *h.as
	if attr.Credential != nil {
		if cmd, err = h.distrusting(cmd.Args); err != nil {
			return 0, err
		}
		attr.Credential, attr.Unshareflags = nil, syscall.CLONE_NEWNS
		env = append(env, distrustEnv+"=1")
	}
	cmd.Dir, cmd.Env = h.dir, env
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	attr.Setpgid = true
	cmd.SysProcAttr = &attr
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() {
		for range signals {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) // it is a group of its own, which no terminal reaches
		}
	}()
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		return 0, err
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code, nil
	}
	return 1, nil
}

// distrusting is a command line as the user, on a machine whose policy for images cannot even be read: that is none of Kiln's
// business. Only root can give the run such a view of /etc.
func (h *host) distrusting(args []string) (*exec.Cmd, error) {
	policy := filepath.Join(h.dir, "policy.json")
	line := append([]string{"-ec", `[ ! -e /etc/containers/policy.json ] || mount --bind "$0" /etc/containers/policy.json
exec setpriv --reuid "$1" --regid "$2" --init-groups "${@:3}"`, policy, h.account.Uid, h.account.Gid}, args...)
	return exec.Command("bash", line...), os.WriteFile(policy, []byte("no policy"), 0o644)
}

func newHost() (*host, error) {
	h := &host{as: &syscall.SysProcAttr{}}
	repo, err := filepath.Abs("..")
	if err != nil {
		return nil, err
	}
	h.repo = repo
	if h.account, err = user.Current(); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if h.account, err = user.Lookup(testUser); err != nil {
			return nil, fmt.Errorf("%w: run script/testuser", err)
		}
	}
	uid, err1 := strconv.ParseUint(h.account.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(h.account.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		h.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	// Not os.TempDir: it may be memory, and the paths of sockets are short. The cache in it outlives the run.
	base := "/var/tmp/kiln-e2e-" + strconv.Itoa(os.Geteuid())
	if err := os.Mkdir(base, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	info, err := os.Lstat(base)
	if err != nil {
		return nil, err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || stat.Uid != uint32(os.Geteuid()) {
		return nil, fmt.Errorf("%s is somebody else's; remove it", base)
	}
	cache := filepath.Join(base, "cache")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	if err := h.makeDir(base); err != nil {
		return nil, err
	}
	return h, errors.Join(os.Chmod(h.dir, 0o755), os.Chown(cache, int(uid), int(gid)), os.Chown(h.dir, int(uid), int(gid)))
}

// makeDir makes the directory of this run, and removes those of runs that were killed. A run holds the lock of its own;
// whoever looks for others holds the lock of the base.
func (h *host) makeDir(base string) error {
	all, err := lock(base, true)
	if err != nil {
		return err
	}
	defer func() { _ = all.Close() }()
	entries, err := os.ReadDir(base)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == "cache" {
			continue
		}
		if one, err := lock(filepath.Join(base, entry.Name()), false); err == nil {
			h.remove(filepath.Join(base, entry.Name()))
			_ = one.Close()
		}
	}
	if h.dir, err = os.MkdirTemp(base, ""); err != nil {
		return err
	}
	h.held, err = lock(h.dir, true)
	return err
}

// lock locks a directory for as long as the file is open.
func lock(path string, wait bool) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// install copies the programs, which the user may not be able to read where they are, and gives the user's environment.
func (h *host) install() ([]string, error) {
	bin := filepath.Join(h.dir, "bin")
	programs := map[string]string{filepath.Join(bin, "e2e.test"): "/proc/self/exe"}
	for _, name := range []string{"kilnd", "kiln", "runc"} {
		programs[filepath.Join(bin, name)] = filepath.Join(h.repo, "bin", name)
	}
	// Terraform and OpenTofu each look for the provider under the name of their own registry.
	version := "kilnhq/kiln/0.0.1/" + runtime.GOOS + "_" + runtime.GOARCH + "/terraform-provider-kiln_v0.0.1"
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		programs[filepath.Join(h.dir, "mirror", registry, version)] = filepath.Join(h.repo, "bin/terraform-provider-kiln")
	}
	for to, from := range programs {
		if err := copyProgram(from, to); err != nil {
			return nil, fmt.Errorf("%w: run make build", err)
		}
	}
	tool, other, err := h.tools()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		os.CopyFS(filepath.Join(h.dir, "examples"), os.DirFS(filepath.Join(h.repo, "examples"))),
		os.CopyFS(filepath.Join(h.dir, "guides"), os.DirFS(filepath.Join(h.repo, "templates", "guides"))),
		os.WriteFile(filepath.Join(h.dir, "terraform.rc"),
			[]byte("provider_installation {\n  filesystem_mirror { path = \""+filepath.Join(h.dir, "mirror")+"\" }\n}\n"), 0o644),
		os.Mkdir(filepath.Join(h.dir, "tmp"), 0o755),
	)
	if err != nil {
		return nil, err
	}
	if h.as.Credential != nil {
		err = os.Chown(filepath.Join(h.dir, "tmp"), int(h.as.Credential.Uid), int(h.as.Credential.Gid))
	}
	return []string{
		dirEnv + "=" + h.dir, toolEnv + "=" + tool, otherToolEnv + "=" + other, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8",
		"HOME=" + h.account.HomeDir, "USER=" + h.account.Username, "TMPDIR=" + filepath.Join(h.dir, "tmp"),
	}, err
}

func copyProgram(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, content, 0o755))
}

// tools finds Terraform, which the caller may have chosen, and OpenTofu when that is there too.
func (h *host) tools() (tool, other string, err error) {
	look := func(names ...string) string {
		for _, name := range names {
			if strings.Contains(name, "/") && !filepath.IsAbs(name) {
				name = filepath.Join(h.repo, name)
			}
			if path, err := exec.LookPath(name); name != "" && err == nil {
				return path
			}
		}
		return ""
	}
	tofu := look("bin/tofu", "tofu")
	tool = look(os.Getenv(toolEnv), os.Getenv("TF_ACC_TERRAFORM_PATH"), "terraform", tofu)
	if tool == "" {
		return "", "", errors.New("neither terraform nor tofu is there: make bin/tofu")
	}
	if other = tofu; strings.Contains(filepath.Base(tool), "tofu") {
		other = ""
	}
	for _, path := range []*string{&tool, &other} {
		reach := exec.Command("test", "-x", *path)
		reach.Dir, reach.SysProcAttr = "/", h.as
		if *path == "" || reach.Run() == nil {
			continue
		}
		copied := filepath.Join(h.dir, "bin", filepath.Base(*path))
		if err := copyProgram(*path, copied); err != nil {
			return "", "", err
		}
		*path = copied
	}
	return tool, other, nil
}

// remove deletes a directory in which files belong to the ids of containers.
func (h *host) remove(dir string) {
	err := os.RemoveAll(dir)
	if err != nil && os.Geteuid() != 0 {
		err = exec.CommandContext(context.Background(), "unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", dir).Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: directory stays:", err)
	}
}
