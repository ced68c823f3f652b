package catalogue

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	domain "github.com/kilnhq/kiln/internal/domain/process"
)

type payload struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Run implements process.Handler: it makes an official image, or pulls it.
func (s *Service) Run(ctx context.Context, p domain.Process, log *process.Journal) (any, error) {
	var want payload
	if err := json.Unmarshal(p.Payload, &want); err != nil {
		return nil, fmt.Errorf("read payload of %s: %w", p.ID, err)
	}
	entry, err := official.Resolve(s.cfg.Entries, want.Name, want.Version)
	if err != nil {
		return nil, err
	}
	job, err := s.job(ctx, p.ID, entry, log)
	if err != nil {
		return nil, err
	}
	result, err := s.executor.Execute(ctx, job, network.EgressRestricted, log)
	if err != nil {
		return nil, err
	}
	entry.ImageID, entry.SizeBytes = result.ImageID, result.SizeBytes
	for _, pkg := range result.Packages {
		entry.Packages = append(entry.Packages, official.Package(pkg))
	}
	return entry, nil
}

// Finish implements process.Handler.
func (s *Service) Finish(ctx context.Context, p domain.Process, result any) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if entry, ok := result.(official.Image); ok {
			if err := tx.PutOfficialImage(entry); err != nil {
				return err
			}
		}
		return tx.FinishProcess(p)
	})
}

func (s *Service) job(ctx context.Context, id string, entry official.Image, log *process.Journal) (worker.Job, error) {
	j := worker.Job{ID: id, Kind: worker.KindPull}
	source := entry.Reference
	d := entry.Definition
	switch {
	case d != nil && d.RPM:
		j.Kind, source = worker.KindBootstrap, s.cfg.RPM
	case d != nil:
		j.Kind, source = worker.KindBootstrap, s.cfg.Mirror
	}
	allow, err := hostPort(source)
	if err != nil {
		return j, err
	}
	reach, remarks, err := s.cfg.Reach(ctx, allow)
	if err != nil {
		return j, err
	}
	for _, remark := range remarks {
		log.Remark("%s", remark)
	}
	j.Network = reach
	if d == nil {
		j.Pull = &worker.Pull{Source: entry.Reference, Tag: entry.Tag()}
		return j, nil
	}
	day, err := time.Parse("20060102", entry.Version)
	if err != nil {
		return j, fmt.Errorf("official image %s: version %q is no date: %w", entry.Name, entry.Version, err)
	}
	j.Bootstrap = &worker.Bootstrap{
		Tag: entry.Tag(), Suite: d.Suite, Components: d.Components, Include: d.Include,
		Setup: d.Setup, Customize: d.Customize, Env: d.Env, Epoch: day, Cache: s.cfg.Cache,
		Labels: map[string]string{"io.kiln.official.name": entry.Name, "io.kiln.official.version": entry.Version},
	}
	if d.RPM {
		j.Bootstrap.Repository = pkgmanager.YumRepository(s.cfg.RPM)
		return j, nil
	}
	j.Bootstrap.Mirrors = []string{s.cfg.Mirror}
	if d.Older != "" {
		older := append([]string{"deb", s.cfg.Mirror, d.Older}, d.Components...)
		j.Bootstrap.Mirrors = append(j.Bootstrap.Mirrors, strings.Join(older, " "))
	}
	return j, nil
}

// hostPort gives the HOST:PORT of a mirror's URL or of a registry reference.
func hostPort(source string) (string, error) {
	if !strings.Contains(source, "://") {
		host, _, _ := strings.Cut(source, "/")
		if !strings.Contains(host, ":") {
			host += ":443"
		}
		return host, nil
	}
	u, err := url.Parse(source)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("mirror %q is no URL with a host", source)
	}
	if u.Port() != "" {
		return u.Host, nil
	}
	if u.Scheme == "https" {
		return net.JoinHostPort(u.Hostname(), "443"), nil
	}
	return net.JoinHostPort(u.Hostname(), "80"), nil
}
