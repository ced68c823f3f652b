package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/resource"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/build"
	domain "github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/problem"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
)

// runPayload is what a run needs to know.
type runPayload struct {
	Official *recipe.Base      `json:"official,omitempty"` // run in this official image, not in a custom one
	Argv     []string          `json:"argv"`
	Env      map[string]string `json:"env,omitempty"`
}

// Run queues one run of a command. A custom image runs in its published version.
func (s *Service) Run(ctx context.Context, req RunRequest) (processID string, err error) {
	region, err := s.cfg.Region(req.Region)
	if err != nil {
		return "", err
	}
	if err := validateRun(req).Err(); err != nil {
		return "", err
	}
	catalogue, err := s.cfg.Catalogue.List(ctx, "", "")
	if err != nil {
		return "", err
	}
	err = s.cfg.Store.Write(ctx, func(tx Tx) error {
		p, err := s.runProcess(tx, req, region.Name, catalogue)
		if err != nil {
			return err
		}
		processID = p.ID
		return tx.InsertProcess(p)
	})
	s.cfg.Queue.Kick()
	return processID, err
}

func validateRun(req RunRequest) problem.List {
	found := recipe.ValidateEnv("env", req.Env)
	if len(req.Argv) == 0 {
		found = append(found, problem.Problem{
			Code: problem.MissingRequired, Field: "argv", Limit: "a command", Remedy: "Say what to run after --.",
		})
	}
	for n, arg := range req.Argv {
		p := problem.Problem{Code: problem.InvalidParameter, Field: fmt.Sprintf("argv[%d]", n)}
		switch {
		case len(arg) > domain.MaxTestCommand:
			p.Value, p.Limit = fmt.Sprintf("%d bytes", len(arg)), fmt.Sprintf("%d bytes", domain.MaxTestCommand)
			p.Remedy = "Make the argument shorter."
		case strings.ContainsRune(arg, 0):
			p.Value, p.Limit, p.Remedy = fmt.Sprintf("%q", arg), "text without NUL", "Remove what is no text."
		default:
			continue
		}
		found = append(found, p)
	}
	return found
}

func (s *Service) runProcess(tx Tx, req RunRequest, region string, catalogue []official.Image) (p processdomain.Process, err error) {
	payload := runPayload{Argv: req.Argv, Env: req.Env}
	i, err := find(tx, req.Owner, region, req.Image)
	if problem.Has(err, problem.NotFound) {
		entry, missing := official.Resolve(catalogue, req.Image, "")
		if missing != nil {
			return p, err
		}
		i = domain.Image{ID: entry.Tag(), Owner: req.Owner, Region: region}
		payload.Official, err = &recipe.Base{Official: entry.Name, Version: entry.Version}, nil
	}
	if err != nil {
		return p, err
	}
	if payload.Official == nil && i.PublishedVersion == 0 {
		return p, problem.Problem{
			Code: problem.ImageNotPublished, Field: "image", Value: i.Spec.Name, Limit: "stage Published",
			Detail: "the image is in stage " + string(i.Stage), Remedy: "Publish it first: publish = true and a test that succeeds.",
		}
	}
	var v domain.Version
	if payload.Official == nil {
		if v, err = tx.Version(i.ID, i.PublishedVersion); err == nil {
			err = v.Intact()
		}
		if err != nil {
			return p, err
		}
	}
	group, err := runGroup(tx, req, i)
	if err == nil {
		err = domain.AdmitVPC("resource_group", v.Recipe.Base, group).Err()
	}
	if err != nil {
		return p, err
	}
	if err := group.Admit("resource_group", resourcegroup.DefaultCU).Err(); err != nil {
		return p, err
	}
	if p, err = newProcess(tx, i, processdomain.KindRun, payload); err != nil {
		return p, err
	}
	p.ImageVersion, p.ResourceGroupID, p.CU = i.PublishedVersion, group.ID, resourcegroup.DefaultCU
	return p, nil
}

func runGroup(tx Tx, req RunRequest, i domain.Image) (resourcegroup.ResourceGroup, error) {
	want := req.ResourceGroup
	if want == "" {
		want = i.Spec.Test.ResourceGroupID
	}
	if want == "" {
		return resourcegroup.ResourceGroup{}, problem.Problem{
			Code: problem.MissingRequired, Field: "resource_group", Limit: "a resource group", Remedy: "Say where to run: --resource-group NAME.",
		}
	}
	g, err := tx.ResourceGroup(want)
	if err == nil && g.Owner != req.Owner {
		err = store.ErrNotFound
	}
	if err == nil {
		return g, g.AdmitRegion("resource_group", i.Region).Err()
	}
	if errors.Is(err, store.ErrNotFound) {
		g, err = tx.ResourceGroupByName(req.Owner, i.Region, want)
	}
	if errors.Is(err, store.ErrNotFound) {
		return g, resource.NotFound("resource group", "resource_group", want)
	}
	return g, err
}

