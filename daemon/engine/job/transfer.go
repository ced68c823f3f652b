package job

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/signature"
	imagestorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
)

// push copies an image to a registry by digest, reads the manifest back, re-hashes it, and only then lets the
// tag point to it: a push that breaks off leaves no tag behind that cannot be pulled.
func (r *runner) push(ctx context.Context, spec *worker.Push) (worker.Result, error) {
	if _, err := r.lookUp(spec.Image); err != nil {
		return worker.Result{}, err
	}
	named, err := reference.ParseNormalizedNamed(spec.Destination)
	if err != nil {
		return worker.Result{}, failed(worker.FailureTransfer, fmt.Errorf("parse destination %q: %w", spec.Destination, err))
	}
	system, err := r.registryContext(login{spec.Username, spec.Password, spec.PlainHTTP, spec.CACert})
	if err != nil {
		return worker.Result{}, err
	}
	r.report.step(1, 1, "push "+spec.Destination)
	sum, body, mime, err := r.pushByDigest(ctx, spec.Image, reference.TrimNamed(named), system)
	if err != nil {
		return worker.Result{}, failed(worker.FailureTransfer, err)
	}
	if tagged, ok := named.(reference.NamedTagged); ok {
		if err := putTag(ctx, tagged, system, body); err != nil {
			return worker.Result{}, failed(worker.FailureTransfer, err)
		}
	}
	r.report.remark("pushed %s@%s (%s)", reference.TrimNamed(named), sum, mime)
	return worker.Result{Digest: sum.String()}, nil
}

// pushByDigest copies without a tag and returns the manifest as the registry gives it back.
func (r *runner) pushByDigest(ctx context.Context, image string, repository reference.Named, system *types.SystemContext) (digest.Digest, []byte, string, error) {
	destination, err := docker.NewReferenceUnknownDigest(repository)
	if err != nil {
		return "", nil, "", fmt.Errorf("refer to %s: %w", repository, err)
	}
	source, err := r.storeReference(image)
	if err != nil {
		return "", nil, "", err
	}
	pushed, err := r.copy(ctx, destination, source, copy.Options{SourceCtx: r.context, DestinationCtx: system})
	if err != nil {
		return "", nil, "", fmt.Errorf("push to %s: %w", repository, err)
	}
	sum, err := manifest.Digest(pushed)
	if err != nil {
		return "", nil, "", fmt.Errorf("hash manifest: %w", err)
	}
	body, mime, err := readBack(ctx, repository, sum, system)
	return sum, body, mime, err
}

// readBack gets a manifest by digest and hashes what came.
func readBack(ctx context.Context, repository reference.Named, want digest.Digest, system *types.SystemContext) ([]byte, string, error) {
	canonical, err := reference.WithDigest(repository, want)
	if err != nil {
		return nil, "", fmt.Errorf("refer to manifest: %w", err)
	}
	ref, err := docker.NewReference(canonical)
	if err != nil {
		return nil, "", fmt.Errorf("refer to manifest: %w", err)
	}
	source, err := ref.NewImageSource(ctx, system)
	if err != nil {
		return nil, "", fmt.Errorf("read manifest %s back: %w", want, err)
	}
	defer func() { _ = source.Close() }()
	body, mime, err := source.GetManifest(ctx, nil)
	if err != nil {
		return nil, "", fmt.Errorf("read manifest %s back: %w", want, err)
	}
	if got := digest.FromBytes(body); got != want {
		return nil, "", fmt.Errorf("read manifest %s back: the registry answered with %s", want, got)
	}
	return body, mime, nil
}

// putTag makes a tag point to a manifest that the registry already has.
func putTag(ctx context.Context, tagged reference.NamedTagged, system *types.SystemContext, body []byte) error {
	ref, err := docker.NewReference(tagged)
	if err != nil {
		return fmt.Errorf("refer to %s: %w", tagged, err)
	}
	destination, err := ref.NewImageDestination(ctx, system)
	if err != nil {
		return fmt.Errorf("tag %s: %w", tagged, err)
	}
	defer func() { _ = destination.Close() }()
	if err := destination.PutManifest(ctx, body, nil); err != nil {
		return fmt.Errorf("tag %s: %w", tagged, err)
	}
	return nil
}

