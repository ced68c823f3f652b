package build

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/daemon/job"
	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/store"
	"github.com/kilnhq/kiln/daemon/worker"
	domain "github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	processdomain "github.com/kilnhq/kiln/internal/domain/process"
)

// Baker bakes versions; it implements process.Handler.
type Baker struct{ *Service }

// Run builds the recipe, pushes the result to the embedded registry, and reads it back.
func (s Baker) Run(ctx context.Context, p processdomain.Process, log *process.Journal) (any, error) {
	var i image.Image
	var v image.Version
	var before domain.Artifact // what is lost, and may be in the image store all the same
	err := s.cfg.Store.Read(ctx, func(tx Tx) (err error) {
		if i, err = tx.Image(p.ImageID); err != nil {
			return err
		}
		if v, err = tx.Version(p.ImageID, p.ImageVersion); err == nil {
			err = v.Intact()
		}
		if err != nil {
			return err
		}
		if before, err = tx.Artifact(p.Owner, v.InputHash); errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	tag := fmt.Sprintf("v%d-%s", v.Number, strings.TrimPrefix(v.InputHash, "sha256:")[:12])
	built, err := s.cfg.Worker.Build(ctx, job.Task{
		Process: p, Recipe: v.Recipe, Tag: "localhost/kiln-baked/" + i.ID + ":" + tag, Tested: v.Packages, Exact: true,
		Previous: before.ImageID,
	}, log)
	if err != nil {
		return nil, err
	}
	repository := repositoryOf(i)
	digest, err := s.store(ctx, p.ID, pushed{built.ImageID, repository, tag}, log)
	if err != nil {
		return nil, err
	}
	log.Remark("pushed and read back as %s", s.cfg.Registry.Reference(repository, digest))
	if before.Digest != "" && before.Digest != digest {
		log.Remark("the same recipe was %s before", before.Digest)
	}
	return domain.Artifact{
		Owner: p.Owner, InputHash: v.InputHash, Digest: digest, Repository: repository, ImageID: built.ImageID, SizeBytes: built.SizeBytes,
	}, nil
}

// repositoryOf names an image's repository in the registry. The registry's grammar has underscores between letters and digits
// only, one or two at a time; the end of the id keeps apart what becomes the same thereby.
func repositoryOf(i image.Image) string {
	words := strings.FieldsFunc(i.Spec.Name, func(r rune) bool { return r == '_' })
	return i.Region + "/" + strings.Join(append(words, i.ID[len(i.ID)-6:]), "_")
}

// Finish makes the artifact what the build serves, or records the failure; an older digest goes on serving then.
func (s Baker) Finish(ctx context.Context, p processdomain.Process, result any) error {
	return s.cfg.Store.Write(ctx, func(tx Tx) error {
		if err := tx.FinishProcess(p); err != nil {
			return err
		}
		b, err := tx.Build(p.Subject)
		if errors.Is(err, store.ErrNotFound) {
			return nil // it was deleted meanwhile
		}
		if err != nil {
			return err
		}
		v, err := tx.Version(p.ImageID, p.ImageVersion)
		if err != nil {
			return err
		}
		b.CUSeconds, b.DurationSeconds = p.CUSeconds(tx.Now()), p.Duration(tx.Now()).Seconds()
		b.Generation, b.UpdatedAt = b.Generation+1, tx.Now()
		if a, ok := result.(domain.Artifact); ok {
			a.CreatedAt = tx.Now()
			before, err := tx.Artifact(a.Owner, a.InputHash)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err := tx.PutArtifact(a); err != nil {
				return err
			}
			if b, err = s.succeed(tx, b, v, a); err != nil {
				return err
			}
			return supersede(tx, b, before, a)
		}
		return fail(tx, b, v, p.State)
	})
}

func fail(tx Tx, b domain.Build, v image.Version, state processdomain.State) error {
	event := image.EventBuildFailed
	if state == processdomain.StateCancelled {
		event = image.EventBuildCancelled
	}
	stage, err := image.Next(v.Stage, event)
	if err != nil {
		return err
	}
	v.Stage, b.Stage = stage, domain.StageBuildFailed
	if err := tx.UpdateVersion(v); err != nil {
		return err
	}
	return tx.UpdateBuild(b)
}

// pushed is what is pushed, and where to.
type pushed struct{ imageID, repository, tag string }

// pushes is how often an image is pushed that cannot be read back: first its manifest may be damaged, then what that names.
const pushes = 3

// store pushes an image and reads it back. What the registry has under the same digests with another content is taken away,
// and pushed again.
func (s *Service) store(ctx context.Context, id string, what pushed, log *process.Journal) (digest string, err error) {
	for try := range pushes {
		if digest, err = s.push(ctx, id, what.imageID, what.repository+":"+what.tag, log); err != nil {
			return "", err
		}
		if err = s.cfg.Registry.Verify(ctx, what.repository, digest); err == nil {
			return digest, nil
		}
		if try < pushes-1 {
			log.Remark("what was pushed cannot be read back, and is pushed again: %v", err)
			err = errors.Join(err, s.cfg.Registry.Mend(digest))
		}
	}
	return "", problem.Problem{
		Code: problem.DigestMismatch, Value: digest, Detail: "what was pushed cannot be read back: " + err.Error(),
		Remedy: "Apply again; check the daemon's disk.",
	}
}

func (s *Service) push(ctx context.Context, id, imageID, destination string, log *process.Journal) (digest string, err error) {
	address, password, revoke := s.cfg.Registry.Grant()
	defer revoke()
	reach, err := only(address)
	if err != nil {
		return "", err
	}
	log.Step("PUSH " + destination)
	result, err := s.cfg.Worker.Execute(ctx, worker.Job{
		ID: id, Kind: worker.KindPush, Network: reach,
		Push: &worker.Push{
			Image: imageID, Destination: address + "/" + destination, Username: "kiln", Password: password, PlainHTTP: true,
		},
	}, network.EgressRestricted, log)
	return result.Digest, err
}

// Fetch brings an artifact back from the embedded registry into the image store.
func (s *Service) Fetch(ctx context.Context, p processdomain.Process, a domain.Artifact, log *process.Journal) (imageID string, err error) {
	address, password, revoke := s.cfg.Registry.Grant()
	defer revoke()
	reach, err := only(address)
	if err != nil {
		return "", err
	}
	result, err := s.cfg.Worker.Execute(ctx, worker.Job{
		ID: p.ID, Kind: worker.KindPull, Network: reach,
		Pull: &worker.Pull{
			Source: address + "/" + a.Repository + "@" + a.Digest, Tag: "localhost/kiln-baked/" + p.ImageID + ":" + a.Digest[7:19],
			Username: "kiln", Password: password, PlainHTTP: true,
		},
	}, network.EgressRestricted, log)
	if err != nil {
		return "", problem.Problem{
			Code: problem.ArtifactMissing, Value: a.Digest, Detail: "neither the image store nor the registry has the baked image: " + err.Error(),
			Remedy: "Bake it again: terraform apply -replace of its kiln_persistent_build.",
		}
	}
	a.ImageID = result.ImageID
	return a.ImageID, s.cfg.Store.Write(ctx, func(tx Tx) error {
		there, err := tx.Artifact(a.Owner, a.InputHash)
		if errors.Is(err, store.ErrNotFound) || err == nil && there.Digest != a.Digest {
			return nil // its persistent build was deleted or baked anew meanwhile
		}
		if err != nil {
			return err
		}
		return tx.PutArtifact(a)
	})
}

// only opens one port of the machine to a worker, and nothing else.
func only(address string) (worker.Network, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return worker.Network{}, fmt.Errorf("read registry address: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return worker.Network{}, fmt.Errorf("read registry address %q: %w", address, err)
	}
	host := netip.MustParseAddr(worker.HostAddress)
	return worker.Network{
		Egress: worker.EgressRestricted, Allow: []worker.Allow{{Prefix: netip.PrefixFrom(host, host.BitLen()), Port: uint16(n)}},
	}, nil
}
