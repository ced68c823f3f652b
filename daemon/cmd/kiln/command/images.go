package command

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// imageRow is a custom image in a list; its JSON names are an interface.
type imageRow struct {
	ID               string     `json:"id"`
	Name             string     `json:"name"`
	Region           string     `json:"region"`
	Owner            string     `json:"owner"`
	Visibility       string     `json:"visibility"`
	TaskTypes        []string   `json:"task_types"`
	CurrentVersion   int        `json:"current_version"`
	PublishedVersion int        `json:"published_version"` // 0: never published
	Stage            string     `json:"stage"`
	InputHash        string     `json:"input_hash"`
	ProcessID        string     `json:"process_id"`
	SizeBytes        int64      `json:"size_bytes"`
	CreatedAt        *time.Time `json:"created_at"`
	UpdatedAt        *time.Time `json:"updated_at"`
}

// officialRow is an entry of the catalogue in a list; its JSON names are an interface.
type officialRow struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Status     string   `json:"status"`
	Available  bool     `json:"available"`
	SizeBytes  int64    `json:"size_bytes"`
	TaskTypes  []string `json:"task_types"`
	DefaultFor []string `json:"default_for"`
	Provides   []string `json:"provides"`
}

func (a *app) images() *cobra.Command {
	var catalogue bool
	cmd := &cobra.Command{
		Use: "images", Short: "List the custom images, or the official ones", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if catalogue {
				return a.listOfficial(cmd.Context(), c)
			}
			return a.listImages(cmd.Context(), c)
		},
	}
	cmd.Flags().BoolVar(&catalogue, "official", false, "list the catalogue of official images")
	a.listFlag(cmd)
	return cmd
}

func (a *app) listImages(ctx context.Context, c *client.Client) error {
	images, err := c.Images(ctx, a.region)
	if err != nil {
		return err
	}
	rows := make([]imageRow, len(images))
	for i, image := range images {
		rows[i] = toImageRow(image)
	}
	return list(a, rows, []column[imageRow]{
		{"NAME", func(r imageRow) string { return r.Name }},
		{"ID", func(r imageRow) string { return r.ID }},
		{"VERSION", func(r imageRow) string { return number(r.CurrentVersion) }},
		{"PUBLISHED", func(r imageRow) string { return number(r.PublishedVersion) }},
		{"STAGE", func(r imageRow) string { return r.Stage }},
		{"SIZE", func(r imageRow) string { return size(r.SizeBytes) }},
		{"TASK TYPES", func(r imageRow) string { return strings.Join(r.TaskTypes, ",") }},
		{"REGION", func(r imageRow) string { return r.Region }},
		{"AGE", func(r imageRow) string {
			if r.CreatedAt == nil {
				return ""
			}
			return age(a.now(), *r.CreatedAt)
		}},
	})
}

func toImageRow(i image.Image) imageRow {
	return imageRow{
		ID: i.ID, Name: i.Spec.Name, Region: i.Region, Owner: i.Owner, Visibility: string(i.Spec.Visibility),
		TaskTypes: tasktype.Names(i.Spec.TaskTypes), CurrentVersion: i.CurrentVersion, PublishedVersion: i.PublishedVersion,
		Stage: string(i.Stage.Public()), InputHash: i.InputHash, ProcessID: i.ProcessID, SizeBytes: i.SizeBytes,
		CreatedAt: moment(i.CreatedAt), UpdatedAt: moment(i.UpdatedAt),
	}
}

func (a *app) listOfficial(ctx context.Context, c *client.Client) error {
	images, err := c.OfficialImages(ctx, "", "")
	if err != nil {
		return err
	}
	rows := make([]officialRow, len(images))
	for i, image := range images {
		rows[i] = toOfficialRow(image)
	}
	return list(a, rows, []column[officialRow]{
		{"NAME", func(r officialRow) string { return r.Name }},
		{"VERSION", func(r officialRow) string { return r.Version }},
		{"STATUS", func(r officialRow) string { return r.Status }},
		{"AVAILABLE", func(r officialRow) string {
			if r.Available {
				return "yes"
			}
			return "no"
		}},
		{"SIZE", func(r officialRow) string { return size(r.SizeBytes) }},
		{"TASK TYPES", func(r officialRow) string { return strings.Join(r.TaskTypes, ",") }},
		{"DEFAULT FOR", func(r officialRow) string { return strings.Join(r.DefaultFor, ",") }},
		{"PROVIDES", func(r officialRow) string { return strings.Join(r.Provides, ",") }},
	})
}

func toOfficialRow(i official.Image) officialRow {
	return officialRow{
		Name: i.Name, Version: i.Version, Status: string(i.Status), Available: i.Available, SizeBytes: i.SizeBytes,
		TaskTypes: tasktype.Names(i.TaskTypes), DefaultFor: tasktype.Names(i.Default), Provides: append([]string{}, i.Provides...),
	}
}
