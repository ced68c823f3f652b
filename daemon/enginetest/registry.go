package enginetest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/build"
)

// RegistryHost is the HOST:PORT in the references of a Registry.
const RegistryHost = "registry.test:5380"

// registryPort is where the make-believe writers' side of a Registry listens.
const registryPort = "5381"

// Registry is a stand-in for the embedded registry. It takes every manifest for there and in order, counts and records,
// and is safe for concurrent use; the zero value is usable.
type Registry struct {
	mu       sync.Mutex
	granted  int
	open     map[string]bool // passwords that may write
	verified []string
	deleted  []string
	mended   []string
	presence map[string]build.Presence // by digest; of all others Available
	onCheck  error
	onVerify error
	onDelete error
}

// NewRegistry returns a registry in which nothing fails.
func NewRegistry() *Registry { return &Registry{} }

// Grant opens the registry to one writer: an address as seen from inside a worker, a password of its own, and how to
// withdraw it.
func (r *Registry) Grant() (address, password string, revoke func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.granted++
	password = fmt.Sprintf("grant-%d", r.granted)
	if r.open == nil {
		r.open = map[string]bool{}
	}
	r.open[password] = true
	return net.JoinHostPort(worker.HostAddress, registryPort), password, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, password)
	}
}

// Verify finds every manifest in order, unless FailVerify says otherwise.
func (r *Registry) Verify(_ context.Context, repository, digest string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.onVerify != nil {
		return r.onVerify
	}
	delete(r.presence, digest) // it was just pushed
	r.verified = append(r.verified, repository+"@"+digest)
	return nil
}

// Delete records what it is asked to delete, unless FailDelete says otherwise.
func (r *Registry) Delete(_ context.Context, repository, digest string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.onDelete != nil {
		return r.onDelete
	}
	r.deleted = append(r.deleted, repository+"@"+digest)
	return nil
}

// Check finds every manifest, unless SetPresence or FailCheck says otherwise.
func (r *Registry) Check(_ context.Context, _, digest string) (build.Presence, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found, ok := r.presence[digest]; ok && r.onCheck == nil {
		return found, nil
	}
	return build.PresenceAvailable, r.onCheck
}

// Mend records the digest.
func (r *Registry) Mend(digest string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mended = append(r.mended, digest)
	return nil
}

// SetPresence makes every further Check of a digest find it so, until it is verified again.
func (r *Registry) SetPresence(digest string, p build.Presence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.presence == nil {
		r.presence = map[string]build.Presence{}
	}
	r.presence[digest] = p
}

// FailCheck makes every further Check fail with err; nil restores the default.
func (r *Registry) FailCheck(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onCheck = err
}

// Mended returns what was mended, oldest first.
func (r *Registry) Mended() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.mended)
}

// Reference is what a client pulls: RegistryHost/REPOSITORY@DIGEST.
func (r *Registry) Reference(repository, digest string) string {
	return build.Reference(RegistryHost, repository, digest)
}

// FailVerify makes every further Verify fail with err; nil restores the default.
func (r *Registry) FailVerify(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onVerify = err
}

// FailDelete makes every further Delete fail with err; nil restores the default.
func (r *Registry) FailDelete(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onDelete = err
}

// Verified returns what was read back in order, oldest first, each as REPOSITORY@DIGEST.
func (r *Registry) Verified() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.verified)
}

// Deleted returns what was deleted, oldest first, each as REPOSITORY@DIGEST.
func (r *Registry) Deleted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.deleted)
}

// Grants returns how many grants were made so far, and how many of them are still open.
func (r *Registry) Grants() (made, open int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.granted, len(r.open)
}
