package recipe

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pin"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Limits of a recipe.
const (
	MaxPackages = 100
	MaxFiles    = 1000
	MaxEnv      = 100
	MaxVariable = 32 << 10 // bytes of one environment variable, with its name
)

var envKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate checks what needs neither the catalogue nor the daemon.
func (r Recipe) Validate() problem.List {
	found := r.validateBase()
	for _, limit := range []struct {
		field     string
		have, max int
	}{{"packages", len(r.Packages), MaxPackages}, {"files", len(r.Files), MaxFiles}, {"env", len(r.Env), MaxEnv}} {
		if limit.have > limit.max {
			found = append(found, problem.Problem{
				Code: problem.InvalidParameter, Field: limit.field, Value: fmt.Sprint(limit.have), Limit: fmt.Sprint(limit.max),
				Remedy: "Put several into one, or do it in a script.",
			})
		}
	}
	for i, e := range r.Packages {
		found = append(found, e.Validate(fmt.Sprintf("packages[%d]", i))...)
	}
	found = append(found, r.findings(nil, pin.Wrong)...)
	found = append(found, validateFiles(r.Files)...)
	return append(found, ValidateEnv("env", r.Env)...)
}

// ValidateEnv checks names and values of an environment.
func ValidateEnv(field string, env map[string]string) problem.List {
	var found problem.List
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if size := len(key) + len(env[key]); size > MaxVariable {
			found = append(found, problem.Problem{
				Code: problem.InvalidEnv, Field: field + "[" + fmt.Sprintf("%q", key) + "]", Value: fmt.Sprintf("%d bytes", size),
				Limit: fmt.Sprintf("%d bytes", MaxVariable), Remedy: "Put the value into a file.",
			})
			continue
		}
		p := problem.Problem{Code: problem.InvalidEnv, Field: field + "[" + fmt.Sprintf("%q", key) + "]"}
		if !envKey.MatchString(key) {
			p.Value, p.Limit, p.Remedy = key, "a name of letters, digits and _, without a digit in front", "Rename the variable."
			found = append(found, p)
		}
		if at := strings.IndexAny(env[key], "\x00\n\r"); at >= 0 {
			p.Value, p.Limit = fmt.Sprintf("%q at byte %d of the value", env[key][at], at+1), "one line of text as the value"
			p.Remedy = "Make it one line, or put the value into a file."
			found = append(found, p)
		}
	}
	return found
}

// Known gives the version of a package that was resolved last; empty when there is none.
type Known = func(manager pin.Manager, name string) string

// Unpinned finds the packages, and the commands in scripts, that do not say exactly which version is meant. They suggest what known
// gives, which may be nil.
func (r Recipe) Unpinned(known Known) problem.List {
	found := r.Base.Registry.unpinned()
	for i, e := range r.Packages {
		var version func(name string) string
		if known != nil {
			version = func(name string) string {
				base, _, _ := strings.Cut(name, "[")
				return known(manager(e.Type), base)
			}
		}
		found = append(found, e.Unpinned(fmt.Sprintf("packages[%d]", i), version)...)
	}
	return append(found, r.findings(known, pin.Unpinned)...)
}

// manager names the tool that installs the packages of a type.
func manager(t pkgmanager.Type) pin.Manager {
	if strings.HasPrefix(string(t), "python") {
		return pin.Pip
	}
	return pin.Manager(t)
}

// Risks finds what a script does that may go wrong, and what in it cannot be analysed: things to warn of, not to refuse.
func (r Recipe) Risks() problem.List { return r.findings(nil, pin.Risky, pin.Unknown) }

// Plain warns of a recipe that adds nothing to its base.
func (r Recipe) Plain() problem.List {
	if len(r.Packages)+len(r.Files)+len(r.Env) > 0 || r.Base.FromRegistry() {
		return nil
	}
	return problem.List{{
		Code: problem.NoCustomisation, Field: "packages", Value: "0 packages", Limit: "packages, files or env",
		Detail: "the image is its official image under another name", Remedy: "Add what it is to have, or use the official image itself.",
	}}
}

// findings gives what the analysis of the scripts has found, of the given kinds.
func (r Recipe) findings(known Known, kinds ...pin.Kind) problem.List {
	var found problem.List
	for i, e := range r.Packages {
		if e.Type != pkgmanager.Script {
			continue
		}
		for _, f := range pin.Script(e.Normalize().Script, pin.Options{Known: known, Env: r.Env}) {
			if slices.Contains(kinds, f.Kind) {
				f.Problem.Field = fmt.Sprintf("packages[%d].script", i)
				found = append(found, f.Problem)
			}
		}
	}
	return found
}

// Against checks the recipe against its base: what the packages need must be there.
func (r Recipe) Against(base official.Image) problem.List {
	var found problem.List
	for i, e := range r.Packages {
		need := e.Needs()
		if need == "" || slices.Contains(base.Provides, need) {
			continue
		}
		code := problem.RuntimeMissing
		if e.Type == pkgmanager.Apt || e.Type == pkgmanager.Yum {
			code = problem.PackageManagerMissing
		}
		found = append(found, problem.Problem{
			Code: code, Field: fmt.Sprintf("packages[%d].type", i), Value: string(e.Type),
			Limit:  base.Name + " has " + strings.Join(base.Provides, ", "),
			Remedy: "Choose an official image that has " + need + ", or install it by another entry first and use a script.",
		})
	}
	return found
}
