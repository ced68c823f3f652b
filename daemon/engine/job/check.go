package job

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/opencontainers/go-digest"
	"go.podman.io/buildah"
	"go.podman.io/image/v5/manifest"
	imagestorage "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// What an image of a registry may have at most, besides what the domain says. The compressed size is what the manifest
// states; while layers are unpacked, the watch over the disk ends one that inflates without end.
const (
	maxCompressed   = 20 << 30
	maxUncompressed = 50 << 30
	maxAccountFile  = 1 << 20
)

// checkManifest refuses an image by its manifest, before any layer is fetched, and returns the digest that
// stands for what the registry holds under this reference: the one of the image for this machine's platform.
func (r *runner) checkManifest(ctx context.Context, ref types.ImageReference, system *types.SystemContext) (digest.Digest, error) {
	source, err := ref.NewImageSource(ctx, system)
	if err != nil {
		return "", failed(worker.FailureTransfer, fmt.Errorf("reach image: %w", err))
	}
	defer func() { _ = source.Close() }()
	body, mime, err := source.GetManifest(ctx, nil)
	if err != nil {
		return "", failed(worker.FailureTransfer, fmt.Errorf("get manifest: %w", err))
	}
	if manifest.MIMETypeIsMultiImage(mime) {
		list, err := manifest.ListFromBlob(body, mime)
		if err != nil {
			return "", failed(worker.FailureImage, fmt.Errorf("read index: %w", err))
		}
		chosen, err := list.ChooseInstance(system)
		if err != nil {
			return "", failed(worker.FailureImage, fmt.Errorf("choose from index: %w", err))
		}
		body, mime, err = source.GetManifest(ctx, &chosen)
		if err != nil {
			return "", failed(worker.FailureTransfer, fmt.Errorf("get manifest: %w", err))
		}
	}
	if err := checkParts(body, mime); err != nil {
		return "", failed(worker.FailureImage, err)
	}
	return manifest.Digest(body)
}

func checkParts(body []byte, mime string) error {
	switch {
	case len(body) > registry.MaxManifest:
		return fmt.Errorf("manifest has %d bytes, more than %d", len(body), registry.MaxManifest)
	case mime == manifest.DockerV2Schema1MediaType || mime == manifest.DockerV2Schema1SignedMediaType:
		return errors.New("schema 1 images are not supported")
	}
	parsed, err := manifest.FromBlob(body, mime)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	layers := parsed.LayerInfos()
	if len(layers) > registry.MaxLayers {
		return fmt.Errorf("image has %d layers, more than %d", len(layers), registry.MaxLayers)
	}
	var total int64
	for _, layer := range layers {
		if len(layer.URLs) > 0 {
			return fmt.Errorf("layer %s is to be fetched from elsewhere", layer.Digest)
		}
		total += max(layer.Size, 0)
	}
	if total > maxCompressed {
		return fmt.Errorf("image has %d bytes of layers, more than %d", total, int64(maxCompressed))
	}
	return nil
}

// checkImage refuses an image in the store that would mislead what runs it.
func (r *runner) checkImage(ctx context.Context, id string) error {
	ref, err := imagestorage.Transport.ParseStoreReference(r.store, "@"+id)
	if err != nil {
		return fmt.Errorf("refer to image: %w", err)
	}
	opened, err := ref.NewImage(ctx, r.context)
	if err != nil {
		return failed(worker.FailureImage, fmt.Errorf("open image: %w", err))
	}
	defer func() { _ = opened.Close() }()
	config, err := opened.OCIConfig(ctx)
	if err != nil {
		return failed(worker.FailureImage, fmt.Errorf("read image configuration: %w", err))
	}
	if config.OS != "linux" || config.Architecture != runtime.GOARCH {
		return failed(worker.FailureImage, fmt.Errorf("image is for %s/%s, this machine runs linux/%s", config.OS, config.Architecture, runtime.GOARCH))
	}
	if dir := config.Config.WorkingDir; dir != "" && (!path.IsAbs(dir) || path.Clean(dir) != dir) {
		return failed(worker.FailureImage, fmt.Errorf("working directory %q is not a clean absolute path", dir))
	}
	if err := r.lookInto(ctx, id, func(_ *buildah.Builder, root string) error { return checkRoot(root) }); err != nil {
		return failed(worker.FailureImage, err)
	}
	return nil
}

// checkRoot refuses the file types that have tricked runtimes: they follow /dev, and read /etc/passwd.
func checkRoot(root string) error {
	for _, name := range []string{"dev", "proc", "sys", "etc", "run"} {
		info, err := os.Lstat(filepath.Join(root, name))
		if err == nil && !info.IsDir() {
			return fmt.Errorf("/%s of the image is not a directory", name)
		}
	}
	for _, name := range []string{"etc/passwd", "etc/group"} {
		info, err := os.Lstat(filepath.Join(root, name))
		if err == nil && (!info.Mode().IsRegular() || info.Size() > maxAccountFile) {
			return fmt.Errorf("/%s of the image is not a regular file of at most %d bytes", name, maxAccountFile)
		}
	}
	return nil
}
