package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runInit is PID 1 of the sandbox: it mounts, starts the job process, reaps orphans, and ends with the job. Its
// end is the end of every process in the namespace.
func runInit() (int, error) {
	closeOnExec(ControlFD, EventsFD)
	go exitWithStarter(ControlFD)
	var spec Spec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return 0, fmt.Errorf("decode sandbox: %w", err)
	}
	// Terminal and shutdown signals are the starter's to handle; it closes the control pipe.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := setUpMounts(spec); err != nil {
		return 0, err
	}
	if err := unix.Sethostname([]byte("kiln")); err != nil {
		return 0, fmt.Errorf("set host name: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return 0, fmt.Errorf("forbid core dumps: %w", err)
	}
	unix.Umask(0o022)
	pid, err := startJob(spec.Payload)
	if err != nil {
		return 0, err
	}
	return reap(pid)
}

func startJob(payload []byte) (int, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("make pipe: %w", err)
	}
	files := []*os.File{r, os.Stdout, os.Stderr, os.NewFile(ControlFD, "control"), os.NewFile(EventsFD, "events")}
	process, err := os.StartProcess("/proc/self/exe", []string{JobName}, &os.ProcAttr{
		Dir: Root, Env: os.Environ(), Files: files,
	})
	closeAll(r, files[4])
	if err != nil {
		return 0, fmt.Errorf("start job: %w", err)
	}
	go func() {
		// A job that ends before it has read everything is reported by its status.
		_, _ = w.Write(payload)
		_ = w.Close()
	}()
	return process.Pid, nil
}

// reap waits for every child, adopted ones too, until the job process ends.
func reap(job int) (int, error) {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for job: %w", err)
		case pid != job:
		case ws.Exited():
			return ws.ExitStatus(), nil
		case ws.Signaled():
			fmt.Fprintf(os.Stderr, "job was killed by %s\n", ws.Signal())
			return jobKilled, nil
		}
	}
}

// setUpMounts gives the sandbox its own /proc, /run and /dev/shm, the binds of spec, and name resolution.
func setUpMounts(spec Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := mount("proc", "/proc", "proc", ""); err != nil {
		return err
	}
	// Sources may lie below /run: hold on to them before it is covered.
	sources := make([]*os.File, 0, len(spec.Binds))
	defer func() { closeAll(sources...) }()
	for _, bind := range spec.Binds {
		fd, err := unix.Open(bind.Source, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", bind.Source, err)
		}
		sources = append(sources, os.NewFile(uintptr(fd), bind.Source))
	}
	if err := mount("tmpfs", "/run", "tmpfs", "mode=0755,size=1g"); err != nil {
		return err
	}
	if err := mount("tmpfs", "/dev/shm", "tmpfs", "mode=1777,size=64m"); err != nil {
		return err
	}
	for _, dir := range []string{"/run/lock", Root, TempDir, ConfigDir, HomeDir, Root + "/xdg"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for i, bind := range spec.Binds {
		if err := bindMount(sources[i], bind); err != nil {
			return err
		}
	}
	return nameResolution(spec.Network)
}

func mount(source, target, fstype, data string) error {
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV)
	if fstype == "proc" {
		flags |= unix.MS_NOEXEC
	}
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", fstype, target, err)
	}
	return nil
}

func bindMount(source *os.File, bind Bind) error {
	if !strings.HasPrefix(filepath.Clean(bind.Target), Root+"/") {
		return fmt.Errorf("bind %s: target %s is not below %s", bind.Source, bind.Target, Root)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(source.Fd()), &stat); err != nil {
		return fmt.Errorf("stat %s: %w", bind.Source, err)
	}
	if err := makeTarget(bind.Target, stat.Mode&unix.S_IFMT == unix.S_IFDIR); err != nil {
		return fmt.Errorf("bind %s: %w", bind.Source, err)
	}
	path := fmt.Sprintf("/proc/self/fd/%d", source.Fd())
	// With what is mounted below it: the kernel lets nobody in a user namespace look under a mount.
	if err := unix.Mount(path, bind.Target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", bind.Source, bind.Target, err)
	}
	if !bind.ReadOnly {
		return nil
	}
	// The flags that the source's mount has are locked in a user namespace: they must be given again.
	var fs unix.Statfs_t
	if err := unix.Statfs(bind.Target, &fs); err != nil {
		return fmt.Errorf("stat %s: %w", bind.Target, err)
	}
	locked := uintptr(fs.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_RELATIME | unix.MS_NODIRATIME)
	if err := unix.Mount("", bind.Target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|locked, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", bind.Target, err)
	}
	return nil
}

func makeTarget(target string, dir bool) error {
	if dir {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, nil, 0o644)
}

// nameResolution puts the sandbox's own /etc/hosts and /etc/resolv.conf over the host's.
func nameResolution(network Network) error {
	for path, text := range map[string]string{
		"/etc/hosts":       network.Hosts,
		"/etc/resolv.conf": "nameserver " + network.Resolver + "\noptions timeout:2 attempts:2\n",
	} {
		own := filepath.Join(ConfigDir, filepath.Base(path))
		if err := os.WriteFile(own, []byte(text), 0o644); err != nil {
			return err
		}
		target, err := resolveTarget(path)
		if err != nil {
			return fmt.Errorf("replace %s: %w", path, err)
		}
		if err := unix.Mount(own, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("replace %s: %w", path, err)
		}
	}
	return nil
}

// resolveTarget follows path when it is a symbolic link into /run, as systemd-resolved's is, and makes the file
// there: the tmpfs that now covers /run is empty.
func resolveTarget(path string) (string, error) {
	for range 8 {
		link, err := os.Readlink(path)
		if errors.Is(err, unix.EINVAL) {
			return path, nil
		}
		if errors.Is(err, os.ErrNotExist) {
			return path, makeTarget(path, false)
		}
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = filepath.Clean(link)
	}
	return "", fmt.Errorf("too many symbolic links at %s", path)
}
