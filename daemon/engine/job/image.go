package job

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openshift/imagebuilder"
	"github.com/openshift/imagebuilder/dockerfile/parser"
	"go.podman.io/buildah/define"
	"go.podman.io/buildah/imagebuildah"
	"go.podman.io/image/v5/types"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
)

// build is an image job under way.
type build struct {
	*runner
	spec   *worker.Image
	base   string // its id; empty when it is none of the store
	total  int    // steps, commands included
	number int    // of the step that runs
	step   string
	limit  time.Duration

	committing bool // under the lock that dropImage takes too
}

// named lets others remove images again.
func (b *build) named() {
	if b.committing {
		b.naming.Unlock()
		b.committing = false
	}
}

// image builds, runs the commands, looks into the result, and keeps it under its tag if it has one.
func (r *runner) image(ctx context.Context, spec *worker.Image) (worker.Result, error) {
	b := &build{runner: r, spec: spec, limit: cmp.Or(spec.StepTimeout, defaultStepTimeout)}
	node, err := imagebuilder.ParseDockerfile(strings.NewReader(spec.Containerfile))
	if err != nil {
		return worker.Result{}, fmt.Errorf("parse containerfile: %w", err)
	}
	b.total = len(node.Children) + min(len(spec.Labels), 1) + len(spec.Commands)
	if err := b.checkBase(ctx, node); err != nil {
		return worker.Result{}, err
	}
	if err := b.checkTargets(ctx, node); err != nil {
		return worker.Result{}, err
	}
	id, err := b.build(ctx)
	if err != nil {
		return worker.Result{}, err
	}
	packages, err := b.examine(ctx, id)
	if err != nil {
		return worker.Result{}, err
	}
	if err := b.compare(packages); err != nil {
		return worker.Result{}, err
	}
	for _, c := range spec.Commands {
		if err := b.command(ctx, id, c); err != nil {
			return worker.Result{}, err
		}
	}
	result, err := r.measure(ctx, id)
	result.Packages = packages
	if err != nil || spec.Tag == "" {
		return result, err
	}
	b.differ(ctx, id)
	if err := r.keep(id, spec.Tag); err != nil {
		return worker.Result{}, err
	}
	result.ImageID = id
	return result, nil
}

// keep gives an image its final name, which an older image loses, and makes it survive a power cut.
func (r *runner) keep(id, tag string) error {
	if err := r.store.AddNames(id, []string{tag}); err != nil {
		return fmt.Errorf("tag image: %w", err)
	}
	return r.sync()
}

// checkBase makes sure that the base image is there, so that its absence is told apart from a failed step, and remembers it.
func (b *build) checkBase(ctx context.Context, node *parser.Node) (err error) {
	if b.spec.Base != nil {
		b.base, err = b.load(ctx, b.spec.Base)
		return err
	}
	for _, instruction := range node.Children {
		if !strings.EqualFold(instruction.Value, "from") || instruction.Next == nil {
			continue
		}
		if base := instruction.Next.Value; base != "scratch" {
			image, err := b.lookUp(base)
			if err != nil {
				return err
			}
			b.base = image.ID
		}
	}
	return nil
}

// build turns the Containerfile into an image with a temporary name and returns its id.
func (b *build) build(ctx context.Context) (string, error) {
	dir, path, err := b.buildContext()
	if err != nil {
		return "", err
	}
	mounts, err := b.mounts()
	if err != nil {
		return "", err
	}
	stdout, stderr := b.report.lines(worker.StreamStdout), b.report.lines(worker.StreamStderr)
	options := b.options(dir, stdout, stderr)
	options.TransientMounts = mounts
	options.Log = func(format string, args ...any) {
		stdout.flush()
		stderr.flush()
		if b.begin(fmt.Sprintf(format, args...)) {
			stdout.mute()
		}
	}
	defer b.named()
	id, _, err := imagebuildah.BuildDockerfiles(ctx, b.store, options, path)
	stdout.flush()
	stderr.flush()
	b.watch.end()
	if err != nil {
		return "", b.buildFailure(err, stderr)
	}
	return id, nil
}

