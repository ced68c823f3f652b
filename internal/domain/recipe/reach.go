package recipe

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pin"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Sources are the hosts that installers ask when an entry names none, as the daemon's configuration has them.
type Sources struct {
	Pip Source
	Apt Source
}

// Source is one of them.
type Source struct {
	Host     string // HOST:PORT; empty: not known
	Internal bool   // reached without public access, however that is arranged: it is not judged
}

// Unreachable finds the entries that a network surely keeps from what they need. Where something else may bring the packages, such
// as a proxy, a configuration of the installer or an earlier script, nothing is said.
func (r Recipe) Unreachable(n network.Network, base official.Image, sources Sources) problem.List {
	if r.hasEnv("_proxy") {
		return nil
	}
	var found problem.List
	for i, e := range r.Packages {
		field := fmt.Sprintf("packages[%d]", i)
		var hosts []string
		value := string(e.Type)
		switch {
		case e.Type == pkgmanager.Script:
			field += ".script"
			value, hosts = "", pin.Needs(e.Normalize().Script, pin.Options{Env: r.Env})
		case e.Index != "":
			field += ".index"
			value = e.Index
			if !r.hasEnv("pip_") {
				hosts = indexHost(e.IndexURL())
			}
		case base.Name != "" && base.Reference == "" && !r.configures(i):
			field += ".type"
			hosts = sources.of(e.Type)
		}
		for _, host := range hosts {
			if n.Refuses(host) {
				p := unreachable(host, n)
				p.Field, p.Value = field, cmp.Or(value, host) // of a script, the word that asks for it
				found = append(found, p)
			}
		}
	}
	return found
}

func unreachable(host string, n network.Network) problem.Problem {
	limit := "network " + n.Name + " reaches nothing"
	if n.Egress == network.EgressRestricted && len(n.Allow) > 0 {
		limit = "network " + n.Name + " reaches " + strings.Join(n.Allow, ", ")
	}
	return problem.Problem{
		Code: problem.PublicAccessRequired, Limit: limit,
		Detail: "the network of the resource group does not reach " + host,
		Remedy: "Allow " + host + " on the network, use an index that it reaches, or a resource group with another network.",
	}
}

// of gives the host that a manager asks; nothing when it is not known or not judged.
func (s Sources) of(t pkgmanager.Type) []string {
	source := map[pkgmanager.Type]Source{pkgmanager.Python3: s.Pip, pkgmanager.Python2: s.Pip, pkgmanager.Apt: s.Apt}[t]
	if source.Host == "" || source.Internal {
		return nil
	}
	return []string{source.Host}
}

// indexHost gives HOST:PORT of an index; nothing when it is no URL.
func indexHost(index string) []string {
	host, ok := HostPort(index)
	if !ok {
		return nil
	}
	return []string{host}
}

// HostPort gives HOST:PORT of an http or https URL.
func HostPort(index string) (string, bool) {
	u, err := url.Parse(index)
	port := map[string]string{"http": "80", "https": "443"}[func() string {
		if err != nil {
			return ""
		}
		return u.Scheme
	}()]
	if port == "" || u.Hostname() == "" {
		return "", false
	}
	if u.Port() != "" {
		port = u.Port()
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port, true
}

// hasEnv says whether a variable of the image has a name with a text in it, whatever its case.
func (r Recipe) hasEnv(text string) bool {
	for name := range r.Env {
		if strings.Contains(strings.ToLower(name), text) {
			return true
		}
	}
	return false
}

// configures says whether the recipe may tell installers, before an entry runs, to use something else than what the base has.
func (r Recipe) configures(entry int) bool {
	return r.hasEnv("pip_") || slices.ContainsFunc(r.Files, configuration) ||
		slices.ContainsFunc(r.Packages[:entry], func(e pkgmanager.Entry) bool { return e.Type == pkgmanager.Script })
}

// configuration says that a file lies where installers look for their configuration, or may.
func configuration(f File) bool {
	return slices.ContainsFunc([]string{"/etc/", "/root/", "/home/", "/usr/"}, func(dir string) bool {
		return strings.HasPrefix(f.Target+"/", dir)
	})
}
