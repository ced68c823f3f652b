package command

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// prefixSearch is how many of the newest jobs are looked at for the prefix of an id.
const prefixSearch = 1000

// jobRow is a process in a list; its JSON names are an interface.
type jobRow struct {
	ID            string     `json:"id"`
	Kind          string     `json:"kind"`
	State         string     `json:"state"`
	Region        string     `json:"region"`
	Image         string     `json:"image"` // its name, or what else the job works on
	ImageID       string     `json:"image_id"`
	ImageVersion  int        `json:"image_version"`
	Step          string     `json:"step"`
	Problem       string     `json:"problem"` // the code of why it failed
	ExitCode      int        `json:"exit_code"`
	Attempt       int        `json:"attempt"`
	CU            float64    `json:"cu"`
	CUSeconds     float64    `json:"cu_seconds"`
	QueuePosition int        `json:"queue_position"` // from 1; 0: not queued
	CreatedAt     *time.Time `json:"created_at"`
	StartedAt     *time.Time `json:"started_at"`
	EndedAt       *time.Time `json:"ended_at"`
}

func (a *app) jobs() *cobra.Command {
	var kind, state, imageName string
	var limit int
	cmd := &cobra.Command{
		Use: "jobs", Short: "List the jobs, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			filter := client.ProcessFilter{Region: a.region, Kind: process.Kind(kind), State: process.State(state), Limit: limit}
			if imageName != "" {
				found, err := c.Image(cmd.Context(), imageName, a.region)
				if err != nil {
					return err
				}
				filter.ImageID = found.ID
			}
			return a.listJobs(cmd.Context(), c, filter)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&kind, "kind", "", "only jobs of a kind: catalogue, test, build, run or cleanup")
	flags.StringVar(&state, "state", "", "only jobs in a state: queued, running, completed, failed or cancelled")
	flags.StringVar(&imageName, "image", "", "only jobs of an image, by its name or id")
	flags.IntVar(&limit, "limit", 0, "at most so many jobs (default: the daemon's)")
	a.listFlag(cmd)
	return cmd
}

func (a *app) listJobs(ctx context.Context, c *client.Client, filter client.ProcessFilter) error {
	jobs, err := c.Processes(ctx, filter)
	if err != nil {
		return err
	}
	images, err := c.Images(ctx, filter.Region)
	if err != nil {
		return err
	}
	names := make(map[string]string, len(images))
	for _, i := range images {
		names[i.ID] = i.Spec.Name
	}
	rows := make([]jobRow, len(jobs))
	for i, job := range jobs {
		rows[i] = toJobRow(job, names)
	}
	return list(a, rows, []column[jobRow]{
		{"ID", func(r jobRow) string { return r.ID }},
		{"KIND", func(r jobRow) string { return r.Kind }},
		{"IMAGE", func(r jobRow) string { return r.Image }},
		{"VERSION", func(r jobRow) string { return number(r.ImageVersion) }},
		{"STATE", func(r jobRow) string { return r.State }},
		{"STEP", func(r jobRow) string { return shorten(cmp.Or(r.Problem, r.Step)) }},
		{"AGE", func(r jobRow) string {
			if r.CreatedAt == nil {
				return ""
			}
			return age(a.now(), *r.CreatedAt)
		}},
		{"CU-SECONDS", func(r jobRow) string { return fmt.Sprintf("%.1f", r.CUSeconds) }},
		{"QUEUE", func(r jobRow) string { return number(r.QueuePosition) }},
	})
}

func toJobRow(p client.Process, names map[string]string) jobRow {
	row := jobRow{
		ID: p.ID, Kind: string(p.Kind), State: string(p.State), Region: p.Region, ImageID: p.ImageID, ImageVersion: p.ImageVersion,
		Image: cmp.Or(names[p.ImageID], p.ImageID, p.Subject), Step: p.Step, ExitCode: p.ExitCode, Attempt: p.Attempt, CU: p.CU,
		CUSeconds: p.CUSeconds, QueuePosition: p.QueuePosition,
		CreatedAt: moment(p.CreatedAt), StartedAt: moment(p.StartedAt), EndedAt: moment(p.EndedAt),
	}
	if p.Problem != nil {
		row.Problem = string(p.Problem.Code)
	}
	return row
}

// shorten keeps the instruction of a step from filling the whole line.
func shorten(step string) string {
	const most = 40
	if runes := []rune(step); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return step
}

// find gives the job with an id, or with the only id that begins so.
func (a *app) find(ctx context.Context, c *client.Client, id string) (client.Process, error) {
	found, err := c.Process(ctx, id)
	if !problem.Has(err, problem.NotFound) || id == "" {
		return found, err
	}
	jobs, listErr := c.Processes(ctx, client.ProcessFilter{Region: a.region, Limit: prefixSearch})
	if listErr != nil {
		return found, listErr
	}
	var matches []string
	for _, job := range jobs {
		if strings.HasPrefix(job.ID, id) {
			found = job
			matches = append(matches, job.ID)
		}
	}
	switch len(matches) {
	case 0:
		return found, err
	case 1:
		return found, nil
	}
	return found, problem.Problem{
		Code: problem.InvalidParameter, Field: "job", Value: id, Limit: strings.Join(matches[:min(len(matches), 5)], ", "),
		Detail: fmt.Sprintf("%d jobs begin so", len(matches)), Remedy: "Give more of the id.",
	}
}

// findOrImage is find, or the latest job of the image with that name.
func (a *app) findOrImage(ctx context.Context, c *client.Client, name string) (client.Process, error) {
	image, err := c.Image(ctx, name, a.region)
	if problem.Has(err, problem.NotFound) {
		job, err := a.find(ctx, c, name)
		if problem.Has(err, problem.NotFound) {
			err = problem.Problem{
				Code: problem.NotFound, Field: "job", Value: name, Limit: "an image or a job of yours", Detail: "no such image or job",
				Remedy: "See kiln images and kiln jobs.",
			}
		}
		return job, err
	}
	if err != nil {
		return client.Process{}, err
	}
	jobs, err := c.Processes(ctx, client.ProcessFilter{ImageID: image.ID, Limit: 1})
	if err != nil {
		return client.Process{}, err
	}
	if len(jobs) == 0 {
		return client.Process{}, problem.Problem{
			Code: problem.NotFound, Field: "job", Value: name, Limit: "a job, or an image that has one", Detail: "the image has no jobs",
			Remedy: "Apply it first.",
		}
	}
	return jobs[0], nil
}

func (a *app) cancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel JOB", Short: "Stop a job", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			before, err := a.find(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			after, err := c.CancelProcess(cmd.Context(), before.ID)
			if err != nil {
				return err
			}
			if before.State.Final() {
				a.remark("the job was %s already", before.State)
			}
			a.out.line("", after.ID+" "+string(after.State))
			return a.out.err
		},
	}
}
