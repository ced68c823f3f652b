package daemon

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/daemon/catalogue"
	"github.com/kilnhq/kiln/internal/domain/name"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/quota"
	"github.com/kilnhq/kiln/internal/domain/redact"
	"github.com/kilnhq/kiln/internal/domain/system"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// maxSocketPath is the longest path that a unix socket address can hold on Linux, in bytes.
const maxSocketPath = 107

// Forms of what ends up in names, paths and command lines of other programs. None begins with a hyphen.
var (
	regionName     = regexp.MustCompile(`^[a-z0-9]+([_-][a-z0-9]+)*$`) // it begins the names of the registry's repositories
	suiteName      = regexp.MustCompile(`^[a-z0-9][a-z0-9.+_-]*(/[a-z0-9][a-z0-9.+_-]*)?$`)
	opensslVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+(\.[0-9]+)?[a-z0-9.-]{0,32}$`)
	repository     = regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*@sha256:[0-9a-f]{64}$`)
	hostName       = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?$`)
)

// findings are the refusals of a configuration.
type findings struct{ problem.List }

func (f *findings) wrong(field, value, limit string) {
	f.List = append(f.List, problem.Problem{
		Code: problem.InvalidParameter, Field: field, Value: value, Limit: limit,
		Remedy: "Correct the daemon's configuration; docs/configuration.md has its fields.",
	})
}

func (c Config) validate() problem.List {
	var f findings
	if len(c.Socket) > maxSocketPath {
		f.wrong("socket", c.Socket, strconv.Itoa(maxSocketPath)+" bytes: Linux takes no longer path for a socket")
	}
	names := map[string]bool{}
	for _, r := range c.Regions {
		if !regionName.MatchString(r.Name) || names[r.Name] {
			f.wrong("region", r.Name, "lower-case letters, digits and single - or _ between them; each name once")
		}
		names[r.Name] = true
		if !slices.Contains(quota.Editions, quota.Edition(r.Edition)) {
			f.wrong("region."+r.Name+".edition", r.Edition, "basic, standard, professional, enterprise")
		}
	}
	switch system.Pinning(c.VersionPinning) {
	case system.PinningEnforce, system.PinningWarn, system.PinningOff:
	default:
		f.wrong("version_pinning", c.VersionPinning, "enforce, warn, off")
	}
	f.registry(*c.Registry)
	f.indexes(c.Indexes)
	f.catalogue(*c.Catalogue)
	if c.Workers < 1 {
		f.wrong("workers", fmt.Sprint(c.Workers), "1 or more")
	}
	return f.List
}

func (f *findings) registry(r Registry) {
	host, ok := hostPort(r.Listen, 0)
	if address, err := netip.ParseAddr(host); !ok || host != "localhost" && (err != nil || !address.IsLoopback()) {
		f.wrong("registry.listen", r.Listen, "HOST:PORT with a loopback address, such as 127.0.0.1:5380; the registry has no TLS")
	}
	if _, ok := hostPort(r.ExternalAddress, 1); r.ExternalAddress != "" && !ok {
		f.wrong("registry.external_address", r.ExternalAddress, "HOST:PORT, as clients reach it")
	}
}

// hostPort gives the host of HOST:PORT. The least port is 0 where one is chosen, and else 1.
func hostPort(text string, least uint64) (host string, ok bool) {
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		return "", false
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	_, noAddress := netip.ParseAddr(host)
	return host, err == nil && port >= least && (noAddress == nil || hostName.MatchString(host))
}

func (f *findings) indexes(list []Index) {
	types := map[string]bool{}
	for _, index := range list {
		if index.Type != "pip" && index.Type != "yum" || !pkgmanager.ValidIndex(index.URL) {
			f.wrong("package_index."+index.Name, index.Type+" "+redact.URL(index.URL),
				`type = "pip" or "yum", and an http or https URL without user name, password and query`)
		} else if types[index.Type] {
			f.wrong("package_index."+index.Name, index.Type, "one index of each type")
		}
		types[index.Type] = true
	}
}

// mirror judges the URL of a mirror, which workers have to reach.
func (f *findings) mirror(field, text string) {
	if u, err := url.Parse(text); err != nil || !pkgmanager.ValidIndex(text) || !reachable(u.Hostname(), u.Port()) {
		f.wrong(field, redact.URL(text),
			"an http or https URL without user name, password and query; a mirror on the daemon's machine is http://"+network.HostName+":PORT/")
	}
}

func (f *findings) catalogue(c Catalogue) {
	f.mirror("catalogue.mirror", c.Mirror)
	if c.RPMMirror != "" {
		f.mirror("catalogue.rpm_mirror", c.RPMMirror)
	}
	if !suiteName.MatchString(c.Suite) {
		f.wrong("catalogue.suite", c.Suite, "a release of Debian, such as bookworm")
	}
	for i, component := range c.Components {
		if !suiteName.MatchString(component) || slices.Contains(c.Components[:i], component) {
			f.wrong("catalogue.components", component, "parts of the release, such as main and contrib, each once")
		}
	}
	if !filepath.IsAbs(c.Cache) {
		f.wrong("catalogue.cache", c.Cache, "an absolute path")
	}
	taken := map[string]bool{}
	for _, shipped := range catalogue.Shipped(c.Suite, c.Components) {
		taken[shipped.Name+":"+shipped.Version] = true
	}
	for _, image := range c.Images {
		f.image(image)
		if key := image.Name + ":" + image.Version; taken[key] {
			f.wrong("catalogue.image."+image.Name+".version", image.Version, "a version that the image does not have yet")
		} else {
			taken[key] = true
		}
	}
	for _, expired := range c.Expired {
		if !taken[expired] {
			f.wrong("catalogue.expired", expired, "NAME:VERSION of entries of the catalogue: "+strings.Join(slices.Sorted(maps.Keys(taken)), ", "))
		}
	}
}

// reachable says whether an allow-list opens a host: workers get to mirrors and registries by one.
func reachable(host, port string) bool {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" {
		port = "443"
	}
	rules, _ := network.Rules([]string{host + ":" + port})
	return len(rules) == 1
}

func (f *findings) image(image OfficialImage) {
	field := "catalogue.image." + image.Name
	if found := name.Image(field, image.Name); len(found) > 0 {
		f.wrong(field, image.Name, found[0].Limit)
	}
	if _, err := time.Parse("20060102", image.Version); err != nil {
		f.wrong(field+".version", image.Version, "a date, YYYYMMDD")
	}
	host, rest, _ := strings.Cut(image.Reference, "/")
	address, port, _ := strings.Cut(host, ":")
	if !strings.ContainsAny(host, ".:") || !repository.MatchString(rest) || strings.HasSuffix(host, ":") || !reachable(address, port) {
		f.wrong(field+".reference", image.Reference, "HOST[:PORT]/REPOSITORY@sha256:DIGEST")
	}
	if found := name.Description(field+".description", image.Description); len(found) > 0 {
		f.wrong(field+".description", found[0].Value, found[0].Limit)
	}
	types := strings.Join(tasktype.Names(tasktype.Types), ", ")
	if len(image.TaskTypes) == 0 {
		f.wrong(field+".task_types", "", types)
	}
	for _, t := range image.TaskTypes {
		if !slices.Contains(tasktype.Types, tasktype.Type(t)) {
			f.wrong(field+".task_types", t, types)
		}
	}
	if image.OpenSSL != "" && !opensslVersion.MatchString(image.OpenSSL) {
		f.wrong(field+".openssl", image.OpenSSL, "a version of OpenSSL, such as 1.0.2k or 3.0.17")
	}
	known := provided()
	for _, p := range image.Provides {
		if !slices.Contains(known, p) {
			f.wrong(field+".provides", p, strings.Join(known, ", "))
		}
	}
}

// provided lists what a base may have that packages need.
func provided() []string {
	var known []string
	for _, t := range pkgmanager.Types {
		if need := (pkgmanager.Entry{Type: t}).Needs(); need != "" && !slices.Contains(known, need) {
			known = append(known, need)
		}
	}
	return known
}
