package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/kilnhq/kiln/daemon"
)

// errUnfit is doctor's exit: what is wrong it has printed already.
var errUnfit = errors.New("this machine is not ready for kilnd; the lines above say what to do")

func doctorCommand() *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: "doctor", Short: "Check everything that kilnd needs, and say how to mend it", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := s.load(os.Geteuid())
			if err != nil {
				return err
			}
			checks, err := daemon.Doctor(c.Context(), cfg)
			if err != nil {
				return err
			}
			fit := true
			for _, check := range checks {
				mark := "ok  "
				if !check.OK {
					mark, fit = "FAIL", false
				}
				fmt.Fprintf(c.OutOrStdout(), "%s  %-22s %s\n", mark, check.Name, check.Detail)
				if !check.OK {
					fmt.Fprintf(c.OutOrStdout(), "      %-22s fix: %s\n", "", check.Fix)
				}
			}
			if !fit {
				return errUnfit
			}
			return nil
		},
	}
	s.add(c)
	return c
}
