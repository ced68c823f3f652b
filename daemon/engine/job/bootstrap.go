package job

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/copy"
	imagestorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/tarball"
	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
)

// recipeVersion changes when bootstrap makes another tar from the same inputs.
const recipeVersion = "1"

// lastHook removes what differs between two runs and is of no use in an image; mmdebstrap itself removes apt's
// lists and caches.
const lastHook = `rm -rf "$1"/var/log/apt "$1"/var/log/*.log "$1"/var/cache/apt/*.bin "$1"/var/cache/ldconfig/aux-cache ` +
	`"$1"/var/lib/dpkg/*-old "$1"/var/cache/debconf/*-old; find "$1"/usr "$1"/home -name __pycache__ -prune -exec rm -rf {} +; ` +
	`echo localhost > "$1"/etc/hostname; : > "$1"/etc/resolv.conf`

func bootstrapStep(spec *worker.Bootstrap) string {
	if spec.Repository != "" {
		return "bootstrap with rpm"
	}
	return "bootstrap " + spec.Suite
}

// bootstrap makes a base image with mmdebstrap or dnf, or from a root that an earlier one left in the cache.
func (r *runner) bootstrap(ctx context.Context, spec *worker.Bootstrap) (worker.Result, error) {
	r.report.step(1, 2, bootstrapStep(spec))
	tar, err := r.rootTar(ctx, spec)
	if err != nil {
		return worker.Result{}, err
	}
	r.report.step(2, 2, "import "+spec.Tag)
	id, err := r.importTar(ctx, spec, tar)
	if err != nil {
		return worker.Result{}, err
	}
	result, err := r.inspect(ctx, id)
	if err != nil {
		return worker.Result{}, err
	}
	if err := r.keep(id, spec.Tag); err != nil {
		return worker.Result{}, err
	}
	result.ImageID = id
	return result, nil
}

// rootTar returns the path of the root file system as a tar.
func (r *runner) rootTar(ctx context.Context, spec *worker.Bootstrap) (string, error) {
	if spec.Cache == "" {
		path := filepath.Join(sandbox.TempDir, "root.tar")
		return path, r.makeRoot(ctx, spec, path)
	}
	path := filepath.Join(CacheDir, "root-"+cacheKey(spec)+".tar")
	if _, err := os.Stat(path); err == nil {
		r.report.remark("root file system from the cache: %s", filepath.Base(path))
		return path, nil
	}
	if err := dropStale(CacheDir); err != nil {
		return "", fmt.Errorf("clean cache: %w", err)
	}
	temp := filepath.Join(CacheDir, tempTar+r.token+".tar")
	defer func() { _ = os.Remove(temp) }()
	if err := r.makeRoot(ctx, spec, temp); err != nil {
		return "", err
	}
	if err := errors.Join(syncFile(temp), os.Rename(temp, path), syncFile(CacheDir)); err != nil {
		return "", fmt.Errorf("keep root file system in the cache: %w", err)
	}
	return path, nil
}

// tempTar begins the names of roots that are not finished.
const tempTar = ".new-"

