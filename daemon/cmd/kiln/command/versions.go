package command

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// versionRow is a version of an image in a list; its JSON names are an interface.
type versionRow struct {
	Version     int        `json:"version"`
	Stage       string     `json:"stage"`
	Current     bool       `json:"current"`
	Published   bool       `json:"published"` // it is the one that tasks use
	InputHash   string     `json:"input_hash"`
	ProcessID   string     `json:"process_id"`
	SizeBytes   int64      `json:"size_bytes"`
	CreatedAt   *time.Time `json:"created_at"`
	CreatedBy   string     `json:"created_by"`
	TestedAt    *time.Time `json:"tested_at"`
	PublishedAt *time.Time `json:"published_at"` // for the first time
	PublishedBy string     `json:"published_by"`
}

// entryRow is an entry of a history in a list; its JSON names are an interface.
type entryRow struct {
	At      *time.Time `json:"at"`
	Action  string     `json:"action"`
	Version int        `json:"version"`
	Actor   string     `json:"actor"`
}

// clock is how times of a history are shown: in the caller's zone, to the second.
const clock = time.DateTime

func (a *app) versions() *cobra.Command {
	var history bool
	cmd := &cobra.Command{
		Use: "versions IMAGE", Short: "List the versions of an image, or what has happened to it",
		Long: "Lists the versions of an image, by its name or id: > marks the one that tasks use.", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			i, err := c.Image(cmd.Context(), args[0], a.region)
			if err != nil {
				return err
			}
			if history {
				entries, err := c.ImageHistory(cmd.Context(), i.ID)
				if err != nil {
					return err
				}
				return a.listHistory(entries)
			}
			versions, err := c.ImageVersions(cmd.Context(), i.ID)
			if err != nil {
				return err
			}
			return a.listVersions(i, versions)
		},
	}
	cmd.Flags().BoolVar(&history, "history", false, "list what has happened, the oldest first")
	a.listFlag(cmd)
	return cmd
}

func (a *app) listVersions(i image.Image, versions []image.Version) error {
	rows := make([]versionRow, len(versions))
	for n, v := range versions {
		rows[n] = versionRow{
			Version: v.Number, Stage: string(v.Stage.Public()), Current: v.Number == i.CurrentVersion, Published: v.Number == i.PublishedVersion,
			InputHash: v.InputHash, ProcessID: v.ProcessID, SizeBytes: v.SizeBytes, CreatedAt: moment(v.CreatedAt), CreatedBy: v.CreatedBy,
			TestedAt: moment(v.TestedAt), PublishedAt: moment(v.PublishedAt), PublishedBy: v.PublishedBy,
		}
	}
	return list(a, rows, []column[versionRow]{
		{"VERSION", func(r versionRow) string {
			if r.Published {
				return strconv.Itoa(r.Version) + " >"
			}
			return strconv.Itoa(r.Version)
		}},
		{"STAGE", func(r versionRow) string { return r.Stage }},
		{"INPUT HASH", func(r versionRow) string { return shortHash(r.InputHash) }},
		{"CREATED", func(r versionRow) string { return at(r.CreatedAt) }},
		{"TESTED", func(r versionRow) string { return at(r.TestedAt) }},
		{"PUBLISHED", func(r versionRow) string { return at(r.PublishedAt) }},
		{"BY", func(r versionRow) string { return cmp.Or(r.PublishedBy, r.CreatedBy) }},
	})
}

func (a *app) listHistory(entries []image.Entry) error {
	rows := make([]entryRow, len(entries))
	for n, e := range entries {
		rows[n] = entryRow{At: moment(e.At), Action: string(e.Action), Version: e.Version, Actor: e.Actor}
	}
	return list(a, rows, []column[entryRow]{
		{"TIME", func(r entryRow) string { return at(r.At) }},
		{"ACTION", func(r entryRow) string { return r.Action }},
		{"VERSION", func(r entryRow) string { return number(r.Version) }},
		{"BY", func(r entryRow) string { return r.Actor }},
	})
}

// at writes a time of a history.
func at(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format(clock)
}

// shortHash is what tells hashes apart for people.
func shortHash(hash string) string {
	algorithm, hex, ok := strings.Cut(hash, ":")
	if !ok || len(hex) < 12 {
		return hash
	}
	return algorithm + ":" + hex[:12]
}

func (a *app) rollback() *cobra.Command {
	return &cobra.Command{
		Use: "rollback IMAGE VERSION", Short: "Go back to a version of an image that was published before",
		Long: "Makes an earlier version the one that tasks use, at once and without a test. Terraform shows the difference in its next\n" +
			"plan: revert the commit too, or the next apply goes forward again. A persistent build keeps its digest until an apply:\n" +
			"that of the reverted commit takes the digest of the earlier version, without baking it again.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.Atoi(args[1])
			if err != nil {
				return problem.Problem{
					Code: problem.InvalidParameter, Field: "version", Value: args[1], Limit: "a number", Remedy: "kiln versions lists them.",
				}
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			i, err := c.RollbackImage(cmd.Context(), client.RollbackImage{ID: args[0], Region: a.region, Version: version})
			if err != nil {
				return err
			}
			a.out.line("", fmt.Sprintf("%s version %d %s", i.Spec.Name, i.PublishedVersion, i.Stage.Public()))
			b, err := c.Build(cmd.Context(), i.ID)
			if err != nil && !problem.Has(err, problem.NotFound) {
				return err
			}
			if b.BakedVersion != 0 && b.BakedVersion != i.PublishedVersion {
				a.out.line("", fmt.Sprintf("its persistent build still has version %d, %s, until the next apply: runs install version %d meanwhile",
					b.BakedVersion, b.Digest, i.PublishedVersion))
			}
			return a.out.err
		},
	}
}
