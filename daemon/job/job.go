// Package job turns recipes into the jobs of workers, runs them, and turns
// their failures into problems that a user can act on.
package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/daemon/place"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/diagnosis"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	domain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// Engine runs jobs in workers.
type Engine interface {
	// Execute runs one job in a worker of its own and returns when nothing of it is left. emit gets the steps and log lines,
	// in order. A job that failed is a *worker.Failure; when ctx ends the error is its cause.
	Execute(ctx context.Context, job worker.Job, emit func(worker.Event)) (worker.Result, error)
}

// Catalogue has the official images.
type Catalogue interface {
	// Ensure returns once the image is in the image store; remarks tell a waiting user what happens.
	Ensure(ctx context.Context, name, version string, remark func(format string, args ...any)) (official.Image, error)
	// Forget says that an image is not in the image store after all.
	Forget(ctx context.Context, name, version string) error
}

// Places finds where work runs.
type Places interface {
	Find(ctx context.Context, resourceGroupID string) (place.Place, error)
}

// Files has the contents of files by their SHA-256.
type Files interface {
	Path(sha256 string) string
}

// Maker makes jobs and runs them.
type Maker struct {
	Engine    Engine
	Catalogue Catalogue
	Upstream  Upstream
	Pulls     string // the directory where images of registries are, while a process uses them
	Places    Places
	Files     Files
	Mounts    []Mount
}

// Mount is a configuration file that install steps see and no layer keeps.
type Mount struct {
	Path    string // in the container
	Content string
	Needs   string // what the base must provide for it to be of use; empty: it always is
}

// Task is one recipe to build in a place.
type Task struct {
	Process   domain.Process
	Recipe    recipe.Recipe
	Tag       string             // keep the result under this name; empty: drop it
	TaskTypes []tasktype.Type    // what an image of a registry must have the programs for, with Check
	Check     bool               // compare the packages with the base's, and refuse those that do not fit together
	Tested    []official.Package // what the version's test has found: installs are held to it; nil: to nothing
	Previous  string             // id in the image store of what the recipe was baked to before: the log says what differs
	Exact     bool               // fail when the result has other packages than were tested
	Commands  []worker.Command   // to run in the result
}

// Build builds a recipe and runs commands in the result. A failed step is blamed on the entry of the recipe that it comes from.
func (m *Maker) Build(ctx context.Context, t Task, log *process.Journal) (worker.Result, error) {
	result, err := m.build(ctx, t, log)
	return result, blame(err, t.Recipe)
}

func (m *Maker) build(ctx context.Context, t Task, log *process.Journal) (worker.Result, error) {
	base := t.Recipe.Base
	where, err := m.where(ctx, t.Process, log)
	if err != nil {
		return worker.Result{}, err
	}
	if base.FromRegistry() {
		return m.buildUpstream(ctx, t, where, log)
	}
	build := func(strict bool) (worker.Result, error) {
		j := worker.Job{ID: t.Process.ID, Kind: worker.KindImage, Network: where.Network, Image: m.image(t, where)}
		return m.onBase(ctx, base, log, func(o official.Image) (worker.Result, error) {
			j.Image.Mounts = held(t, m.mounts(o), o, strict)
			return m.Execute(ctx, j, where.Egress, log)
		})
	}
	result, err := build(true)
	if err == nil || !lacksPackage(err) {
		return result, err
	}
	again, err := m.missing(ctx, t, err, log)
	if !again {
		return result, err
	}
	log.Remark("on the way, the recipe installs with pip or yum what the test did not find in the end; installing without what holds " +
		"them to what was tested, and comparing the result with it")
	return build(false)
}

// blame names the entry of the recipe that a failed step comes from, in place of the instruction.
func blame(err error, r recipe.Recipe) error {
	found, ok := errors.AsType[problem.Problem](err) // whole, and not as it is shown: its value is an instruction
	if !ok {
		return err
	}
	field, value := r.Origin(found.Value)
	if field == "" {
		return err
	}
	found.Field, found.Value = field, value
	return found
}

