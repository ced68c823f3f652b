package enginetest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/kilnhq/kiln/daemon/worker"
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

// Reference is what a client pulls: RegistryHost/REPOSITORY@DIGEST.
func (r *Registry) Reference(repository, digest string) string {
	return RegistryHost + "/" + repository + "@" + digest
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
