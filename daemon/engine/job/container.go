package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.podman.io/buildah"
	"go.podman.io/buildah/define"
	"go.podman.io/common/pkg/config"
	"go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/worker"
)

// The limits of a container's processes; without CAP_SYS_RESOURCE, Buildah's defaults cannot be set at all.
const (
	maxFiles     = 65536
	maxProcesses = 4096
)

// namespaces put a container on the sandbox's network, which is nobody else's, and nowhere else of the sandbox.
func namespaces() define.NamespaceOptions {
	return define.NamespaceOptions{
		{Name: "network", Host: true},
		{Name: "user"},
		{Name: "ipc"},
		{Name: "pid"},
		{Name: "uts"},
		{Name: "cgroup"},
	}
}

// buildOptions are the settings that every container has.
func buildOptions() *define.CommonBuildOptions {
	return &define.CommonBuildOptions{
		SeccompProfilePath: seccompPath,
		NoNewPrivileges:    true,
		Ulimit: []string{
			ulimit("nofile", unix.RLIMIT_NOFILE, maxFiles),
			ulimit("nproc", unix.RLIMIT_NPROC, maxProcesses),
			"core=0:0",
		},
	}
}

// ulimit is want, or what this process itself may have, whichever is less.
func ulimit(name string, resource int, want uint64) string {
	var own unix.Rlimit
	if err := unix.Getrlimit(resource, &own); err == nil && own.Max < want {
		want = own.Max
	}
	return fmt.Sprintf("%s=%d:%d", name, want, want)
}

// lookUp finds an image of the store by name or id; that it is not there is a failure of kind image.
func (r *runner) lookUp(name string) (*storage.Image, error) {
	image, err := r.store.Image(name)
	if errors.Is(err, storage.ErrImageUnknown) {
		return nil, &worker.Failure{Kind: worker.FailureImage, Message: fmt.Sprintf("image %q is not in the store", name)}
	}
	if err != nil {
		return nil, fmt.Errorf("look image %q up: %w", name, err)
	}
	return image, nil
}

// newContainer makes a working container from an image of the store; empty is from scratch.
func (r *runner) newContainer(ctx context.Context, image string) (*buildah.Builder, error) {
	defaults, err := config.Default()
	if err != nil {
		return nil, fmt.Errorf("read container defaults: %w", err)
	}
	// Buildah's builds have these by themselves; a container made by hand would have none at all.
	capabilities, err := defaults.Capabilities("", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("read container defaults: %w", err)
	}
	builder, err := buildah.NewBuilder(ctx, r.store, buildah.BuilderOptions{
		FromImage:        image,
		ContainerSuffix:  r.token,
		PullPolicy:       define.PullNever,
		Isolation:        define.IsolationOCI,
		NamespaceOptions: namespaces(),
		ConfigureNetwork: define.NetworkEnabled,
		IDMappingOptions: r.ids,
		Capabilities:     capabilities,
		CommonBuildOpts:  buildOptions(),
		SystemContext:    r.context,
		Format:           define.OCIv1ImageManifest,
	})
	if err != nil {
		return nil, fmt.Errorf("make container from %q: %w", image, err)
	}
	return builder, nil
}

// lookInto shows what is in an image: a working container of it and that one's root directory. A mounted container, not a mounted image: for
// that, the store would make a copy with other owners.
func (r *runner) lookInto(ctx context.Context, image string, look func(builder *buildah.Builder, root string) error) error {
	builder, err := r.newContainer(ctx, image)
	if err != nil {
		return err
	}
	defer r.discard(builder)
	root, err := builder.Mount("")
	if err != nil {
		return fmt.Errorf("mount image: %w", err)
	}
	return look(builder, root)
}

// discard removes a working container; what is left of one goes when the job ends.
func (r *runner) discard(builder *buildah.Builder) {
	if err := builder.Delete(); err != nil {
		r.report.remark("remove working container: %v", err)
	}
}

// command is one command in a container of its own.
type command struct {
	image          string
	argv           []string
	env            map[string]string
	timeZone       string
	limit          time.Duration
	name           string
	stdout, stderr io.Writer
}

// inContainer runs a command in a fresh container and removes that. The error is Buildah's, with an exit code
// in it when the command ended by itself.
func (r *runner) inContainer(ctx context.Context, c command) error {
	builder, err := r.newContainer(ctx, c.image)
	if err != nil {
		return err
	}
	defer r.discard(builder)
	r.watch.begin(c.name, c.limit)
	defer r.watch.end()
	return builder.Run(c.argv, buildah.RunOptions{
		Isolation:        define.IsolationOCI,
		Runtime:          r.runtime,
		Env:              environment(c.env, c.timeZone),
		NamespaceOptions: namespaces(),
		ConfigureNetwork: define.NetworkEnabled,
		Terminal:         buildah.WithoutTerminal,
		Stdin:            bytes.NewReader(nil),
		Stdout:           c.stdout,
		Stderr:           c.stderr,
		SystemContext:    r.context,
		Logger:           r.report.logger(), // Buildah calls it without looking, when it cannot clean up
	})
}

// environment is env as NAME=value, with TZ unless env has it.
func environment(env map[string]string, timeZone string) []string {
	list := make([]string, 0, len(env)+1)
	if _, set := env["TZ"]; !set && timeZone != "" {
		list = append(list, "TZ="+timeZone)
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}
