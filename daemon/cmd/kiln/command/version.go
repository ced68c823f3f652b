package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) showVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the versions of this program and of the daemon", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.out.line("kiln  ", a.version)
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			info, err := c.Info(cmd.Context())
			if info.DaemonVersion != "" {
				a.out.line("kilnd ", fmt.Sprintf("%s (API %d, %s, you are %s)", info.DaemonVersion, info.APIVersion, c.Endpoint(), info.Caller))
			}
			if err != nil {
				return err
			}
			return a.out.err
		},
	}
}
