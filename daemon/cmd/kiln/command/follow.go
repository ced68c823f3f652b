package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/process"
)

// The streams of a log, as the daemon names them.
const (
	streamStdout = "stdout"
	streamKiln   = "kiln"
)

// cancelTime is how long stopping a job may take when the program is about to end.
const cancelTime = 15 * time.Second

func (a *app) logs() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "logs JOB", Short: "Show the log of a job, or of the latest job of an image",
		Long: "Shows the log of a job. JOB is the id of a job, the beginning of one, or the name of an image.\n" +
			"What the job has printed is indented; what begins a line comes from Kiln.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			job, err := a.findOrImage(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			if !follow {
				_, err := c.WatchProcess(cmd.Context(), client.Watch{ID: job.ID}, func(e client.Event) error {
					a.logged(e)
					return a.out.err
				})
				return err
			}
			job, err = a.follow(cmd.Context(), c, job.ID, a.logged)
			if job.State.Final() {
				a.ended(job)
				return a.out.err
			}
			return err
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job has ended")
	return cmd
}

func (a *app) prepare() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use: "prepare OFFICIAL_IMAGE", Short: "Make an official image available now and not on first use", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			id, err := c.PrepareOfficialImage(cmd.Context(), args[0], version)
			if err != nil {
				return err
			}
			if id == "" {
				a.remark("%s is available already", args[0])
				return nil
			}
			a.remark("job %s", id)
			job, err := a.follow(cmd.Context(), c, id, a.logged)
			switch {
			case job.State.Final():
				a.ended(job)
				if err != nil {
					return exit{code: ExitFailed}
				}
			case cmd.Context().Err() != nil:
				a.remark("the job goes on; follow it with: kiln logs -f %s", id)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "the version, YYYYMMDD (default: the newest)")
	return cmd
}

func (a *app) run() *cobra.Command {
	var group string
	var variables []string
	cmd := &cobra.Command{
		Use: "run IMAGE [flags] -- COMMAND…", Short: "Run a command in an image",
		Long: "Runs a command in an image: a custom one, by its name or id, or an official one, by its name.\n" +
			"What the command prints comes out as it went in, Kiln's own remarks on standard error.\n" +
			"The exit code is the command's, or 125 when Kiln has failed.",
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() != 1 || len(args) < 2 {
				return errors.New("one image, then -- and a command are needed")
			}
			return nil
		},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := environment(variables)
			if err != nil {
				return usage(cmd, err)
			}
			return a.runCommand(cmd.Context(), client.RunImage{
				Image: args[0], Region: a.region, ResourceGroup: group, Argv: args[1:], Env: env,
			})
		},
	}
	cmd.Flags().StringVar(&group, "resource-group", "", "where to run: `NAME` or id (default: where the image is tested)")
	cmd.Flags().StringArrayVarP(&variables, "env", "e", nil, "set an environment variable: `NAME=VALUE`; may be repeated")
	return cmd
}

func environment(variables []string) (map[string]string, error) {
	env := make(map[string]string, len(variables))
	for _, variable := range variables {
		name, value, ok := strings.Cut(variable, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("environment variable %q: NAME=VALUE is needed", name)
		}
		env[name] = value
	}
	return env, nil
}

func (a *app) runCommand(ctx context.Context, request client.RunImage) error {
	c, err := a.connect()
	if err != nil {
		return exit{ExitRunFailed, err}
	}
	defer c.Close()
	id, err := c.RunImage(ctx, request)
	if err != nil {
		return exit{ExitRunFailed, err}
	}
	a.remark("job %s", id)
	job, err := a.follow(ctx, c, id, a.printed())
	switch {
	case !job.State.Final() && (ctx.Err() != nil || a.out.err != nil):
		return a.abandon(ctx, c, id)
	case !job.State.Final():
		return exit{ExitRunFailed, err}
	}
	a.explain(job)
	switch {
	case job.ExitCode > 0 && job.ExitCode <= 255:
		return exit{code: job.ExitCode}
	case err != nil:
		return exit{code: ExitRunFailed}
	}
	return a.out.err
}

// abandon stops a run that nobody looks at any more.
func (a *app) abandon(ctx context.Context, c *client.Client, id string) error {
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer cancel()
	if _, err := c.CancelProcess(cleanup, id); err != nil {
		a.remark("the job could not be stopped and goes on; stop it with: kiln cancel %s", id)
		return exit{ExitRunFailed, err}
	}
	a.remark("the job was cancelled")
	if ctx.Err() != nil {
		return exit{code: ExitInterrupted}
	}
	return exit{ExitRunFailed, a.out.err}
}

// follow waits for the end of a job and shows what happens meanwhile; it stops when standard output takes nothing any more.
func (a *app) follow(ctx context.Context, c *client.Client, id string, show func(client.Event)) (client.Process, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	position := 0
	job, err := c.Wait(ctx, id, func(e client.Event) {
		if e.Process != nil && e.Process.QueuePosition != position {
			if position = e.Process.QueuePosition; position > 0 {
				a.remark("waiting in the queue at position %d", position)
			}
		}
		show(e)
		if a.out.err != nil {
			cancel()
		}
	})
	if a.out.err != nil && !job.State.Final() {
		return job, a.out.err
	}
	return job, err
}

// logged shows a line of a log such that nothing that a job prints can pass for a line of Kiln's.
func (a *app) logged(e client.Event) {
	switch line := e.Line; {
	case line == nil:
	case line.Step != "":
		a.out.line("==> ", oneLine(line.Text))
	case line.Stream == streamKiln:
		a.out.line("kiln: ", oneLine(line.Text))
	default:
		a.out.line("  ", oneLine(line.Text))
	}
}

// printed shows a line where the command has written it; what the installation of packages has printed before is a remark.
func (a *app) printed() func(client.Event) {
	running := false
	return func(e client.Event) {
		switch line := e.Line; {
		case line == nil:
		case line.Step != "" && line.Text == process.RunStep:
			running = true
		case line.Step != "" || line.Stream == streamKiln:
			a.remark("%s", line.Text)
		case line.Stream == streamStdout && running:
			a.out.line("", line.Text)
		default:
			a.err.line("", line.Text)
		}
	}
}

// oneLine keeps a line that holds a line feed from beginning another one.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", `\n`) }

// ended says on standard error how a job has ended.
func (a *app) ended(job client.Process) {
	a.remark("job %s: %s", job.ID, job.State)
	a.explain(job)
}

// explain shows why a job failed, without the log, which was shown already.
func (a *app) explain(job client.Process) {
	switch {
	case job.Problem != nil:
		shown := *job.Problem
		shown.Log = nil
		a.problem(shown)
	case job.State == process.StateCancelled:
		a.remark("the job was cancelled")
	}
}
