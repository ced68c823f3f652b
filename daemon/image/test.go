package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// maxStepName is how much of a command stands in the name of its step, in characters.
const maxStepName = 100

// Tester runs the tests of versions; it implements process.Handler.
type Tester struct{ *Service }

// Run builds the version's recipe, runs what each of its task types must be able to, and the test's own commands.
func (s Tester) Run(ctx context.Context, p processdomain.Process, log *process.Journal) (any, error) {
	var i domain.Image
	var v domain.Version
	var tested []official.Package
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		if i, err = tx.Image(p.ImageID); err != nil {
			return err
		}
		if v, err = tx.Version(p.ImageID, p.ImageVersion); err == nil {
			err = v.Intact()
		}
		if err != nil {
			return err
		}
		tested, err = sameRecipe(tx, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.cfg.Worker.Build(ctx, job.Task{
		Process: p, Recipe: v.Recipe, TaskTypes: i.Spec.TaskTypes, Check: true, Tested: tested, Commands: commands(i.Spec),
	}, log)
}

// sameRecipe gives what the latest test of the same recipe has found, which this one is held to; nil when there was none.
func sameRecipe(tx Tx, v domain.Version) ([]official.Package, error) {
	versions, err := tx.Versions(v.ImageID)
	if err != nil {
		return nil, err
	}
	for _, other := range slices.Backward(versions) {
		if other.InputHash == v.InputHash && !other.TestedAt.IsZero() && len(other.Packages) > 0 {
			return other.Packages, nil
		}
	}
	return nil, nil
}

// Finish stores what the test found; a version that passed is published when its image asks for that.
func (s Tester) Finish(ctx context.Context, p processdomain.Process, result any) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.FinishProcess(p); err != nil {
			return err
		}
		i, err := tx.Image(p.ImageID)
		if errors.Is(err, store.ErrNotFound) {
			return nil // it was deleted meanwhile; the process is what remains
		}
		if err != nil {
			return err
		}
		v, err := tx.Version(p.ImageID, p.ImageVersion)
		if err != nil {
			return err
		}
		if v.Stage, err = domain.Next(v.Stage, testEvent(p.State)); err != nil {
			return err
		}
		if found, ok := result.(worker.Result); ok {
			v.SizeBytes, v.TestedAt, v.Packages = found.SizeBytes, tx.Now(), packages(found.Packages)
		}
		if err := tx.UpdateVersion(v); err != nil {
			return err
		}
		intact := v.Intact() == nil // another apply says what is wrong
		if p.State != processdomain.StateCompleted || v.Number != i.CurrentVersion || !i.Spec.Publish || !intact {
			return nil
		}
		return publish(tx, i, v)
	})
}

func testEvent(s processdomain.State) domain.Event {
	switch s {
	case processdomain.StateCompleted:
		return domain.EventTestOK
	case processdomain.StateCancelled:
		return domain.EventTestCancelled
	case processdomain.StateFailed, processdomain.StateQueued, processdomain.StateRunning:
	}
	return domain.EventTestFailed
}

func packages(list []worker.Package) (converted []official.Package) {
	for _, p := range list {
		converted = append(converted, official.Package(p))
	}
	return converted
}

// first gives enough of a command to tell it by: a step's name is on every line of its log.
func first(command string) string {
	line, _, more := strings.Cut(strings.TrimSpace(command), "\n")
	if runes := []rune(line); len(runes) > maxStepName {
		line, more = string(runes[:maxStepName]), true
	}
	if more {
		line += " …"
	}
	return line
}

// smoke gives what an image must be able to run for a task type. What a start command of its own can do, nobody knows.
func smoke(base recipe.Base, t tasktype.Type) []string {
	switch {
	case !base.FromRegistry():
		return tasktype.Smoke(t)
	case base.Registry.StartCommand != "":
		return nil
	}
	return tasktype.SmokeUpstream(t)
}

func commands(spec domain.Spec) []worker.Command {
	var list []worker.Command
	for _, t := range spec.TaskTypes {
		if argv := smoke(spec.Recipe.Base, t); argv != nil {
			list = append(list, worker.Command{Name: "smoke test of " + string(t), Argv: argv})
		}
	}
	for n, c := range spec.Test.Commands {
		list = append(list, worker.Command{Name: fmt.Sprintf("test.commands[%d]: %s", n, first(c)), Argv: []string{"/bin/sh", "-ec", c}})
	}
	return list
}
