package recipe

import (
	"fmt"
	"maps"
	"path"
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
	MaxFileSize = 512 << 20 // bytes of one file
)

var (
	mode   = regexp.MustCompile(`^0[0-7]{3}$`)
	envKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	sha    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Validate checks what needs neither the catalogue nor the daemon.
func (r Recipe) Validate() problem.List {
	var found problem.List
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
	found = append(found, r.findings(pin.Wrong)...)
	found = append(found, validateFiles(r.Files)...)
	return append(found, ValidateEnv("env", r.Env)...)
}

// ValidateEnv checks names and values of an environment.
func ValidateEnv(field string, env map[string]string) problem.List {
	var found problem.List
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if !envKey.MatchString(key) || strings.ContainsAny(env[key], "\x00\n\r") {
			found = append(found, problem.Problem{
				Code: problem.InvalidEnv, Field: field + "[" + fmt.Sprintf("%q", key) + "]", Value: key,
				Limit: "letters, digits and _ in the name; one line in the value", Remedy: "Rename the variable, or put a longer value into a file.",
			})
		}
	}
	return found
}

// Unpinned finds the packages, and the commands in scripts, that do not say exactly which version is meant.
func (r Recipe) Unpinned() problem.List {
	var found problem.List
	for i, e := range r.Packages {
		found = append(found, e.Unpinned(fmt.Sprintf("packages[%d]", i))...)
	}
	return append(found, r.findings(pin.Unpinned)...)
}

// Risks finds what a script does that may go wrong, and what in it cannot be analysed: things to warn of, not to refuse.
func (r Recipe) Risks() problem.List { return r.findings(pin.Risky, pin.Unknown) }

// findings gives what the analysis of the scripts has found, of the given kinds.
func (r Recipe) findings(kinds ...pin.Kind) problem.List {
	var found problem.List
	for i, e := range r.Packages {
		if e.Type != pkgmanager.Script {
			continue
		}
		for _, f := range pin.Script(e.Normalize().Script, pin.Options{Env: r.Env}) {
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

// special are the characters that mean something in the COPY instruction, even in its JSON form.
const special = "\x00\n\r*?[\\$\"'"

func validateFiles(files []File) problem.List {
	var found problem.List
	seen := map[string]bool{}
	for i, f := range files {
		field := fmt.Sprintf("files[%d]", i)
		clean := path.Clean(f.Target)
		switch {
		case !path.IsAbs(f.Target) || clean != f.Target || clean == "/" || strings.ContainsAny(f.Target, special):
			found = append(found, invalidFile(field+".target", f.Target, "a clean absolute path without wildcards, quotes, $ and \\"))
		case forbidden(clean):
			found = append(found, invalidFile(field+".target", f.Target, "outside of /dev, /proc, /sys and /run"))
		case seen[clean]:
			found = append(found, invalidFile(field+".target", f.Target, "each target once"))
		}
		seen[clean] = true
		if !mode.MatchString(f.Mode) {
			found = append(found, invalidFile(field+".mode", f.Mode, "four octal digits, 0000 to 0777"))
		}
		if !sha.MatchString(f.SHA256) {
			found = append(found, invalidFile(field+".sha256", f.SHA256, "64 hexadecimal digits"))
		}
	}
	return found
}

func forbidden(target string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(target, "/"), "/")
	return slices.Contains([]string{"dev", "proc", "sys", "run"}, first)
}

func invalidFile(field, value, limit string) problem.Problem {
	return problem.Problem{
		Code: problem.InvalidFile, Field: field, Value: value, Limit: limit, Remedy: "Change the path, or put the content elsewhere.",
	}
}
