package job

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

// rpmHook does for a root that dnf has made what lastHook does for one of mmdebstrap's.
const rpmHook = `rm -rf "$1"/var/log/dnf* "$1"/var/log/hawkey.log "$1"/var/cache/dnf "$1"/var/cache/ldconfig/aux-cache; ` +
	`mkdir -p "$1"/var/cache/dnf; find "$1"/usr "$1"/home -name __pycache__ -prune -exec rm -rf {} +; ` +
	`echo localhost > "$1"/etc/hostname; : > "$1"/etc/resolv.conf`

// rpmDatabase is where the database of packages is made; a distribution that has it elsewhere finds it there afterwards.
const rpmDatabase = "var/lib/rpm"

// rpmMacros hold what only macros can say: Debian's rpm keeps its database in the home directory, and what is mounted while
// scripts run is not to be unpacked over.
const rpmMacros = "%_dbpath /" + rpmDatabase + "\n%_netsharedpath /dev:/proc\n"

// rpmRoot makes a root file system with dnf from an rpm repository, and writes it to path as a tar.
func (r *runner) rpmRoot(ctx context.Context, spec *worker.Bootstrap, path string) error {
	dir := filepath.Join(sandbox.TempDir, "rpm")
	root, repositories := filepath.Join(dir, "root"), filepath.Join(dir, "repos")
	defer func() { _ = os.RemoveAll(dir) }()
	for _, d := range []string{repositories, filepath.Join(dir, "log"), filepath.Join(root, "dev"), filepath.Join(root, "proc"), filepath.Dir(filepath.Join(root, pkgmanager.YumFile))} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return fmt.Errorf("prepare root file system: %w", err)
		}
	}
	err := errors.Join(
		os.WriteFile(filepath.Join(repositories, "kiln.repo"), []byte(spec.Repository), 0o644),
		os.WriteFile(filepath.Join(dir, "dnf.conf"), []byte("[main]\n"), 0o644),
		os.WriteFile(filepath.Join(dir, ".rpmmacros"), []byte(rpmMacros), 0o644),
	)
	if err != nil {
		return fmt.Errorf("prepare root file system: %w", err)
	}
	args := []string{
		"--config=" + filepath.Join(dir, "dnf.conf"), "--installroot=" + root, "--assumeyes", "--noplugins", "--nodocs",
		"--setopt=reposdir=" + repositories, "--setopt=cachedir=" + filepath.Join(dir, "cache"), "--setopt=logdir=" + filepath.Join(dir, "log"),
		"--setopt=varsdir=" + dir, "--setopt=install_weak_deps=False", "install",
	}
	if err := r.mounted(root, func() error {
		return r.tool(ctx, spec, tool{name: "dnf", args: append(args, spec.Include...), home: dir})
	}); err != nil {
		return err
	}
	// The image installs from where it came from, as those of mmdebstrap do.
	if err := os.WriteFile(filepath.Join(root, pkgmanager.YumFile), []byte(spec.Repository), 0o644); err != nil {
		return fmt.Errorf("name repository: %w", err)
	}
	if err := moveDatabase(ctx, root); err != nil {
		return err
	}
	for _, hook := range append(append([]string{}, spec.Customize...), rpmHook) {
		if err := r.tool(ctx, spec, tool{name: "sh", args: []string{"-ec", hook, "exec", root}, home: dir}); err != nil {
			return err
		}
	}
	return r.tool(ctx, spec, tool{name: "tar", home: dir, args: []string{
		"--create", "--file=" + path, "--directory=" + root, "--sort=name", fmt.Sprintf("--mtime=@%d", spec.Epoch.Unix()), "--clamp-mtime",
		"--numeric-owner", "--xattrs", "--xattrs-include=security.capability", ".",
	}})
}

// mounted does something while the root has /dev and /proc, which the scripts of packages rely on.
func (r *runner) mounted(root string, do func() error) error {
	for _, name := range []string{"dev", "proc"} {
		target := filepath.Join(root, name)
		if err := unix.Mount("/"+name, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mount /%s: %w", name, err)
		}
		defer func() {
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				r.report.remark("unmount /%s: %v", name, err)
			}
		}()
	}
	return do()
}

// moveDatabase puts the database of packages where the rpm of the new root looks for it.
func moveDatabase(ctx context.Context, root string) error {
	out, err := exec.CommandContext(ctx, "chroot", root, "rpm", "--eval", "%{_dbpath}").Output()
	if err != nil {
		return &worker.Failure{Kind: worker.FailureBootstrap, Step: "find the database of rpm", Message: fmt.Sprintf("rpm: %v", err)}
	}
	place := filepath.Clean("/" + strings.TrimSpace(string(out)))
	if place == "/"+rpmDatabase {
		return nil
	}
	target := filepath.Join(root, place)
	err = os.Remove(target) // what the package has there is an empty directory, or nothing
	if errors.Is(err, os.ErrNotExist) {
		err = os.MkdirAll(filepath.Dir(target), 0o755)
	}
	if err == nil {
		err = os.Rename(filepath.Join(root, rpmDatabase), target)
	}
	if err != nil {
		return fmt.Errorf("move the database of rpm to %s: %w", place, err)
	}
	return nil
}
