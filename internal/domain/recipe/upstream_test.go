package recipe_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

func digest(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

func upstream() recipe.Upstream {
	return recipe.Upstream{RegistryID: "reg-1", NetworkID: "net-1", Repository: "team/base", Tag: "v1", Digest: digest("1")}
}

// TestUpstreamHash: every part of a source makes another recipe; the Containerfile has the digest.
func TestUpstreamHash(t *testing.T) {
	t.Parallel()
	of := func(u recipe.Upstream) recipe.Recipe { return recipe.Recipe{Base: recipe.Base{Registry: u}} }
	seen := map[string]bool{of(upstream()).Hash(): true, of(recipe.Upstream{}).Hash(): true}
	for _, change := range []func(*recipe.Upstream){
		func(u *recipe.Upstream) { u.RegistryID = "reg-2" }, func(u *recipe.Upstream) { u.NetworkID = "net-2" },
		func(u *recipe.Upstream) { u.Repository = "team/other" }, func(u *recipe.Upstream) { u.Tag = "v2" },
		func(u *recipe.Upstream) { u.Digest = digest("2") }, func(u *recipe.Upstream) { u.StartCommand = "bash" },
	} {
		u := upstream()
		change(&u)
		if hash := of(u).Hash(); seen[hash] {
			t.Errorf("%+v has a hash that another one has", u)
		} else {
			seen[hash] = true
		}
	}
	if got, want := of(upstream()).Containerfile(), "FROM localhost/kiln/reg-1/team/base@"+digest("1")+"\n"; got != want {
		t.Errorf("Containerfile = %q, want %q", got, want)
	}
}

// TestUpstreamValidate: each part is checked, and nothing is installed or copied.
func TestUpstreamValidate(t *testing.T) {
	t.Parallel()
	good := recipe.Recipe{Base: recipe.Base{Registry: upstream()}, Env: map[string]string{"A": "b"}}
	if found := append(good.Validate(), good.Plain()...); len(found) != 0 {
		t.Errorf("got %v", found)
	}
	for field, tt := range map[string]struct {
		code   problem.Code
		change func(*recipe.Recipe)
	}{
		"source":                        {problem.ExactlyOneSource, func(r *recipe.Recipe) { r.Base.Official = "shell" }},
		"packages":                      {problem.PackagesNotAllowedForRegistrySource, func(r *recipe.Recipe) { r.Packages = []pkgmanager.Entry{{Type: pkgmanager.Script, Script: "true"}} }},
		"source.registry.registry_id":   {problem.MissingRequired, func(r *recipe.Recipe) { r.Base.Registry.RegistryID = "" }},
		"source.registry.network_id":    {problem.MissingRequired, func(r *recipe.Recipe) { r.Base.Registry.NetworkID = "" }},
		"source.registry.tag":           {problem.InvalidParameter, func(r *recipe.Recipe) { r.Base.Registry.Tag = "a b" }},
		"source.registry.digest":        {problem.InvalidParameter, func(r *recipe.Recipe) { r.Base.Registry.Digest = "sha256:1" }},
		"source.registry.repository":    {problem.InvalidParameter, func(r *recipe.Recipe) { r.Base.Registry.Repository = "../a" }},
		"source.registry.start_command": {problem.InvalidParameter, func(r *recipe.Recipe) { r.Base.Registry.StartCommand = strings.Repeat("x", 1025) }},
	} {
		r := good
		tt.change(&r)
		if found := r.Validate(); len(found) != 1 || found[0].Code != tt.code || found[0].Field != field {
			t.Errorf("%s: got %v, want %s", field, found, tt.code)
		}
	}
	latest := good
	latest.Base.Registry.Tag = "latest"
	if found := latest.Unpinned(nil); len(found) != 1 || found[0].Code != problem.MutableTag {
		t.Errorf("latest: got %v", found)
	}
	if found := good.Unpinned(nil); len(found) != 0 {
		t.Errorf("v1: got %v", found)
	}
}

// TestKeep: what names the same as before stays what it was resolved to.
func TestKeep(t *testing.T) {
	t.Parallel()
	before := recipe.Base{Registry: upstream()}
	open := before
	open.Registry.Digest, open.Registry.NetworkID = "", "net-2"
	if got, ok := open.Keep(before); !ok || got.Registry.Digest != digest("1") || got.Registry.NetworkID != "net-2" {
		t.Errorf("got %+v, %v", got, ok)
	}
	for name, change := range map[string]func(*recipe.Upstream){
		"tag": func(u *recipe.Upstream) { u.Tag = "v2" }, "repository": func(u *recipe.Upstream) { u.Repository = "a" },
		"registry": func(u *recipe.Upstream) { u.RegistryID = "reg-2" }, "digest": func(u *recipe.Upstream) { u.Digest = digest("2") },
	} {
		other := open
		change(&other.Registry)
		if got, ok := other.Keep(before); ok || got != other {
			t.Errorf("%s: got %+v, %v", name, got, ok)
		}
	}
	official := recipe.Base{Official: "shell", Version: "20261101"}
	if got, ok := (recipe.Base{Official: "shell"}).Keep(official); !ok || got != official {
		t.Errorf("official: got %+v, %v", got, ok)
	}
	if _, ok := (recipe.Base{Official: "other"}).Keep(official); ok {
		t.Error("another official image keeps the version")
	}
}

// TestBlame: what a registry refuses is said of the part of the source that is to blame.
func TestBlame(t *testing.T) {
	t.Parallel()
	byDigest := upstream()
	byDigest.Tag = ""
	for field, tt := range map[string]struct {
		u     recipe.Upstream
		field string
	}{
		"source.registry.tag": {upstream(), "reference"}, "source.registry.digest": {byDigest, "reference"},
		"source.registry.repository": {upstream(), "repository"}, "source.registry.network_id": {upstream(), "network_id"},
		"source.registry.registry_id": {upstream(), "username"},
	} {
		for _, err := range []error{problem.Problem{Code: problem.NotFound, Field: tt.field}, problem.List{{Code: problem.NotFound, Field: tt.field}}} {
			if found := problem.From(tt.u.Blame(err)); len(found) != 1 || found[0].Field != field {
				t.Errorf("%s: got %v, want %s", tt.field, found, field)
			}
		}
	}
	if other := errors.New("x"); !errors.Is(upstream().Blame(other), other) || upstream().Blame(nil) != nil {
		t.Error("another error is changed")
	}
}
