package job

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/kilnhq/kiln/daemon/place"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// Upstream has the images of registries of others.
type Upstream interface {
	// Pull brings the image of a source into an empty directory, and asks its registry for that each time. Its errors are for users.
	Pull(ctx context.Context, owner string, from recipe.Upstream, dir string) (registry.Resolved, error)
}

// startCommand names the need for a start command of the image's own; other needs have the names of task types.
const startCommand = "start command"

// buildUpstream pulls an image of a registry anew, and hands it to a worker that has no password and no way to the registry. Nothing of
// it is kept.
func (m *Maker) buildUpstream(ctx context.Context, t Task, where place.Place, log *process.Journal) (result worker.Result, err error) {
	from := t.Recipe.Base.Registry
	if err := image.AdmitVPC("resource_group_id", t.Recipe.Base, where.Group).Err(); err != nil {
		return result, err
	}
	if err := os.MkdirAll(m.Pulls, 0o700); err != nil {
		return result, fmt.Errorf("make directory of pulls: %w", err)
	}
	dir, err := os.MkdirTemp(m.Pulls, t.Process.ID+"-")
	if err != nil {
		return result, fmt.Errorf("make directory of a pull: %w", err)
	}
	defer func() {
		if failed := os.RemoveAll(dir); err == nil && failed != nil {
			err = fmt.Errorf("remove what was pulled: %w", failed)
		}
	}()
	log.Remark("pulling %s@%s", from.Repository, from.Digest)
	found, err := m.Upstream.Pull(ctx, t.Process.Owner, from, dir)
	if errors.Is(err, syscall.ENOSPC) {
		err = problem.Problem{
			Code: problem.InsufficientStorage, Field: recipe.FieldRegistryID, Value: filepath.Base(m.Pulls), Limit: "room for the image on the daemon's disk",
			Detail: "the disk is full", Remedy: "Free space on the daemon's disk.",
		}
	}
	if err != nil {
		return result, err
	}
	log.Remark("pulled %d bytes in %d layers", found.Size, found.Layers)
	j := worker.Job{ID: t.Process.ID, Kind: worker.KindImage, Network: where.Network, Image: m.image(t, where)}
	j.Image.Base = &worker.Base{Dir: dir, Digest: found.Manifest, MaxBytes: registry.MaxSize}
	if t.Check {
		j.Image.Base.Needs = needs(t)
	}
	return m.Execute(ctx, j, where.Egress, log)
}

// needs gives what the tasks of an image need of it.
func needs(t Task) []worker.Need {
	if words := strings.Fields(t.Recipe.Base.Registry.StartCommand); len(words) > 0 {
		return []worker.Need{{Name: startCommand, Programs: words[:1]}}
	}
	var list []worker.Need
	for _, of := range t.TaskTypes {
		if programs := tasktype.Runs(of); len(programs) > 0 {
			list = append(list, worker.Need{Name: string(of), Programs: programs})
		}
	}
	return list
}

// unfit says why an image of a registry cannot be used.
func unfit(f *worker.Failure) problem.Problem {
	p := problem.Problem{Field: recipe.FieldRegistry, Value: f.Step, Detail: f.Message}
	switch f.Kind {
	case worker.FailureSize:
		p.Code, p.Value, p.Limit = problem.ImageTooLarge, "unpacked", strconv.Itoa(registry.MaxSize>>30)+" GiB"
		p.Detail, p.Remedy = "unpacked, the image is larger than one may be", "Use a smaller image: leave out what the tasks do not need."
	case worker.FailurePlatform:
		p.Code, p.Limit, p.Remedy = problem.ArchitectureNotSupported, "linux/"+registry.Architecture, "Use an image that was built for linux/"+registry.Architecture+"."
	case worker.FailureZone:
		p.Code, p.Limit = problem.TimezoneDataMissing, "an image with the data of the resource group's time zone"
		p.Remedy = "Install tzdata in the image, and push it again."
	case worker.FailureProgram:
		if f.Step == startCommand {
			p.Code, p.Field, p.Limit = problem.StartCommandNotFound, recipe.FieldStartCommand, "a program of the image"
			p.Remedy = "Name a program that the image has, by its path or by a name that its PATH leads to."
			break
		}
		p.Code, p.Field, p.Limit = problem.RuntimeMissing, "task_types", "an image with what its task types need"
		p.Remedy = "Install it in the image and push it again, name another start_command, or remove the task type."
	default:
		p.Code, p.Value, p.Limit = problem.RegistryBadAnswer, "the image", "an image that can be unpacked safely"
		p.Remedy = "Build the image again with a current tool, and push it."
	}
	return p
}
