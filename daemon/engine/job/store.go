package job

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"go.podman.io/buildah/define"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/idtools"
	"go.podman.io/storage/pkg/lockfile"
	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
)

// containerIDs is how many ids a container has: 0 to 65534. Debian's apt needs the last one.
const containerIDs = 65535

// The files that take the place of the host's container configuration, so that no setting of the machine or of
// a user changes what a build does.
const (
	policyPath     = sandbox.ConfigDir + "/policy.json"
	registriesPath = sandbox.ConfigDir + "/registries.conf"
	authPath       = sandbox.ConfigDir + "/auth.json"
)

var configFiles = map[string]string{
	policyPath:                             `{"default":[{"type":"insecureAcceptAnything"}]}`,
	registriesPath:                         "unqualified-search-registries = []\nshort-name-mode = \"enforcing\"\n",
	authPath:                               "{}",
	sandbox.ConfigDir + "/storage.conf":    "[storage]\ndriver = \"overlay\"\n",
	sandbox.ConfigDir + "/containers.conf": containersConf,
}

const containersConf = `[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
[network]
network_config_dir = "` + sandbox.ConfigDir + `/networks"
`

// open writes the configuration and opens the image store.
func (r *runner) open() error {
	for path, text := range configFiles {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	registries := filepath.Join(sandbox.ConfigDir, "registries.d")
	if err := os.MkdirAll(registries, 0o700); err != nil {
		return err
	}
	if err := writeSeccomp(); err != nil {
		return err
	}
	ids := []idtools.IDMap{{ContainerID: 0, HostID: 1, Size: containerIDs}}
	store, err := storage.GetStore(storage.StoreOptions{
		RunRoot:         sandbox.Root + "/runroot",
		GraphRoot:       GraphRoot,
		GraphDriverName: "overlay",
		// Layers are kept as containers see them, so that no container needs a shifted copy of its image.
		UIDMap: ids,
		GIDMap: ids,
	})
	if err != nil {
		return fmt.Errorf("open image store: %w", err)
	}
	if r.naming, err = lockfile.GetLockFile(filepath.Join(GraphRoot, "kiln-naming.lock")); err != nil {
		return fmt.Errorf("open image store: %w", err)
	}
	r.store = store
	mapping := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1, Size: containerIDs}}
	r.ids = &define.IDMappingOptions{UIDMap: mapping, GIDMap: mapping}
	r.context = &types.SystemContext{
		SignaturePolicyPath:         policyPath,
		SystemRegistriesConfPath:    registriesPath,
		SystemRegistriesConfDirPath: registries,
		RegistriesDirPath:           registries,
		AuthFilePath:                authPath,
		BigFilesTemporaryDir:        sandbox.TempDir,
		BlobInfoCacheDir:            BlobDir,
	}
	return nil
}

// tidy removes what this job, or a killed worker of the same job, has in the store and on the disk that is not
// its result, and closes the store.
func (r *runner) tidy() error {
	r.watch.end()
	var errs []error
	if r.store != nil {
		errs = append(errs, r.removeContainers(r.token), r.dropImage(r.tempImage()), r.dropImage(r.tempBase()))
		_, err := r.store.Shutdown(true)
		errs = append(errs, err)
	}
	errs = append(errs, emptyDir(sandbox.TempDir))
	return errors.Join(errs...)
}

// removeContainers removes the working containers whose name contains part.
func (r *runner) removeContainers(part string) error {
	containers, err := r.store.Containers()
	if err != nil {
		return fmt.Errorf("list working containers: %w", err)
	}
	var errs []error
	for _, container := range containers {
		if !strings.Contains(strings.Join(container.Names, " "), part) {
			continue
		}
		if _, err := r.store.Unmount(container.ID, true); err != nil && !errors.Is(err, storage.ErrLayerNotMounted) {
			r.report.remark("unmount working container: %v", err)
		}
		if err := r.store.DeleteContainer(container.ID); err != nil && !errors.Is(err, storage.ErrContainerUnknown) {
			errs = append(errs, fmt.Errorf("remove working container: %w", err))
		}
	}
	return errors.Join(errs...)
}

// dropImage takes a name away from its image, and removes the image when that was its last one. The same recipe gives the same
// image: nobody may be about to give it a name of his own meanwhile.
func (r *runner) dropImage(name string) error {
	r.naming.Lock()
	defer r.naming.Unlock()
	image, err := r.store.Image(name)
	if errors.Is(err, storage.ErrImageUnknown) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look image %q up: %w", name, err)
	}
	if name != image.ID && len(image.Names) > 1 {
		if err := r.store.RemoveNames(image.ID, []string{name}); err != nil {
			return fmt.Errorf("untag image %q: %w", name, err)
		}
		return nil
	}
	if _, err := r.store.DeleteImage(image.ID, true); err != nil && !errors.Is(err, storage.ErrImageUnknown) {
		return fmt.Errorf("remove image %q: %w", name, err)
	}
	return nil
}

// sync makes what was kept survive a power cut: without it, a store is wrecked.
func (r *runner) sync() error {
	dir, err := os.Open(GraphRoot)
	if err != nil {
		return fmt.Errorf("sync image store: %w", err)
	}
	defer func() { _ = dir.Close() }()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("sync image store: %w", err)
	}
	return nil
}

// emptyDir removes what is in dir, but for the entries to keep, and not dir itself, which is a mount point.
func emptyDir(dir string, keep ...string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if !slices.Contains(keep, entry.Name()) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(errs...)
}