// Run runs a command in an image that is in the store: an official one, or an artifact.
func (m *Maker) Run(ctx context.Context, p domain.Process, image string, c worker.Command, log *process.Journal) (worker.Result, error) {
	where, err := m.where(ctx, p, log)
	if err != nil {
		return worker.Result{}, err
	}
	j := worker.Job{
		ID: p.ID, Kind: worker.KindRun, Network: where.Network,
		Run: &worker.Run{Image: image, Command: c, TimeZone: where.Group.TimeZone},
	}
	return m.Execute(ctx, j, where.Egress, log)
}

// RunOfficial runs a command in an official image.
func (m *Maker) RunOfficial(ctx context.Context, p domain.Process, base recipe.Base, c worker.Command, log *process.Journal) (worker.Result, error) {
	return m.onBase(ctx, base, log, func(official.Image) (worker.Result, error) {
		return m.Run(ctx, p, base.Name(), c, log)
	})
}

// Execute runs a job and explains its failure.
func (m *Maker) Execute(ctx context.Context, j worker.Job, egress network.Egress, log *process.Journal) (worker.Result, error) {
	w := witness{egress: egress, log: log}
	result, err := m.Engine.Execute(ctx, j, w.see)
	failure, ok := errors.AsType[*worker.Failure](err)
	if !ok || failure.Kind == worker.FailureImage {
		return result, err
	}
	if failure.Kind == worker.FailureCommand && failure.ExitCode != 0 {
		result.ExitCode = failure.ExitCode
	}
	return result, explain(failure, j.Kind, egress, w.recent)
}

// witness keeps the last lines of the step that runs, and says it at once, and once, when the step waits for something that it
// will not get.
type witness struct {
	egress network.Egress
	log    *process.Journal
	recent []string
	said   bool
}

func (w *witness) see(e worker.Event) {
	w.log.Emit(e)
	switch {
	case e.Step != nil:
		w.recent, w.said = nil, false
	case e.Log != nil:
		if w.recent = append(w.recent, e.Log.Line); len(w.recent) > process.ProblemLines {
			w.recent = w.recent[1:]
		}
		if cause, ok := diagnosis.Live(e.Log.Line, w.egress); ok && !w.said && e.Log.Stream != worker.StreamKiln {
			w.said = true
			w.log.Remark("%s: %s. %s", cause.Code, cause.Detail, cause.Remedy)
		}
	}
}

// onBase does something that needs an official image, and makes the image anew when it turns out to be missing.
func (m *Maker) onBase(
	ctx context.Context, base recipe.Base, log *process.Journal, do func(official.Image) (worker.Result, error),
) (result worker.Result, err error) {
	for range 2 {
		image, err := m.Catalogue.Ensure(ctx, base.Official, base.Version, log.Remark)
		if err != nil {
			return worker.Result{}, err
		}
		result, err = do(image)
		failure, ok := errors.AsType[*worker.Failure](err)
		if !ok || failure.Kind != worker.FailureImage {
			return result, err
		}
		log.Remark("official image %s is not in the store any more (%s)", base.Official, failure.Message)
		if err := m.Catalogue.Forget(ctx, base.Official, base.Version); err != nil {
			return worker.Result{}, err
		}
	}
	return result, problem.Problem{
		Code: problem.OfficialImageUnavailable, Field: "source.official.image", Value: base.Official,
		Limit: "an image that the daemon has made", Detail: "the image cannot be used", Remedy: "The daemon's log says why; kiln prepare " + base.Official + " makes it anew.",
	}
}

func (m *Maker) where(ctx context.Context, p domain.Process, log *process.Journal) (place.Place, error) {
	where, err := m.Places.Find(ctx, p.ResourceGroupID)
	if err != nil {
		return where, err
	}
	if err := where.Group.Admit("resource_group_id", p.CU).Err(); err != nil {
		return where, err
	}
	for _, remark := range where.Remarks {
		log.Remark("%s", remark)
	}
	return where, nil
}

