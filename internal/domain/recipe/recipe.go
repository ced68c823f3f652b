// Package recipe turns what a user asks for into the Containerfile that is
// built and the hash by which a version is known. Everything in it is a pure
// function: the provider shows at plan time what the daemon will do.
package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

// Platform is the only platform of this version.
const Platform = "linux/amd64"

// Recipe is all that decides what is in an image.
type Recipe struct {
	Base     Base               `json:"base"`
	Packages []pkgmanager.Entry `json:"packages,omitempty"` // in this order
	Files    []File             `json:"files,omitempty"`    // in this order, before the packages
	Env      map[string]string  `json:"env,omitempty"`
	Platform string             `json:"platform"`
}

// Base is the resolved source: a version of an official image, or an image of a registry.
type Base struct {
	Official string   `json:"official"`
	Version  string   `json:"version"`
	Registry Upstream `json:"registry,omitzero"`
}

// FromRegistry says whether the base is an image of a registry.
func (b Base) FromRegistry() bool { return b.Registry != Upstream{} }

// Resolved says whether it is known what exactly the base is.
func (b Base) Resolved() bool { return b.Version != "" || b.Registry.Digest != "" }

// Name is what the Containerfile calls the base. No registry has it under that name: other tools need it in their own store.
func (b Base) Name() string {
	if b.FromRegistry() {
		return b.Registry.Name()
	}
	return official.Tag(b.Official, b.Version)
}

// Normalize gives the canonical form: what has no meaning is removed.
func (r Recipe) Normalize() Recipe {
	entries := make([]pkgmanager.Entry, len(r.Packages))
	for i, e := range r.Packages {
		entries[i] = e.Normalize()
	}
	r.Packages = entries
	r.Files = slices.Clone(r.Files)
	for i, f := range r.Files {
		r.Files[i] = f.normalize()
	}
	if r.Platform == "" {
		r.Platform = Platform
	}
	return r
}

// Hash is the input hash: SHA-256 over the canonical recipe, as sha256:HEX.
func (r Recipe) Hash() string {
	canonical, err := json.Marshal(r.Normalize()) // maps are sorted by key
	if err != nil {
		return "" // cannot be: strings, maps and slices of them always marshal
	}
	sum := sha256.Sum256(append([]byte("kiln recipe 1\n"), canonical...))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Containerfile is what is built, to the letter. Files are named by their hash in the build context.
func (r Recipe) Containerfile() string {
	r = r.Normalize()
	var b strings.Builder
	b.WriteString("FROM " + r.Base.Name() + "\n")
	for _, key := range slices.Sorted(maps.Keys(r.Env)) {
		b.WriteString("ENV " + key + "=" + quoteEnv(r.Env[key]) + "\n")
	}
	for _, f := range r.Files {
		b.WriteString(f.instructions())
	}
	for i, e := range r.Packages {
		b.WriteString(e.Instructions(i))
	}
	if len(r.Packages) > 0 {
		b.WriteString(clean)
	}
	return b.String()
}

// clean removes what installers leave that is another thing each time and of no use in an image: logs, backups, caches, what Python
// has compiled with times in it, the identity of a machine that is none.
const clean = "RUN rm -rf /var/log/apt /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log /var/log/fontconfig.log \\\n" +
	"    /var/log/dnf*.log /var/log/hawkey.log /var/log/yum.log /var/cache/dnf /var/cache/yum /var/lib/dnf/history* \\\n" +
	"    /var/lib/dpkg/*-old /var/cache/debconf/*-old /var/cache/apt/*.bin /var/cache/ldconfig/aux-cache /root/.cache/pip /var/lib/dbus/machine-id && \\\n" +
	"    if [ -s /etc/machine-id ]; then : > /etc/machine-id; fi && \\\n" +
	"    if command -v find > /dev/null; then find / -xdev -type d -name __pycache__ -prune -exec rm -rf {} +; fi\n"

// quoteEnv makes a value one word of an ENV instruction in which nothing is expanded.
func quoteEnv(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(value) + `"`
}

func quoteJSON(value string) string {
	quoted, err := json.Marshal(value)
	if err != nil {
		return `""` // cannot be: a string always marshals
	}
	return string(quoted)
}