// Runner runs commands in images; it implements process.Handler.
type Runner struct{ *Service }

// Run runs the command: in the official image, in the artifact when the version was baked, else in an image that is built
// for this run alone, as a regular custom image is on every run.
func (s Runner) Run(ctx context.Context, p processdomain.Process, log *process.Journal) (any, error) {
	var payload runPayload
	if err := json.Unmarshal(p.Payload, &payload); err != nil {
		return nil, fmt.Errorf("read payload of %s: %w", p.ID, err)
	}
	command := worker.Command{Name: processdomain.RunStep, Argv: payload.Argv, Env: payload.Env}
	if payload.Official != nil {
		return s.cfg.Worker.RunOfficial(ctx, p, *payload.Official, command, log)
	}
	v, artifact, err := s.artifact(ctx, p)
	if err != nil {
		return nil, err
	}
	if artifact == nil {
		return s.install(ctx, p, v, command, log)
	}
	return s.baked(ctx, p, *artifact, command, log)
}

// artifact gives the version to run, and what was baked from it when that is what its persistent build serves.
func (s Runner) artifact(ctx context.Context, p processdomain.Process) (v domain.Version, baked *build.Artifact, err error) {
	err = s.cfg.Store.Read(ctx, func(tx Tx) error {
		if v, err = tx.Version(p.ImageID, p.ImageVersion); err == nil {
			err = v.Intact()
		}
		if err != nil {
			return err
		}
		b, err := tx.Build(p.ImageID)
		if errors.Is(err, store.ErrNotFound) || err == nil && b.BakedVersion != v.Number {
			return nil
		}
		if err != nil {
			return err
		}
		a, err := tx.Artifact(p.Owner, v.InputHash)
		baked = &a
		return err
	})
	return v, baked, err
}

// baked runs in the artifact; one that the image store has lost comes back from the registry.
func (s Runner) baked(ctx context.Context, p processdomain.Process, a build.Artifact, c worker.Command, log *process.Journal) (any, error) {
	log.Remark("running in the persistent build %s", a.Digest)
	result, err := s.cfg.Worker.Run(ctx, p, a.ImageID, c, log)
	if failure, ok := errors.AsType[*worker.Failure](err); !ok || failure.Kind != worker.FailureImage {
		return result, err
	}
	log.Remark("the image store has lost it; fetching it from the registry")
	id, err := s.cfg.Fetcher.Fetch(ctx, p, a, log)
	if err != nil {
		return nil, err
	}
	return s.cfg.Worker.Run(ctx, p, id, c, log)
}

// install builds the recipe for this run, or pulls the image of a registry for it.
func (s Runner) install(ctx context.Context, p processdomain.Process, v domain.Version, c worker.Command, log *process.Journal) (any, error) {
	if v.Recipe.Base.FromRegistry() {
		return exited(s.cfg.Worker.Build(ctx, job.Task{Process: p, Recipe: v.Recipe, Commands: []worker.Command{c}}, log))
	}
	log.Remark("no persistent build: installing the packages for this run; a kiln_persistent_build of version %d would install them once", v.Number)
	result, err := s.cfg.Worker.Build(ctx, job.Task{Process: p, Recipe: v.Recipe, Tested: v.Packages, Commands: []worker.Command{c}}, log)
	if err == nil && lock.Recorded(v.Packages) {
		for _, d := range lock.Compare(v.Packages, packages(result.Packages)) {
			log.Remark("other than tested: %s", d)
		}
	}
	return exited(result, err)
}

// exited takes a command that has ended with another exit code than 0 for one that has run.
func exited(result worker.Result, err error) (any, error) {
	if problem.Has(err, problem.TestFailed) {
		return result, nil
	}
	return result, err
}

// Finish stores the end of a run with the command's exit code.
func (s Runner) Finish(ctx context.Context, p processdomain.Process, result any) error {
	if r, ok := result.(worker.Result); ok {
		p.ExitCode = r.ExitCode
	}
	return s.cfg.Store.Write(ctx, func(tx Tx) error { return tx.FinishProcess(p) })
}
