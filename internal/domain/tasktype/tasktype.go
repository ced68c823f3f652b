// Package tasktype is the matrix of task types and image sources. It is data:
// provider, daemon and documentation read the same table.
package tasktype

import (
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Type is the kind of task that an image serves.
type Type string

// The task types.
const (
	PyODPS2     Type = "pyodps2"
	PyODPS3     Type = "pyodps3"
	EMRSpark    Type = "emr_spark"
	EMRSparkSQL Type = "emr_spark_sql"
	EMRShell    Type = "emr_shell"
	Shell       Type = "shell"
	Python      Type = "python"
	Notebook    Type = "notebook"
	CDH         Type = "cdh"
	Assignment  Type = "assignment"
)

// Source is where the base of a custom image comes from.
type Source string

// The sources.
const (
	SourceOfficial Source = "official"
	SourceRegistry Source = "registry"
)

// Types lists all task types in the order of the platform's own table.
var Types = []Type{PyODPS2, PyODPS3, EMRSpark, EMRSparkSQL, EMRShell, Shell, Python, Notebook, CDH, Assignment}

// fromRegistry lists what a registry image may serve; every type may be served from an official image.
var fromRegistry = []Type{Shell, Python, Notebook}

// Supports says whether tasks of a type may run in images of a source.
func Supports(t Type, s Source) bool {
	switch s {
	case SourceOfficial:
		return slices.Contains(Types, t)
	case SourceRegistry:
		return slices.Contains(fromRegistry, t)
	}
	return false
}

// Validate refuses what is no task type.
func Validate(field string, types ...Type) problem.List {
	var found problem.List
	for _, t := range types {
		if !slices.Contains(Types, t) {
			found = append(found, problem.Problem{
				Code: problem.InvalidParameter, Field: field, Value: string(t), Limit: strings.Join(Names(Types), ", "), Remedy: "Choose values of this list.",
			})
		}
	}
	return found
}

// FromRegistry lists the types that an image of a registry may serve.
func FromRegistry() []Type { return slices.Clone(fromRegistry) }

// Runs lists the programs of which an image of a registry must have one to run tasks of a type, the one that is taken first in front.
func Runs(t Type) []string {
	switch t {
	case Shell:
		return []string{"bash", "sh"}
	case Python:
		return []string{"python3", "python"}
	case Notebook:
		return []string{"jupyter"}
	case PyODPS2, PyODPS3, EMRSpark, EMRSparkSQL, EMRShell, CDH, Assignment:
	}
	return nil
}

// Names gives types as text.
func Names(types []Type) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return names
}

// notebook executes a notebook of one cell and looks for what the cell has printed.
const notebook = `dir=$(mktemp -d) && cd "$dir"
cat > one.ipynb <<'EOF'
{"cells": [{"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": ["print('cell says', 6 * 7)"]}],
 "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}, "nbformat": 4, "nbformat_minor": 4}
EOF
jupyter nbconvert --to notebook --execute --output out.ipynb one.ipynb
grep 'cell says 42' out.ipynb`

// Smoke gives the command that every image of a type must be able to run, or nil when the type has none.
func Smoke(t Type) []string {
	switch t {
	case Shell, EMRShell, Assignment:
		return []string{"/bin/bash", "-c", "true"}
	case Python:
		return []string{"/bin/sh", "-c", "python3 -c 'import sys'"}
	case PyODPS3:
		return []string{"/home/tops/bin/python3", "-c", "import sys"}
	case PyODPS2:
		return []string{"/bin/sh", "-c", "python2 -c 'import sys; sys.exit(sys.version_info[0] != 2)'"}
	case Notebook:
		return []string{"/bin/sh", "-ec", notebook}
	case EMRSpark, EMRSparkSQL, CDH:
		return nil
	}
	return nil
}

// SmokeUpstream gives the command that an image of a registry must be able to run, or nil when there is none: of the programs of Runs,
// one has to be there.
func SmokeUpstream(t Type) []string {
	switch t {
	case Shell:
		return []string{"/bin/sh", "-c", "true"}
	case Python:
		return []string{"/bin/sh", "-c", "if command -v python3 > /dev/null; then exec python3 -V; fi; exec python -V"}
	case Notebook:
		return Smoke(t)
	case PyODPS2, PyODPS3, EMRSpark, EMRSparkSQL, EMRShell, CDH, Assignment:
	}
	return nil
}
