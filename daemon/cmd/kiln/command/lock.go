package command

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

// packageRow is a package of an image in a list; its JSON names are an interface.
type packageRow struct {
	Manager     string `json:"manager"`
	Interpreter string `json:"interpreter"` // of pip's packages
	Name        string `json:"name"`
	Version     string `json:"version"`      // empty: the image has not got what its base has
	BaseVersion string `json:"base_version"` // empty: the base has none
	Digest      string `json:"digest"`       // of what is installed; empty when it is not known
}

const formatHCL = "hcl"

func (a *app) lock() *cobra.Command {
	cmd := &cobra.Command{
		Use: "lock IMAGE", Short: "Show the packages that the test of an image has found, which bakings and runs are held to", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			found, err := c.Image(cmd.Context(), args[0], a.region)
			if err != nil {
				return err
			}
			if a.format == formatHCL {
				a.out.line("", entriesHCL(lock.Entries(found.Packages, found.Spec.Recipe.Packages)))
				return a.out.err
			}
			rows := make([]packageRow, len(found.Packages))
			for i, p := range found.Packages {
				rows[i] = packageRow{p.Manager, p.Interpreter, p.Name, p.Version, p.Base, p.Digest}
			}
			return list(a, rows, []column[packageRow]{
				{"MANAGER", func(r packageRow) string { return r.Manager }},
				{"INTERPRETER", func(r packageRow) string { return r.Interpreter }},
				{"NAME", func(r packageRow) string { return r.Name }},
				{"VERSION", func(r packageRow) string { return r.Version }},
				{"BASE", func(r packageRow) string { return r.BaseVersion }},
				{"DIGEST", func(r packageRow) string { return r.Digest[:min(12, len(r.Digest))] }},
			})
		},
	}
	cmd.Flags().StringVarP(&a.format, "output", "o", formatTable, "the format: table, json, or hcl: a packages argument that pins what the test has brought")
	return cmd
}

// entriesHCL writes entries as the packages argument of a configuration.
func entriesHCL(entries []pkgmanager.Entry) string {
	var b strings.Builder
	b.WriteString("packages = [")
	for _, e := range entries {
		names := make([]string, len(e.Names))
		for i, n := range e.Names {
			names[i] = strconv.Quote(n)
		}
		index := ""
		if e.Index != "" {
			index = ", index = " + strconv.Quote(e.Index)
		}
		fmt.Fprintf(&b, "\n  { type = %q, names = [%s]%s },", e.Type, strings.Join(names, ", "), index)
	}
	return b.String() + "\n]"
}
