package session

import (
	"context"
	"sync"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/binding"
	"github.com/kilnhq/kiln/internal/domain/build"
	"github.com/kilnhq/kiln/internal/domain/image"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/registry"
	"github.com/kilnhq/kiln/internal/domain/resourcegroup"
	"github.com/kilnhq/kiln/internal/domain/workspace"
)

// Listing is how the objects of one kind are read: all of a region, or one.
type Listing[T any] struct {
	Noun string
	ID   func(T) string
	Name func(T) string // nil: without names
	// Region gives the region; nil: what is listed is of none, and referred to by nothing.
	Region func(T) string
	List   func(c *client.Client, ctx context.Context, region string) ([]T, error)
	Get    func(c *client.Client, ctx context.Context, id, region string) (T, error)
}

// Key names an object.
type Key struct {
	ID     string
	Region string // whose list is read; empty: every region's
}

// shelf is a list that was read; it is good for as long as nothing was written.
type shelf struct {
	reading sync.Mutex // held while the list is read, so that one is enough
	list    any        // map[string]T, nil: not read
}

// Find gives an object by its id. Until this session writes, it comes from a list that is read once: a plan of many resources
// makes a few calls. What a list lacks may be in another region, or be made while it was read: the daemon's answer to the
// question for this one object decides. From the first write on each object is read by itself, as lists grow old at once then.
func Find[T any](ctx context.Context, s *Session, l Listing[T], at Key) (T, error) {
	var none T
	c, err := s.Client(ctx)
	if err != nil {
		return none, err
	}
	if s.writing.Load() {
		return l.Get(c, ctx, at.ID, at.Region)
	}
	list, err := listed(s.shelf(l.Noun+" "+at.Region), func() ([]T, error) { return l.List(c, ctx, at.Region) }, l.ID)
	if err != nil {
		return none, err
	}
	found, ok := list[at.ID]
	if !ok || s.writing.Load() {
		return l.Get(c, ctx, at.ID, at.Region)
	}
	return found, nil
}

// All gives every object of a region by its id, from the list that Find uses, or from a new one after the first write.
func All[T any](ctx context.Context, s *Session, l Listing[T], region string) (map[string]T, error) {
	c, err := s.Client(ctx)
	if err != nil {
		return nil, err
	}
	kept := &shelf{}
	if !s.writing.Load() {
		kept = s.shelf(l.Noun + " " + region)
	}
	return listed(kept, func() ([]T, error) { return l.List(c, ctx, region) }, l.ID)
}

func listed[T any](kept *shelf, read func() ([]T, error), id func(T) string) (map[string]T, error) {
	kept.reading.Lock()
	defer kept.reading.Unlock()
	if list, ok := kept.list.(map[string]T); ok {
		return list, nil
	}
	all, err := read()
	if err != nil {
		return nil, err
	}
	list := make(map[string]T, len(all))
	for _, one := range all {
		list[id(one)] = one
	}
	kept.list = list
	return list, nil
}

func (s *Session) shelf(name string) *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shelves[name] == nil {
		s.shelves[name] = &shelf{}
	}
	return s.shelves[name]
}

// Workspaces is how workspaces are read.
func Workspaces() Listing[workspace.Workspace] {
	return Listing[workspace.Workspace]{
		Noun: "workspace", ID: func(w workspace.Workspace) string { return w.ID }, Name: func(w workspace.Workspace) string { return w.Name },
		Region: func(w workspace.Workspace) string { return w.Region },
		List:   (*client.Client).Workspaces, Get: (*client.Client).Workspace,
	}
}

// Networks is how networks are read.
func Networks() Listing[network.Network] {
	return Listing[network.Network]{
		Noun: "network", ID: func(n network.Network) string { return n.ID }, Name: func(n network.Network) string { return n.Name },
		Region: func(n network.Network) string { return n.Region },
		List:   (*client.Client).Networks, Get: (*client.Client).Network,
	}
}

// ResourceGroups is how resource groups are read.
func ResourceGroups() Listing[resourcegroup.ResourceGroup] {
	return Listing[resourcegroup.ResourceGroup]{
		Noun: "resource group", ID: func(g resourcegroup.ResourceGroup) string { return g.ID }, Name: func(g resourcegroup.ResourceGroup) string { return g.Name },
		Region: func(g resourcegroup.ResourceGroup) string { return g.Region },
		List:   (*client.Client).ResourceGroups, Get: (*client.Client).ResourceGroup,
	}
}

// Registries is how registries are read.
func Registries() Listing[registry.Registry] {
	return Listing[registry.Registry]{
		Noun: "registry", ID: func(r registry.Registry) string { return r.ID }, Name: func(r registry.Registry) string { return r.Name },
		Region: func(r registry.Registry) string { return r.Region },
		List:   (*client.Client).Registries, Get: (*client.Client).Registry,
	}
}

// Images is how images are read. In a list they come without their packages.
func Images() Listing[image.Image] {
	return Listing[image.Image]{
		Noun: "image", ID: func(i image.Image) string { return i.ID },
		Region: func(i image.Image) string { return i.Region },
		List:   (*client.Client).Images, Get: (*client.Client).Image,
	}
}

// Builds is how persistent builds are read.
func Builds() Listing[build.Build] {
	return Listing[build.Build]{
		Noun: "persistent build", ID: func(b build.Build) string { return b.ID }, List: (*client.Client).Builds,
		Get: func(c *client.Client, ctx context.Context, id, _ string) (build.Build, error) {
			return c.Build(ctx, id)
		},
	}
}

// Bindings is how bindings are read, by ids as IMAGE/WORKSPACE.
func Bindings() Listing[binding.Binding] {
	return Listing[binding.Binding]{
		Noun: "binding", ID: binding.Binding.ID,
		List: func(c *client.Client, ctx context.Context, _ string) ([]binding.Binding, error) {
			return c.Bindings(ctx, "", "")
		},
		Get: func(c *client.Client, ctx context.Context, id, _ string) (binding.Binding, error) {
			imageID, workspaceID, err := binding.ParseID(id)
			if err != nil {
				return binding.Binding{}, err
			}
			return c.Binding(ctx, imageID, workspaceID)
		},
	}
}
