package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/build"
)

// root is where the library keeps everything below the registry's directory, in the layout that it documents.
const root = "docker/registry/v2"

// mark is a file as it was when its content was in order.
type mark struct {
	path    string
	size    int64
	changed time.Time
}

// Check says whether a manifest and all that it names can still be served as they were pushed. A manifest is read and hashed,
// of the rest the sizes are compared; as long as none of the files changes, nothing is read again. What is neither there nor
// known to be gone is an error.
func (r *Registry) Check(ctx context.Context, repository, digest string) (build.Presence, error) {
	name := repository + "@" + digest
	r.mu.Lock()
	marks := r.intact[name]
	r.mu.Unlock()
	if len(marks) > 0 && untouched(marks) {
		return build.PresenceAvailable, nil
	}
	found, marks, err := r.look(ctx, repository, digest)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.intact, name)
	if err == nil && found == build.PresenceAvailable {
		r.intact[name] = marks
	}
	return found, err
}

// look asks the library, and marks the files behind its answers.
func (r *Registry) look(ctx context.Context, repository, digest string) (build.Presence, []mark, error) {
	marks := []mark{r.mark("repositories", repository, "_manifests", "revisions", "sha256", hexOf(digest), "link"), r.blob(digest)}
	var manifest bytes.Buffer
	answer := r.ask(ctx, http.MethodGet, "/v2/"+repository+"/manifests/"+digest, &limited{&manifest})
	switch {
	case answer.Code == http.StatusNotFound:
		return build.PresenceMissing, nil, nil
	case answer.Code == http.StatusOK && hashed(manifest.Bytes()) != digest, answer.Code != http.StatusOK && r.altered(digest):
		return build.PresenceChanged, nil, nil
	case answer.Code != http.StatusOK:
		return "", nil, fmt.Errorf("read manifest %s@%s: registry answers %d", repository, digest, answer.Code)
	}
	var names struct {
		Config descriptor   `json:"config"`
		Layers []descriptor `json:"layers"`
	}
	if err := json.Unmarshal(manifest.Bytes(), &names); err != nil {
		return "", nil, fmt.Errorf("read manifest %s: %w", digest, err)
	}
	for _, d := range append(names.Layers, names.Config) {
		answer := r.ask(ctx, http.MethodHead, "/v2/"+repository+"/blobs/"+d.Digest, io.Discard)
		switch {
		case answer.Code == http.StatusNotFound:
			return build.PresenceMissing, nil, nil
		case answer.Code != http.StatusOK:
			return "", nil, fmt.Errorf("look for %s in %s: registry answers %d", d.Digest, repository, answer.Code)
		case answer.header.Get("Content-Length") != strconv.FormatInt(d.Size, 10):
			return build.PresenceChanged, nil, nil
		}
		marks = append(marks, r.mark("repositories", repository, "_layers", "sha256", hexOf(d.Digest), "link"), r.blob(d.Digest))
	}
	return build.PresenceAvailable, marks, nil
}

// altered says whether the file of a content has another one. The library does not say so when it cannot make sense of it.
func (r *Registry) altered(digest string) bool {
	content, err := os.ReadFile(r.blob(digest).path)
	return err == nil && hashed(content) != digest
}

func (r *Registry) blob(digest string) mark {
	name := hexOf(digest)
	return r.mark("blobs", "sha256", name[:min(2, len(name))], name, "data")
}

// mark marks a file; one that is not where it should be never counts as untouched.
func (r *Registry) mark(path ...string) mark {
	m := mark{path: filepath.Join(append([]string{r.cfg.Dir, root}, path...)...), size: -1}
	if info, err := os.Stat(m.path); err == nil {
		m.size, m.changed = info.Size(), info.ModTime()
	}
	return m
}

func untouched(marks []mark) bool {
	for _, m := range marks {
		info, err := os.Stat(m.path)
		if err != nil || info.Size() != m.size || !info.ModTime().Equal(m.changed) {
			return false
		}
	}
	return true
}

func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

func hashed(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Mend removes the files of a manifest, and of what it names, whose content is another than their digest says. The library
// takes them for there, and would not write them again.
func (r *Registry) Mend(digest string) error {
	content, err := os.ReadFile(r.blob(digest).path)
	if err == nil && hashed(content) != digest {
		err = os.Remove(r.blob(digest).path)
		content = nil
	}
	var names struct {
		Config descriptor   `json:"config"`
		Layers []descriptor `json:"layers"`
	}
	if err == nil && content != nil {
		err = json.Unmarshal(content, &names)
	}
	for _, d := range append(names.Layers, names.Config) {
		if err == nil && d.Digest != "" {
			err = r.mendBlob(d.Digest)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("mend %s: %w", digest, err)
	}
	return nil
}

func (r *Registry) mendBlob(digest string) error {
	path := r.blob(digest).path
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	err = errors.Join(err, file.Close())
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != hexOf(digest) {
		err = os.Remove(path)
	}
	return err
}
