package job

import (
	"errors"
	"fmt"
	"strings"

	"go.podman.io/storage"

	"github.com/kilnhq/kiln/daemon/worker"
)

// remove removes images by name or id. An image in use by a container stays, and is a failure.
func (r *runner) remove(spec *worker.Remove) error {
	var errs []error
	for _, name := range spec.Images {
		if err := r.dropImage(name); err != nil {
			errs = append(errs, &worker.Failure{Kind: worker.FailureImage, Message: err.Error()})
		}
	}
	return errors.Join(append(errs, r.sync())...)
}

// sweep removes what dead jobs left behind: every container, images that were not kept, layers that no image
// needs, and temporary directories. No other worker may use the store meanwhile.
func (r *runner) sweep() error {
	errs := []error{r.removeContainers("")}
	images, err := r.store.Images()
	errs = append(errs, err)
	for _, image := range images {
		if kept(image.Names) {
			continue
		}
		if _, err := r.store.DeleteImage(image.ID, true); err != nil {
			errs = append(errs, fmt.Errorf("remove image %s: %w", image.ID, err))
		}
	}
	errs = append(errs, r.dropLayers(), r.store.GarbageCollect(), emptyDir(AllTemp, r.token), r.sync())
	return errors.Join(errs...)
}

// kept tells whether any of an image's names is one that a job meant to leave behind.
func kept(names []string) bool {
	for _, name := range names {
		if !strings.HasPrefix(name, tempPrefix) {
			return true
		}
	}
	return false
}

// dropLayers removes the layers that no image stands on, children before parents.
func (r *runner) dropLayers() error {
	for {
		layers, err := r.store.Layers()
		if err != nil {
			return fmt.Errorf("list layers: %w", err)
		}
		used, err := r.usedLayers(layers)
		if err != nil {
			return err
		}
		removed := 0
		for _, layer := range layers {
			if used[layer.ID] {
				continue
			}
			if err := r.store.DeleteLayer(layer.ID); err != nil {
				return fmt.Errorf("remove layer %s: %w", layer.ID, err)
			}
			removed++
		}
		if removed == 0 {
			return nil
		}
		r.report.remark("removed %d unused layers", removed)
	}
}

// usedLayers are the top layers of images and the parents of any layer; a chain goes away from its end.
func (r *runner) usedLayers(layers []storage.Layer) (map[string]bool, error) {
	images, err := r.store.Images()
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	used := map[string]bool{}
	for _, image := range images {
		used[image.TopLayer] = true
		for _, layer := range image.MappedTopLayers {
			used[layer] = true
		}
	}
	for _, layer := range layers {
		used[layer.Parent] = true
	}
	return used, nil
}
