package distribution

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kilnhq/kiln/internal/domain/registry"
)

// The limits of a pull. A registry that sends a byte now and then would hold a worker's place for good.
const (
	pullTimeout  = 30 * time.Minute
	stallTimeout = time.Minute // without a byte
)

// errSilent ends a pull from a registry that sends nothing more.
var errSilent = errors.New("it has begun to send a layer, and sends nothing more")

// layoutVersion is what the file version of the directory says.
const layoutVersion = "Directory Transport Version: 1.1\n"

// Pull brings an image into an empty directory, as the dir transport of container tools has it: manifest.json, and configuration and
// layers by the hexadecimal digits of their digests. Each is there only with the digest and the size that the manifest says. Nothing of
// it is unpacked. What is there after a failure is for the caller to remove.
func (c *Client) Pull(ctx context.Context, a registry.Access, p registry.Pull) (r registry.Resolved, err error) {
	if err := registry.ValidateReference(p.Repository, p.Digest).Err(); err != nil {
		return r, err
	}
	s, stop := c.session(ctx, a, pullTimeout)
	defer stop()
	f, err := s.find(a.Registry.Endpoint, p.Repository, p.Digest)
	if err != nil {
		return r, err
	}
	root, err := os.OpenRoot(p.Dir)
	if err != nil {
		return r, fmt.Errorf("open directory of a pull: %w", err)
	}
	defer func() { _ = root.Close() }()
	for name, content := range map[string][]byte{
		"version": []byte(layoutVersion), "manifest.json": f.text, hexOf(f.manifest.Config.Digest): f.config,
	} {
		if err := root.WriteFile(name, content, 0o600); err != nil {
			return r, fmt.Errorf("keep %s: %w", f.name, err)
		}
	}
	for _, l := range f.manifest.Layers {
		if err := s.layer(root, f.name, p.Repository, part{l, cmp.Or(c.Stall, stallTimeout)}); err != nil {
			return r, err
		}
	}
	return f.resolved, nil
}

func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// part is a layer to get, and how long the registry may be silent meanwhile.
type part struct {
	registry.Descriptor

	silence time.Duration
}

// layer gets a layer, and judges digest and size while it is written.
func (s *session) layer(root *os.Root, name, repository string, l part) (err error) {
	out, err := root.OpenFile(hexOf(l.Digest), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // an image may have a layer twice
	}
	if err != nil {
		return fmt.Errorf("keep a layer of %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	s.answered = false // a token may have had its time meanwhile
	a := ask{url: s.blob(repository, l.Digest), what: name, accept: []string{"*/*"}, max: l.Size}
	answer, err := s.open(a)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var silent atomic.Bool
	timer := time.AfterFunc(l.silence, func() {
		silent.Store(true)
		_ = answer.Body.Close()
	})
	defer timer.Stop()
	sum, written := sha256.New(), &writer{to: out}
	n, err := io.Copy(io.MultiWriter(sum, written), io.LimitReader(&lively{answer.Body, timer, l.silence}, l.Size+1))
	switch {
	case written.err != nil:
		return fmt.Errorf("keep a layer of %s: %w", name, written.err)
	case silent.Load():
		return s.failure(a, errSilent)
	case err != nil:
		return s.failure(a, err)
	case n != l.Size || hex.EncodeToString(sum.Sum(nil)) != hexOf(l.Digest):
		return registry.BadAnswer(name, "a layer of it has another digest or size than its manifest says")
	}
	return nil
}

// writer remembers its failure: a full disk is not the registry's fault.
type writer struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (w *writer) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.err = err
	return n, err
}

// lively puts a timer off with each byte that comes.
type lively struct {
	from  io.Reader
	timer *time.Timer
	by    time.Duration
}

// Read implements io.Reader.
func (l *lively) Read(b []byte) (int, error) {
	n, err := l.from.Read(b)
	if n > 0 {
		l.timer.Reset(l.by)
	}
	return n, err
}