func (m *Maker) image(t Task, where place.Place) *worker.Image {
	i := &worker.Image{
		Containerfile: t.Recipe.Containerfile(), Files: map[string]string{}, Epoch: epoch(t.Recipe.Base.Version), Tag: t.Tag,
		Labels: map[string]string{"io.kiln.input-hash": t.Recipe.Hash()},
		Check:  t.Check, Expect: expected(t), Previous: t.Previous, Commands: t.Commands, TimeZone: where.Group.TimeZone,
	}
	for _, f := range t.Recipe.Files {
		f = f.Packed()
		if len(f.Tree) == 0 {
			i.Files[f.ContextName()] = m.Files.Path(f.SHA256)
		}
		for _, n := range f.Tree {
			if i.Trees == nil {
				i.Trees = map[string][]worker.Node{}
			}
			i.Trees[f.ContextName()] = append(i.Trees[f.ContextName()], m.node(n))
		}
	}
	return i
}

// node says where the content of a part of a directory is.
func (m *Maker) node(n recipe.Node) worker.Node {
	if n.Link != "" {
		return worker.Node{Path: n.Path, Link: n.Link}
	}
	bits, err := strconv.ParseUint(n.Mode, 8, 32)
	if err != nil {
		bits = 0o600 // cannot be: the rules admit four octal digits only
	}
	return worker.Node{Path: n.Path, File: m.Files.Path(n.SHA256), Mode: uint32(bits)}
}

// mounts gives the files that are of use on a base: the others would need directories that it does not have.
func (m *Maker) mounts(base official.Image) map[string]string {
	files := map[string]string{}
	for _, f := range m.Mounts {
		if f.Needs == "" || slices.Contains(base.Provides, f.Needs) {
			files[f.Path] = f.Content
		}
	}
	return files
}

// epoch dates every file of a recipe by its base, so that the same recipe gives the same layers on any day.
func epoch(version string) time.Time {
	day, err := time.Parse("20060102", version)
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	return day
}

func explain(f *worker.Failure, kind worker.Kind, egress network.Egress, tail []string) error {
	p := problem.Problem{Value: f.Step, Detail: f.Message, Log: tail}
	step := diagnosis.Failure{Step: f.Step, Message: f.Message, Test: f.Kind == worker.FailureCommand, ExitCode: f.ExitCode, Egress: egress, Tail: tail}
	switch f.Kind {
	case worker.FailureStep, worker.FailureCommand:
		return diagnosis.Explain(step)
	case worker.FailureTarget:
		return problem.Problem{
			Code: problem.InvalidFile, Field: "files", Value: f.Step, Limit: "the path of a file", Detail: "the base image has a directory there",
			Remedy: "Give the whole path of the file as its target: " + f.Step + "/NAME.",
		}
	case worker.FailureLayout, worker.FailureSize, worker.FailurePlatform, worker.FailureZone, worker.FailureProgram:
		return unfit(f)
	case worker.FailureConflict:
		return conflict(f, tail)
	case worker.FailureDrift:
		return drift(f)
	case worker.FailureTimeout:
		if cause, ok := diagnosis.Timeout(step); ok {
			cause.Detail = f.Message + ": " + cause.Detail
			return cause
		}
		p.Code, p.Remedy = problem.StepTimeout, "Make the step faster, or find out in the log what it waits for; standard input is closed."
	case worker.FailureTransfer:
		p.Code, p.Remedy = problem.ImagePushFailed, "Apply again; the log says what the registry answered."
		if kind == worker.KindPull {
			p.Code = problem.ImagePullFailed
		}
		if cause, ok := diagnosis.Transfer(f.Message); ok {
			p.Code, p.Detail, p.Remedy = cause.Code, cause.Detail, cause.Remedy
		}
	case worker.FailureBootstrap:
		p.Code, p.Remedy = problem.CatalogBuildFailed, "Check that the mirror of the daemon's configuration can be reached."
	case worker.FailureDisk:
		p.Code, p.Remedy = problem.InsufficientStorage, "Free space on the daemon's disk."
	case worker.FailureKilled:
		p.Code, p.Remedy = problem.Killed, "Apply again; if it happens again, the machine may be short of memory."
		if strings.TrimSpace(p.Detail) == "" {
			p.Detail = "the worker was killed"
		}
	case worker.FailureImage, worker.FailureInternal:
		return fmt.Errorf("run worker: %w", f)
	default:
		return fmt.Errorf("run worker: unknown failure: %w", f)
	}
	return p
}
