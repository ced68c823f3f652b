package engine_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/engine"
)

// The tests run containers, and never as root: as root, the test binary starts itself again as testUser.
const (
	testUser  = "kiln-test"
	workEnv   = "KILN_TEST_WORK"  // where the re-started tests keep everything
	cacheEnv  = "KILN_TEST_CACHE" // where finished root file systems are kept between runs
	runtimeEn = "KILN_RUNC"
)

func TestMain(m *testing.M) {
	if engine.Reexec() {
		os.Exit(0)
	}
	if id := os.Getenv(helperEnv); id != "" {
		playDaemon(id)
		os.Exit(1)
	}
	if os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	code, err := runAsUser()
	if err != nil {
		fmt.Fprintln(os.Stderr, "run engine tests:", err)
		code = 1
	}
	os.Exit(code)
}

// runAsUser runs this test binary as testUser in a directory that is removed afterwards.
func runAsUser() (int, error) {
	account, err := ensureUser()
	if err != nil {
		return 0, err
	}
	uid, gid, err := ids(account)
	if err != nil {
		return 0, err
	}
	if err := os.Chmod("/dev/net/tun", 0o666); err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp("/tmp", "kiln-engine-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	cache := cmp.Or(os.Getenv(cacheEnv), "/var/tmp/kiln-engine-test-cache")
	runtime := cmp.Or(os.Getenv(runtimeEn), "../../bin/runc")
	err = errors.Join(
		copyProgram("/proc/self/exe", filepath.Join(work, "test")),
		os.Mkdir(filepath.Join(work, "bin"), 0o755),
		copyProgram(runtime, filepath.Join(work, "bin/runc")),
		os.MkdirAll(filepath.Join(work, "state"), 0o755),
		os.MkdirAll(cache, 0o755),
		os.Mkdir(filepath.Join(work, "small"), 0o755),
		unix.Mount("tmpfs", filepath.Join(work, "small"), "tmpfs", 0, "size=250m"),
	)
	defer func() { _ = unix.Unmount(filepath.Join(work, "small"), unix.MNT_DETACH) }()
	err = errors.Join(err, chown(uid, gid, work, filepath.Join(work, "state"), filepath.Join(work, "small"), cache))
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(filepath.Join(work, "test"), testArgs()...)
	cmd.Dir = work
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + work, "USER=" + testUser, workEnv + "=" + work, cacheEnv + "=" + cache,
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

// ensureUser makes the user and its range of subordinate ids when they are missing.
func ensureUser() (*user.User, error) {
	account, err := user.Lookup(testUser)
	if err != nil {
		if out, err := exec.Command("useradd", "--create-home", testUser).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("add user: %w: %s", err, out)
		}
		if account, err = user.Lookup(testUser); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile("/etc/subuid")
	if err == nil && strings.Contains("\n"+string(text), "\n"+testUser+":") {
		return account, nil
	}
	out, err := exec.Command("usermod", "--add-subuids", "100000-165535", "--add-subgids", "100000-165535", testUser).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("add subordinate ids: %w: %s", err, out)
	}
	return account, nil
}

func ids(account *user.User) (uid, gid int, err error) {
	uid, err1 := strconv.Atoi(account.Uid)
	gid, err2 := strconv.Atoi(account.Gid)
	return uid, gid, errors.Join(err1, err2)
}

func chown(uid, gid int, paths ...string) error {
	var errs []error
	for _, path := range paths {
		errs = append(errs, os.Chown(path, uid, gid))
	}
	return errors.Join(errs...)
}

// testArgs are this process's arguments without those that name files which only root may write.
func testArgs() []string {
	var args []string
	for _, arg := range os.Args[1:] {
		if !strings.HasPrefix(arg, "-test.testlogfile=") && !strings.HasPrefix(arg, "-test.gocoverdir=") &&
			!strings.HasPrefix(arg, "-test.coverprofile=") {
			args = append(args, arg)
		}
	}
	return args
}

func copyProgram(source, target string) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// workDir is where the tests keep their state; the harness removes it.
func workDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(workEnv)
	if dir == "" {
		t.Fatalf("%s is not set: run the tests as root, who starts them again as %s", workEnv, testUser)
	}
	return dir
}

func runtimePath(t *testing.T) string {
	t.Helper()
	return filepath.Join(workDir(t), "bin/runc")
}

// newEngine makes an engine with an image store of its own, or the shared one that has the base image.
func newEngine(t *testing.T, name string) *engine.Engine {
	t.Helper()
	e, err := engine.New(engine.Config{
		StateDir: filepath.Join(workDir(t), "state", name),
		Runtime:  runtimePath(t),
		Logger:   slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
