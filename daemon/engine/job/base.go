package job

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/buildah"
	"go.podman.io/buildah/copier"
	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/directory"
	imagestorage "go.podman.io/image/v5/storage"

	"github.com/kilnhq/kiln/daemon/engine/layout"
	"github.com/kilnhq/kiln/daemon/worker"
)

// zoneInfo is where programs look for time zones.
const zoneInfo = "/usr/share/zoneinfo/"

// defaultPath is where programs are when an image does not say it, as runtimes have it.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// loads is how often a base is put into the store: another job may take away layers that both have, at the moment when they are counted on.
const loads = 3

// load puts a base that comes with the job into the store, under a name of this job's own, once all of it has been read and judged; and
// looks whether it has what it must.
func (b *build) load(ctx context.Context, base *worker.Base) (id string, err error) {
	b.report.remark("checking the image")
	if err := layout.Check(layout.Image{
		Dir: base.Dir, Digest: digest.Digest(base.Digest), Architecture: runtime.GOARCH, MaxBytes: base.MaxBytes,
	}); err != nil {
		return "", refused(err)
	}
	for try := 1; ; try++ {
		id, err = b.unpack(ctx, base.Dir)
		if err == nil {
			break
		}
		if try == loads || ctx.Err() != nil {
			return "", err
		}
		b.report.remark("unpacking the image once more: %v", err)
	}
	if err := b.checkImage(ctx, id); err != nil {
		if failure, ok := errors.AsType[*worker.Failure](err); ok && failure.Kind == worker.FailureImage {
			return "", &worker.Failure{Kind: worker.FailureLayout, Message: failure.Message}
		}
		return "", err
	}
	return id, b.checkNeeds(ctx, id, base)
}

// refused makes a failure of what is wrong with an image.
func refused(err error) error {
	refusal, ok := errors.AsType[layout.Refusal](err)
	if !ok {
		return err
	}
	switch refusal.Kind {
	case layout.TooLarge:
		return &worker.Failure{Kind: worker.FailureSize, Message: refusal.Text}
	case layout.Platform:
		return &worker.Failure{Kind: worker.FailurePlatform, Step: refusal.Text, Message: "the image is for another platform"}
	case layout.Bad:
	}
	return &worker.Failure{Kind: worker.FailureLayout, Message: refusal.Text}
}

// unpack copies the image into the store, and makes sure that it is there to stay: whoever was about to remove the same one under another
// name has done so once the lock is free.
func (b *build) unpack(ctx context.Context, dir string) (string, error) {
	source, err := directory.NewReference(dir)
	if err != nil {
		return "", fmt.Errorf("refer to image: %w", err)
	}
	destination, err := imagestorage.Transport.ParseStoreReference(b.store, b.tempBase())
	if err != nil {
		return "", fmt.Errorf("refer to image: %w", err)
	}
	if _, err := b.copy(ctx, destination, source, copy.Options{SourceCtx: b.context, DestinationCtx: b.context}); err != nil {
		return "", fmt.Errorf("unpack image: %w", err)
	}
	b.naming.Lock()
	defer b.naming.Unlock()
	image, err := b.lookUp(b.tempBase())
	if err != nil {
		return "", errors.New("the image is gone again") // and no missing official image, as the failure of lookUp says
	}
	return image.ID, nil
}

// checkNeeds looks for the data of the time zone and for programs.
func (b *build) checkNeeds(ctx context.Context, id string, base *worker.Base) error {
	return b.lookInto(ctx, id, func(builder *buildah.Builder, root string) error {
		if zone := b.spec.TimeZone; zone != "" {
			there, err := hasFile(root, zoneInfo+zone)
			if err != nil {
				return err
			}
			if !there {
				return &worker.Failure{Kind: worker.FailureZone, Step: zone, Message: "there is no " + zoneInfo + zone + " in the image"}
			}
		}
		for _, n := range base.Needs {
			there, err := hasFile(root, candidates(builder, n)...)
			if err != nil {
				return err
			}
			if !there {
				return &worker.Failure{
					Kind: worker.FailureProgram, Step: n.Name, Message: "there is no " + strings.Join(n.Programs, ", no ") + " in the image",
				}
			}
		}
		return nil
	})
}

// candidates gives the places where the programs of a need may be.
func candidates(builder *buildah.Builder, n worker.Need) (places []string) {
	dirs := defaultPath
	for _, variable := range builder.Env() {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			dirs = value
		}
	}
	for _, program := range n.Programs {
		if strings.Contains(program, "/") {
			places = append(places, path.Join("/", program))
			continue
		}
		for dir := range strings.SplitSeq(dirs, ":") {
			places = append(places, path.Join("/", dir, program))
		}
	}
	return places
}

// hasFile says whether one of some paths is a file below root, following links as a process in there would.
func hasFile(root string, paths ...string) (bool, error) {
	stats, err := copier.Stat(root, root, copier.StatOptions{DisallowWildcard: true}, paths)
	if err != nil {
		return false, fmt.Errorf("look into the image: %w", err)
	}
	for _, s := range stats {
		for _, item := range s.Results {
			if item != nil && item.IsRegular {
				return true, nil
			}
		}
	}
	return false, nil
}
