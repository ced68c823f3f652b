// Package command is the command line of kiln, as a function. It must not know
// the daemon's services: all that it shows comes through the client.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// The exit codes, besides those of commands that `kiln run` has run.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitRunFailed   = 125 // of `kiln run`: Kiln has failed, and not the command
	ExitInterrupted = 130
)

// Invocation is one call of the program.
type Invocation struct {
	Args           []string // without the program's name
	Stdout, Stderr io.Writer
	Version        string // of this program
}

// app is what the commands share.
type app struct {
	out, err *printer
	version  string
	now      func() time.Time

	endpoint, region, format string // global flags
}

// exit ends the program with a code; the error, if any, is shown.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// Run runs one command line and gives the exit code of the program.
func Run(ctx context.Context, call Invocation) int {
	a := &app{out: newPrinter(call.Stdout), err: newPrinter(call.Stderr), version: call.Version, now: time.Now}
	root := a.root()
	root.SetArgs(append([]string{}, call.Args...)) // cobra takes nil for the arguments of the process
	root.SetOut(call.Stdout)
	root.SetErr(call.Stderr)
	return a.report(ctx, root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "kiln", Short: "Show images and jobs of a Kiln daemon, and run commands in images",
		SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs, Version: a.version,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.endpoint, "endpoint", "",
		"the daemon: unix:///PATH or https://HOST:PORT (default: "+client.EnvEndpoint+", then the usual sockets)")
	flags.StringVar(&a.region, "region", "", "the region (default: every region, or the daemon's default for names)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err) })
	root.AddCommand(a.images(), a.lock(), a.versions(), a.rollback(), a.jobs(), a.logs(), a.run(), a.cancel(), a.prepare(), a.showVersion())
	for _, cmd := range append(root.Commands(), root) {
		if check := cmd.Args; check != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := check(cmd, args); err != nil {
					return usage(cmd, err)
				}
				return nil
			}
		}
	}
	return root
}

func usage(cmd *cobra.Command, err error) error {
	return exit{code: ExitUsage, err: fmt.Errorf("%w\nusage: %s", err, cmd.UseLine())}
}

func (a *app) connect() (*client.Client, error) {
	return client.New(client.Config{Endpoint: a.endpoint, UserAgent: "kiln/" + a.version})
}

// report shows an error on standard error and gives the exit code.
func (a *app) report(ctx context.Context, err error) int {
	if err == nil {
		return ExitOK
	}
	code := ExitFailed
	if e, ok := errors.AsType[exit](err); ok {
		code, err = e.code, e.err
	}
	switch found := problem.From(err); {
	case err == nil:
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return ExitInterrupted
	case len(found) > 0:
		for _, p := range found {
			a.problem(p)
		}
	default:
		for line := range strings.SplitSeq(err.Error(), "\n") {
			a.remark("%s", line)
		}
	}
	return code
}

// problem shows a problem with the log that it quotes.
func (a *app) problem(p problem.Problem) {
	a.remark("%s", p.Error())
	for _, line := range p.Log {
		a.err.line("  | ", line)
	}
}

// remark says something on standard error in Kiln's own name.
func (a *app) remark(format string, args ...any) {
	a.err.line("kiln: ", fmt.Sprintf(format, args...))
}
