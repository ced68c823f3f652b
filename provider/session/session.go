// Package session is what the resources of one configured provider share: the
// client of the daemon, the region, and the snapshot over which a plan is
// judged. It knows no resource and no protocol.
package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/usage"
	"github.com/kilnhq/kiln/provider/diagnostic"
	"github.com/kilnhq/kiln/provider/ledger"
	"github.com/kilnhq/kiln/provider/terraform"
)

// Config is how the provider was configured.
type Config struct {
	Client     *client.Client // nil: the provider's arguments are not known yet
	Region     string         // empty: the daemon's default
	SkipRemote bool           // plan without the daemon
	Terraform  terraform.Call // what runs this provider
}

// Session is safe for concurrent use: Terraform plans and applies resources at the same time.
type Session struct {
	config  Config
	ledger  *ledger.Ledger
	handled sync.Mutex // held during the handshake
	info    *system.Info

	unavailable atomic.Bool  // somebody was told that the daemon cannot be reached
	writes      atomic.Int64 // how many have ended; a snapshot is good for one value
	reading     sync.Mutex   // held while a snapshot is read, so that one is enough
	snapshot    cached[system.Snapshot]
	users       cached[usage.Users]
	writing     atomic.Bool // from the first write on
	refreshed   atomic.Bool // something of the state was read, which an apply does not

	attaching sync.RWMutex // creations have it alone, deletions share it

	mu       sync.Mutex
	shelves  map[string]*shelf
	managed  map[string]bool
	heard    chan struct{} // closed when this state is known to hold one object more, or something is read or planned
	busy     int           // how much is read or planned
	waiting  int           // how many of them wait to hear who holds something
	passed   int           // names that are taken, and that this plan is to set free
	named    map[naming][]named
	renamed  map[naming]naming // the names that this plan changes, and into which ones
	created  map[string]bool   // by this apply
	shared   map[string]share  // by this plan
	planned  map[string]resourcegroup.ResourceGroup
	nets     map[string]network.Network
	shrinks  map[string]bool // resource groups that were planned
	images   map[string]plannedImage
	changed  map[string]bool // registries that this plan changes
	resolved map[recipe.Upstream]*resolved
}

// plannedImage is what a plan makes of an image that is there already.
type plannedImage struct {
	changes bool
	group   types.String // in which it is tested
}

type cached[T any] struct {
	value  T
	writes int64
	valid  bool
}

// New makes a session. It dials nothing.
func New(c Config) *Session {
	return &Session{
		config: c, managed: map[string]bool{}, created: map[string]bool{}, shared: map[string]share{}, images: map[string]plannedImage{},
		planned: map[string]resourcegroup.ResourceGroup{}, nets: map[string]network.Network{}, shrinks: map[string]bool{},
		shelves: map[string]*shelf{}, ledger: ledger.New(c.Terraform.Parallelism), heard: make(chan struct{}), named: map[naming][]named{},
		renamed: map[naming]naming{},
		changed: map[string]bool{}, resolved: map[recipe.Upstream]*resolved{},
	}
}

// Region is the region of the provider's configuration; empty is the daemon's default.
func (s *Session) Region() string { return s.config.Region }

// Remote says whether a plan may ask the daemon.
func (s *Session) Remote() bool { return s.config.Client != nil && !s.config.SkipRemote }

// Client gives the client, after the handshake has succeeded once. A daemon of another API version is the problem
// IncompatibleApi, one that cannot be reached DaemonUnavailable.
func (s *Session) Client(ctx context.Context) (*client.Client, error) {
	if s.config.Client == nil {
		return nil, errors.New("the arguments of the provider are known only after apply; apply what they depend on first, with -target")
	}
	if _, err := s.Info(ctx); err != nil {
		return nil, err
	}
	return s.config.Client, nil
}

// Info gives the answer of the handshake. Errors are those of Client.
func (s *Session) Info(ctx context.Context) (system.Info, error) {
	s.handled.Lock()
	defer s.handled.Unlock()
	if s.info != nil {
		return *s.info, nil
	}
	info, err := s.config.Client.Info(ctx)
	if err != nil {
		return system.Info{}, err
	}
	s.info = &info
	return info, nil
}

// DefaultRegion is the region of what names none; empty while neither configuration nor handshake has said it.
func (s *Session) DefaultRegion() string {
	if s.config.Region != "" {
		return s.config.Region
	}
	s.handled.Lock()
	defer s.handled.Unlock()
	if s.info == nil {
		return ""
	}
	return s.info.DefaultRegion
}

// Snapshot is read once and kept until something was written.
func (s *Session) Snapshot(ctx context.Context) (system.Snapshot, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return system.Snapshot{}, err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	writes := s.writes.Load()
	if s.snapshot.valid && s.snapshot.writes == writes {
		return s.snapshot.value, nil
	}
	snapshot, err := c.Snapshot(ctx, s.config.Region)
	if err != nil {
		return system.Snapshot{}, err
	}
	s.snapshot = cached[system.Snapshot]{value: snapshot, writes: writes, valid: true}
	return snapshot, nil
}

// Wrote drops what was read before: call it after each write, whether it succeeded or not.
func (s *Session) Wrote() {
	s.writing.Store(true)
	s.writes.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch()
	clear(s.planned)
	clear(s.nets)
}

// Manage remembers that this state holds an object, which the same plan may therefore delete.
func (s *Session) Manage(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.managed[id] {
		s.managed[id] = true
		s.touch()
	}
}

// PlanImage tells the session whether the plan changes an image that is there already, and the id of the resource group in which
// it is to be tested.
func (s *Session) PlanImage(id string, changes bool, group types.String) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[id] = plannedImage{changes, group}
}

// Unpublished refuses the use of an image, or of a version of it (0: of any), that is not published and that nothing in this
// plan is going to publish. What the snapshot does not show is left to the daemon.
func (s *Session) Unpublished(snapshot system.Snapshot, id string, version int, field string) problem.List {
	s.mu.Lock()
	i, planned := s.images[id]
	mayChange := i.changes || s.managed[id] && !planned
	s.mu.Unlock()
	summary, ok := snapshot.ByID(id)
	if !ok || mayChange {
		return nil
	}
	published := version == 0 && summary.PublishedVersion != 0
	value, known := summary.Name, version == 0
	for _, v := range summary.Versions {
		if v.Number == version {
			known, published = true, v.Stage.Published()
			value = fmt.Sprintf("version %d of %s, %s", version, summary.Name, v.Stage)
		}
	}
	if published || !known {
		return nil
	}
	return problem.List{{
		Code: problem.ImageNotPublished, Field: field, Value: value, Limit: "published versions",
		Detail: "only what is published can be used", Remedy: "Set publish = true on the image, or use its published_version.",
	}}
}

// AddError appends what went wrong. A daemon that cannot be reached is explained once, and then only mentioned.
func (s *Session) AddError(diags *diag.Diagnostics, doing string, err error) {
	if problem.Has(err, problem.DaemonUnavailable) && s.unavailable.Swap(true) {
		diags.AddError("Cannot "+doing+": "+string(problem.DaemonUnavailable), "The daemon still cannot be reached.")
		return
	}
	diagnostic.AddError(diags, doing, err)
}

// AddPlanError is AddError for reading and planning, where one error ends it all: a daemon that cannot be reached is one
// error, and not one for each resource.
func (s *Session) AddPlanError(diags *diag.Diagnostics, doing string, err error) {
	if problem.Has(err, problem.DaemonUnavailable) && s.unavailable.Load() {
		return
	}
	s.AddError(diags, doing, err)
}