// dropStale removes unfinished roots of workers that were killed long ago; younger ones may be another's.
func dropStale(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasPrefix(entry.Name(), tempTar) && time.Since(info.ModTime()) > 6*time.Hour {
			errs = append(errs, os.Remove(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// cacheKey is a hash of all that the root depends on; name, environment and labels belong to the image alone.
func cacheKey(spec *worker.Bootstrap) string {
	input := []any{recipeVersion, spec.Suite, spec.Mirrors, spec.Components, spec.Include, spec.Customize, spec.Epoch.Unix(), lastHook}
	if len(spec.Setup) > 0 {
		input = append(input, spec.Setup)
	}
	if spec.Repository != "" {
		input = append(input, spec.Repository, rpmHook)
	}
	text, err := json.Marshal(input)
	if err != nil {
		// Strings and numbers always encode.
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func mmdebstrapArgs(spec *worker.Bootstrap, path string) []string {
	args := []string{"--mode=root", "--variant=minbase", "--format=tar"}
	if len(spec.Components) > 0 {
		args = append(args, "--components="+strings.Join(spec.Components, ","))
	}
	if len(spec.Include) > 0 {
		args = append(args, "--include="+strings.Join(spec.Include, ","))
	}
	for _, hook := range spec.Setup {
		args = append(args, "--setup-hook="+hook)
	}
	for _, hook := range append(slices.Clone(spec.Customize), lastHook) {
		args = append(args, "--customize-hook="+hook)
	}
	return append(append(args, spec.Suite, path), spec.Mirrors...)
}

// makeRoot writes a root file system to path.
func (r *runner) makeRoot(ctx context.Context, spec *worker.Bootstrap, path string) error {
	if spec.Repository != "" {
		return r.rpmRoot(ctx, spec, path)
	}
	return r.tool(ctx, spec, tool{name: "mmdebstrap", args: mmdebstrapArgs(spec, path), home: sandbox.HomeDir})
}

// tool is a program that helps to make a root file system.
type tool struct {
	name string
	args []string
	home string
}

// tool runs a program whose output is the log, and whose failure is the bootstrap's.
func (r *runner) tool(ctx context.Context, spec *worker.Bootstrap, t tool) error {
	cmd := exec.CommandContext(ctx, t.name, t.args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", spec.Epoch.Unix()), "DEBIAN_FRONTEND=noninteractive", "HOME="+t.home)
	cmd.Dir = sandbox.TempDir
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	var last string
	done := make(chan struct{})
	go func() {
		defer close(done)
		last = r.progress(reader)
	}()
	err := cmd.Run()
	_ = writer.Close()
	<-done
	if err != nil && ctx.Err() == nil {
		return &worker.Failure{Kind: worker.FailureBootstrap, Step: bootstrapStep(spec), Message: fmt.Sprintf("%s: %v: %s", t.name, err, last)}
	}
	return err
}

// progress makes log lines of mmdebstrap's output, without its progress bars, and returns the last one that
// reports an error.
func (r *runner) progress(reader io.Reader) string {
	var last string
	scanner := bufio.NewScanner(reader)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := string(overwritten(scanner.Bytes()))
		if line == "" {
			continue
		}
		if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "Error: ") {
			last = line
		}
		r.report.log(worker.StreamStderr, line)
	}
	_, _ = io.Copy(io.Discard, reader)
	return last
}

// importTar makes a single-layer image of a root file system.
func (r *runner) importTar(ctx context.Context, spec *worker.Bootstrap, path string) (string, error) {
	// The transport takes the times in the image's history from the file.
	if err := os.Chtimes(path, spec.Epoch, spec.Epoch); err != nil {
		return "", fmt.Errorf("date root file system: %w", err)
	}
	source, err := tarball.NewReference([]string{path}, nil)
	if err != nil {
		return "", fmt.Errorf("refer to root file system: %w", err)
	}
	updater, ok := source.(tarball.ConfigUpdater)
	if !ok {
		return "", errors.New("refer to root file system: its image cannot be configured")
	}
	config := v1.Image{
		Created:  &spec.Epoch,
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   v1.ImageConfig{Env: environment(spec.Env, ""), Labels: spec.Labels, Cmd: []string{"/bin/bash"}},
	}
	if err := updater.ConfigUpdate(config, nil); err != nil {
		return "", fmt.Errorf("configure image: %w", err)
	}
	destination, err := imagestorage.Transport.ParseStoreReference(r.store, r.tempImage())
	if err != nil {
		return "", fmt.Errorf("refer to image: %w", err)
	}
	if _, err := r.copy(ctx, destination, source, copy.Options{DestinationCtx: r.context}); err != nil {
		return "", fmt.Errorf("import root file system: %w", err)
	}
	image, err := r.lookUp(r.tempImage())
	if err != nil {
		return "", err
	}
	return image.ID, nil
}
