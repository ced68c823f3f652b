package job

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	imagestorage "go.podman.io/image/v5/storage"

	"github.com/kilnhq/kiln/daemon/worker"
)

// The list of packages is untrusted text: it is read no further than this.
const (
	maxPackageList = 8 << 20
	inspectTimeout = 2 * time.Minute
)

// listPackages prints dpkg's packages, a line that no package can be named, and pip's packages as JSON.
const listPackages = `
if command -v dpkg-query >/dev/null 2>&1; then dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n'; fi
echo ` + packageMark + `
for python in /home/tops/bin/python3 python3; do
	if command -v "$python" >/dev/null 2>&1 && "$python" -m pip --version >/dev/null 2>&1; then
		PIP_NO_INPUT=1 "$python" -m pip list --format=json --disable-pip-version-check
		break
	fi
done
true
`

const packageMark = "--kiln--"

// inspect says what is in an image.
func (r *runner) inspect(ctx context.Context, id string) (worker.Result, error) {
	result, err := r.measure(ctx, id)
	if err != nil {
		return worker.Result{}, err
	}
	var out bytes.Buffer
	err = r.inContainer(ctx, command{
		image: id, argv: []string{"/bin/sh", "-c", listPackages}, limit: inspectTimeout, name: "list packages",
		env:    map[string]string{"LC_ALL": "C"},
		stdout: &limited{out: &out, left: maxPackageList}, stderr: io.Discard,
	})
	if _, struck := r.watch.err(); struck != nil {
		return worker.Result{}, struck
	}
	if err != nil {
		// An image without a shell has no packages that could be listed; it is none the worse for it.
		r.report.remark("list of packages: %v", err)
		return result, nil
	}
	result.Packages = parsePackages(out.String())
	return result, nil
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

// parsePackages reads what listPackages printed, and skips what it does not understand.
func parsePackages(text string) []worker.Package {
	dpkg, pip, _ := strings.Cut(text, packageMark+"\n")
	var packages []worker.Package
	for line := range strings.Lines(dpkg) {
		fields := strings.Fields(line)
		if len(fields) == 3 && strings.HasSuffix(fields[0], "i") {
			packages = append(packages, worker.Package{Manager: "apt", Name: fields[1], Version: fields[2]})
		}
	}
	var list []struct{ Name, Version string }
	if json.Unmarshal([]byte(pip), &list) == nil {
		for _, p := range list {
			packages = append(packages, worker.Package{Manager: "pip", Name: p.Name, Version: p.Version})
		}
	}
	slices.SortFunc(packages, func(a, b worker.Package) int {
		return cmp.Or(cmp.Compare(a.Manager, b.Manager), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return slices.Compact(packages)
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
