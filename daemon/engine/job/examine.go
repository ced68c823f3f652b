package job

import (
	"context"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/daemon/engine/inventory"
	"github.com/kilnhq/kiln/daemon/worker"
)

// examine lists the packages of the result. When the job asks for it, it says what the base has of each, and fails when Python
// packages do not fit together that did so in the base.
func (b *build) examine(ctx context.Context, id string) ([]worker.Package, error) {
	found, err := b.inventory(ctx, id)
	if err != nil || !b.spec.Check || b.base == "" {
		return found.Packages, err
	}
	base, err := b.inventory(ctx, b.base)
	if err != nil {
		return nil, err
	}
	packages := inventory.Against(found.Packages, base.Packages)
	changed := slices.ContainsFunc(packages, func(p worker.Package) bool { return p.Manager == inventory.Pip && p.Version != p.Base })
	if !changed {
		return packages, nil
	}
	lines, err := b.conflicts(ctx, id, found.Interpreters)
	if err != nil || len(lines) == 0 {
		return packages, err
	}
	known, err := b.conflicts(ctx, b.base, base.Interpreters)
	if err != nil {
		return nil, err
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return slices.Contains(known, line) })
	if len(lines) == 0 {
		return packages, nil
	}
	b.report.step(b.number+1, b.total+1, "pip check")
	for _, line := range lines {
		b.report.log(worker.StreamStdout, line)
	}
	return nil, &worker.Failure{Kind: worker.FailureConflict, Step: "pip check", Message: strings.Join(lines, "\n")}
}

const interpreterMark = "--kiln-- "

// checkPip prints what pip finds wrong, after the interpreter's path.
const checkPip = `for python; do
	echo "` + interpreterMark + `$python"
	PIP_NO_INPUT=1 "$python" -m pip check --disable-pip-version-check
done
true`

// conflicts gives what pip finds wrong with the packages of each interpreter, a line each.
func (b *build) conflicts(ctx context.Context, id string, interpreters []string) ([]string, error) {
	if len(interpreters) == 0 {
		return nil, nil
	}
	text, err := b.print(ctx, id, "pip check", append([]string{"/bin/sh", "-c", checkPip, "sh"}, interpreters...))
	return parseConflicts(text), err
}

// parseConflicts reads what checkPip printed.
func parseConflicts(text string) []string {
	var found []string
	python := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if path, ok := strings.CutPrefix(line, interpreterMark); ok {
			python = path
			continue
		}
		if line != "" && line != "No broken requirements found." {
			found = append(found, python+": "+line)
		}
	}
	return found
}
