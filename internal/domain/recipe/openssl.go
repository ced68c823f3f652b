package recipe

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// What needs OpenSSL 1.1.1 or newer, since which release: urllib3 itself, and a package that brings it when nothing holds it back.
const (
	urllib3      = "urllib3"
	urllib3Needs = "2.0"
	requests     = "requests"
	requestsHas  = "2.30" // takes urllib3 2
)

// OldOpenSSL warns of what installs an urllib3 that cannot be imported on a base whose Python has an OpenSSL before 1.1.1. Entries for
// Python 3 are judged, scripts are not; where the catalogue does not say which OpenSSL a base has, nothing is.
func (r Recipe) OldOpenSSL(base official.Image) problem.List {
	if !beforeOpenSSL111(base.OpenSSL) {
		return nil
	}
	var found problem.List
	held := r.holdsURLLib3()
	for i, e := range r.Packages {
		if e.Type != pkgmanager.Python3 {
			continue
		}
		for j, n := range e.Names {
			detail := ""
			if name, ok := pkgmanager.Admits(n, urllib3Needs); name == urllib3 && ok {
				detail = "urllib3 2 needs OpenSSL 1.1.1 or newer"
			}
			if name, ok := pkgmanager.Admits(n, requestsHas); name == requests && ok && !held {
				detail = "it brings urllib3 2, which needs OpenSSL 1.1.1 or newer"
			}
			if detail == "" {
				continue
			}
			found = append(found, problem.Problem{
				Code: problem.OpenSSLTooOld, Field: fmt.Sprintf("packages[%d].names[%d]", i, j), Value: n,
				Limit: "urllib3 before 2", Detail: detail + "; the Python of " + base.Name + " has " + base.OpenSSL,
				Remedy: "Pin the last urllib3 that does without: urllib3==1.26.16, or choose a newer official image.",
			})
		}
	}
	return found
}

// holdsURLLib3 says whether an entry keeps urllib3 below 2.
func (r Recipe) holdsURLLib3() bool {
	for _, e := range r.Packages {
		for _, n := range e.Names {
			if name, ok := pkgmanager.Admits(n, urllib3Needs); e.Type == pkgmanager.Python3 && name == urllib3 && !ok {
				return true
			}
		}
	}
	return false
}

var openssl = regexp.MustCompile(`^([0-9]+)\.([0-9]+)(?:\.([0-9]+))?`)

// beforeOpenSSL111 is false for a version that is not known.
func beforeOpenSSL111(version string) bool {
	m := openssl.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	for i, want := range []int{1, 1, 1} {
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			n = 0 // left out
		}
		if n != want {
			return n < want
		}
	}
	return false
}