// pull copies an image into the store under a temporary name, and gives it its own when it passed the checks.
func (r *runner) pull(ctx context.Context, spec *worker.Pull) (worker.Result, error) {
	source, err := docker.ParseReference("//" + spec.Source)
	if err != nil {
		return worker.Result{}, failed(worker.FailureTransfer, fmt.Errorf("parse source %q: %w", spec.Source, err))
	}
	system, err := r.registryContext(login{spec.Username, spec.Password, spec.PlainHTTP, spec.CACert})
	if err != nil {
		return worker.Result{}, err
	}
	r.report.step(1, 1, "pull "+spec.Source)
	sum, err := r.checkManifest(ctx, source, system)
	if err != nil {
		return worker.Result{}, err
	}
	pinned, err := pin(source.DockerReference(), sum)
	if err != nil {
		return worker.Result{}, err
	}
	destination, err := imagestorage.Transport.ParseStoreReference(r.store, r.tempImage())
	if err != nil {
		return worker.Result{}, fmt.Errorf("refer to image: %w", err)
	}
	if _, err := r.copy(ctx, destination, pinned, copy.Options{SourceCtx: system, DestinationCtx: r.context}); err != nil {
		return worker.Result{}, failed(worker.FailureTransfer, fmt.Errorf("pull %s: %w", spec.Source, err))
	}
	image, err := r.lookUp(r.tempImage())
	if err != nil {
		return worker.Result{}, err
	}
	if err := r.checkImage(ctx, image.ID); err != nil {
		return worker.Result{}, err
	}
	result, err := r.measure(ctx, image.ID)
	if err != nil {
		return worker.Result{}, err
	}
	if result.SizeBytes > maxUncompressed {
		return worker.Result{}, failed(worker.FailureImage, fmt.Errorf("image has %d bytes, more than %d", result.SizeBytes, int64(maxUncompressed)))
	}
	result.ImageID, result.Digest = image.ID, sum.String()
	return result, r.keep(image.ID, spec.Tag)
}

// pin makes a reference that means one manifest, so that what was checked is what is pulled.
func pin(named reference.Named, sum digest.Digest) (types.ImageReference, error) {
	canonical, err := reference.WithDigest(reference.TrimNamed(named), sum)
	if err != nil {
		return nil, fmt.Errorf("refer to manifest: %w", err)
	}
	ref, err := docker.NewReference(canonical)
	if err != nil {
		return nil, fmt.Errorf("refer to manifest: %w", err)
	}
	return ref, nil
}

func (r *runner) copy(ctx context.Context, destination, source types.ImageReference, options copy.Options) ([]byte, error) {
	policy, err := signature.NewPolicyContext(&signature.Policy{
		Default: signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()},
	})
	if err != nil {
		return nil, fmt.Errorf("make policy: %w", err)
	}
	defer func() { _ = policy.Destroy() }()
	options.ReportWriter = io.Discard
	return copy.Image(ctx, policy, destination, source, &options)
}

func (r *runner) storeReference(image string) (types.ImageReference, error) {
	id, err := r.store.Lookup(image)
	if err != nil {
		return nil, fmt.Errorf("look image %q up: %w", image, err)
	}
	ref, err := imagestorage.Transport.ParseStoreReference(r.store, "@"+id)
	if err != nil {
		return nil, fmt.Errorf("refer to image %q: %w", image, err)
	}
	return ref, nil
}

// login is what a transfer knows about its registry.
type login struct {
	username, password string
	plainHTTP          bool
	caCert             string
}

// registryContext carries one registry's credentials and nothing else that could be sent anywhere.
func (r *runner) registryContext(l login) (*types.SystemContext, error) {
	system := *r.context
	system.DockerAuthConfig = &types.DockerAuthConfig{Username: l.username, Password: l.password}
	system.DockerInsecureSkipTLSVerify = types.NewOptionalBool(l.plainHTTP)
	// An empty directory when there is no certificate: the machine's own are none of a job's business.
	system.DockerCertPath = filepath.Join(sandbox.ConfigDir, "certs")
	if err := os.MkdirAll(system.DockerCertPath, 0o700); err != nil {
		return nil, err
	}
	if l.caCert != "" {
		if err := os.WriteFile(filepath.Join(system.DockerCertPath, "ca.crt"), []byte(l.caCert), 0o600); err != nil {
			return nil, err
		}
	}
	return &system, nil
}
