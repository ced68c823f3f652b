package job

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"go.podman.io/buildah"
	imagestorage "go.podman.io/image/v5/storage"

	"github.com/kilnhq/kiln/daemon/engine/inventory"
	"github.com/kilnhq/kiln/daemon/worker"
)

// What a container prints is untrusted text: it is read no further than this.
const (
	maxPackageList = 8 << 20
	inspectTimeout = 2 * time.Minute
)

// listRPM prints name, version, architecture and the digest of header and payload of rpm's packages.
const listRPM = `rpm -qa --qf '%{NAME} %{EVR} %{ARCH} %{SIGMD5}\n'`

// inspect says what is in an image.
func (r *runner) inspect(ctx context.Context, id string) (worker.Result, error) {
	result, err := r.measure(ctx, id)
	if err != nil {
		return worker.Result{}, err
	}
	found, err := r.inventory(ctx, id)
	result.Packages = found.Packages
	return result, err
}

// inventory finds the packages of an image.
func (r *runner) inventory(ctx context.Context, id string) (found inventory.Inventory, err error) {
	err = r.lookInto(ctx, id, func(_ *buildah.Builder, root string) error {
		found, err = inventory.Read(root)
		return err
	})
	if err != nil {
		return found, fmt.Errorf("list packages: %w", err)
	}
	if !found.RPM {
		return found, nil
	}
	text, err := r.print(ctx, id, "list packages", []string{"/bin/sh", "-c", listRPM})
	if err != nil {
		return found, err
	}
	found.Packages = inventory.Sort(append(found.Packages, parseRPM(text)...))
	return found, nil
}

// print gives what a command in an image prints to its standard output. That it fails is a remark: an image without a shell is
// none the worse for it.
func (r *runner) print(ctx context.Context, id, name string, argv []string) (string, error) {
	var out bytes.Buffer
	err := r.inContainer(ctx, command{
		image: id, argv: argv, limit: inspectTimeout, name: name, env: map[string]string{"LC_ALL": "C"},
		stdout: &limited{out: &out, left: maxPackageList}, stderr: io.Discard,
	})
	if _, struck := r.watch.err(); struck != nil {
		return "", struck
	}
	if err != nil {
		r.report.remark("%s: %v", name, err)
		return "", nil
	}
	return out.String(), nil
}

// parseRPM reads what listRPM printed, and skips what it does not understand. Keys that rpm trusts are no packages.
func parseRPM(text string) []worker.Package {
	var packages []worker.Package
	for line := range strings.Lines(text) {
		part := strings.Fields(line)
		if len(part) == 4 && part[0] != "gpg-pubkey" {
			packages = append(packages, worker.Package{
				Manager: inventory.Yum, Name: part[0] + "." + part[2], Version: part[1], Digest: strings.TrimPrefix(part[3], "(none)"),
			})
		}
	}
	return packages
}

// measure finds an image's size and architecture.
func (r *runner) measure(ctx context.Context, id string) (worker.Result, error) {
	ref, err := imagestorage.Transport.ParseStoreReference(r.store, "@"+id)
	if err != nil {
		return worker.Result{}, fmt.Errorf("refer to image: %w", err)
	}
	image, err := ref.NewImage(ctx, r.context)
	if err != nil {
		return worker.Result{}, fmt.Errorf("open image: %w", err)
	}
	defer func() { _ = image.Close() }()
	config, err := image.OCIConfig(ctx)
	if err != nil {
		return worker.Result{}, fmt.Errorf("read image configuration: %w", err)
	}
	size, err := r.layerBytes(id)
	if err != nil {
		return worker.Result{}, err
	}
	return worker.Result{SizeBytes: size, Architecture: config.Architecture}, nil
}

// layerBytes is the uncompressed size of all layers of an image.
func (r *runner) layerBytes(id string) (int64, error) {
	image, err := r.store.Image(id)
	if err != nil {
		return 0, fmt.Errorf("look image up: %w", err)
	}
	var total int64
	for layer := image.TopLayer; layer != ""; {
		l, err := r.store.Layer(layer)
		if err != nil {
			return 0, fmt.Errorf("look layer up: %w", err)
		}
		total += max(l.UncompressedSize, 0)
		layer = l.Parent
	}
	return total, nil
}

// limited passes on the first left bytes and swallows the rest.
type limited struct {
	out  io.Writer
	left int
}

// Write never fails for being over the limit: the writer would die of it.
func (l *limited) Write(data []byte) (int, error) {
	n := min(len(data), l.left)
	l.left -= n
	if _, err := l.out.Write(data[:n]); err != nil {
		return 0, err
	}
	return len(data), nil
}
