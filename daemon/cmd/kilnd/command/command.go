// Package command is kilnd's command line: serve, doctor, backup.
package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitInUse  = 3 // another daemon has the data directory
)

// Run runs the command line and gives the exit code.
func Run(args []string, version string) int {
	// The second signal ends the program at once, as a user who sends it wants.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	root := &cobra.Command{
		Use: "kilnd", Short: "Builds, tests, publishes and bakes custom images", Version: version,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(serveCommand(version), doctorCommand())
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(os.Stderr, "kilnd:", err)
	if problem.Has(err, problem.StateInUse) {
		return exitInUse
	}
	return exitFailed
}

// settings are the flags that say where the daemon's things are; they override the file.
type settings struct {
	config, dataDir, socket, runtime string
}

func (s *settings) add(c *cobra.Command) {
	c.Flags().StringVar(&s.config, "config", "", "configuration file (default: none; every field has a default)")
	c.Flags().StringVar(&s.dataDir, "data-dir", "", "where everything is kept (default $XDG_STATE_HOME/kiln)")
	c.Flags().StringVar(&s.socket, "socket", "", "unix socket of the API (default $XDG_RUNTIME_DIR/kiln/kilnd.sock, or $XDG_STATE_HOME/kiln/kilnd.sock)")
	c.Flags().StringVar(&s.runtime, "runtime", "", "path of runc (default: beside kilnd, or in ../libexec/kiln)")
}

// load reads the configuration for a user: root is refused.
func (s *settings) load(uid int) (daemon.Config, error) {
	var cfg daemon.Config
	if s.config != "" {
		var err error
		if cfg, err = daemon.LoadConfig(s.config); err != nil {
			return cfg, err
		}
	}
	for _, override := range []struct {
		flag  string
		field *string
	}{{s.dataDir, &cfg.DataDir}, {s.socket, &cfg.Socket}, {s.runtime, &cfg.Runtime}} {
		if override.flag != "" {
			*override.field = override.flag
		}
	}
	if uid == 0 {
		return cfg, problem.Problem{
			Code: problem.RefuseRoot, Field: "uid", Value: "0", Limit: "an ordinary user with a range in /etc/subuid",
			Detail: "kilnd is rootless", Remedy: "Start it as an ordinary user.",
		}
	}
	return cfg, nil
}

func serveCommand(version string) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "serve", Short: "Run the daemon in the foreground", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load(os.Geteuid())
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(os.Stderr, nil))
			err = daemon.Run(c.Context(), cfg, daemon.Options{Version: version}, log)
			if c.Context().Err() != nil && errors.Is(err, context.Canceled) {
				err = nil // it was asked to stop, and has
			}
			return err
		},
	}
	s.add(c)
	return c
}