// begin is called for every instruction and for the commit, which is told by true: what Buildah prints from
// there on is about the temporary name.
func (b *build) begin(name string) bool {
	if strings.HasPrefix(name, "COMMIT") {
		// No step of the user's: only the job's own limit holds.
		b.step = "COMMIT"
		b.watch.end()
		if !b.committing {
			b.naming.Lock()
			b.committing = true
		}
		return true
	}
	b.number++
	b.step = name
	b.report.step(b.number, b.total, name)
	b.watch.begin(name, b.limit)
	return false
}

// buildFailure says at which instruction the build failed.
func (b *build) buildFailure(err error, stderr *lines) error {
	if _, cause := b.watch.err(); cause != nil {
		return cause
	}
	if _, ok := exitCode(err, stderr.latest()); ok {
		return stepFailure(worker.FailureStep, b.step, err, stderr)
	}
	if b.number == 0 {
		return fmt.Errorf("build image: %w", err)
	}
	return &worker.Failure{Kind: worker.FailureStep, Step: b.step, Message: err.Error()}
}

func (b *build) options(dir string, stdout, stderr io.Writer) define.BuildOptions {
	labels := make([]string, 0, len(b.spec.Labels))
	for _, name := range slices.Sorted(maps.Keys(b.spec.Labels)) {
		labels = append(labels, name+"="+b.spec.Labels[name])
	}
	common := buildOptions()
	common.IdentityLabel = types.OptionalBoolFalse
	options := define.BuildOptions{
		ContainerSuffix:         b.token,
		ContextDirectory:        dir,
		PullPolicy:              define.PullNever,
		Isolation:               define.IsolationOCI,
		Runtime:                 b.runtime,
		Output:                  b.tempImage(),
		OutputFormat:            define.OCIv1ImageManifest,
		Out:                     stdout,
		Err:                     stderr,
		ReportWriter:            io.Discard,
		SignaturePolicyPath:     policyPath,
		SystemContext:           b.context,
		NamespaceOptions:        namespaces(),
		ConfigureNetwork:        define.NetworkEnabled,
		IDMappingOptions:        b.ids,
		CommonBuildOpts:         common,
		Labels:                  labels,
		NoCache:                 true,
		RemoveIntermediateCtrs:  true,
		ForceRmIntermediateCtrs: true,
	}
	if b.spec.Base != nil {
		options.From = b.tempBase()
	}
	if !b.spec.Epoch.IsZero() {
		options.SourceDateEpoch = &b.spec.Epoch
		options.RewriteTimestamp = true
	}
	return options
}

// buildContext makes the build context and the Containerfile beside it.
func (b *build) buildContext() (dir, path string, err error) {
	dir = filepath.Join(sandbox.TempDir, "context")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", "", err
	}
	path = filepath.Join(sandbox.TempDir, "Containerfile")
	if err := os.WriteFile(path, []byte(b.spec.Containerfile), 0o600); err != nil {
		return "", "", err
	}
	return dir, path, b.fill(dir)
}

// mounts are the files that install steps see and no layer keeps: on the sandbox's tmpfs, bound read-only.
func (b *build) mounts() ([]string, error) {
	dir := filepath.Join(sandbox.Root, "mounts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var mounts []string
	for i, target := range slices.Sorted(maps.Keys(b.spec.Mounts)) {
		if !filepath.IsAbs(target) || filepath.Clean(target) != target || strings.Contains(target, ":") {
			return nil, fmt.Errorf("mount %q is not a clean absolute path", target)
		}
		source := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(source, []byte(b.spec.Mounts[target]), 0o644); err != nil {
			return nil, fmt.Errorf("write mount %q: %w", target, err)
		}
		mounts = append(mounts, source+":"+target+":ro")
	}
	return mounts, nil
}

// command runs one command in the result; an exit code other than 0 is a failure.
func (b *build) command(ctx context.Context, image string, c worker.Command) error {
	b.number++
	b.report.step(b.number, b.total, c.Name)
	stdout, stderr := b.report.lines(worker.StreamStdout), b.report.lines(worker.StreamStderr)
	err := b.inContainer(ctx, command{
		image: image, argv: c.Argv, env: c.Env, timeZone: b.spec.TimeZone,
		limit: b.limit, name: c.Name, stdout: stdout, stderr: stderr,
	})
	stdout.flush()
	stderr.flush()
	if _, struck := b.watch.err(); struck != nil {
		return struck
	}
	if err != nil {
		return stepFailure(worker.FailureCommand, c.Name, err, stderr)
	}
	return nil
}
