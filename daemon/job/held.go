package job

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

// held adds to the daemon's own configuration, which install steps see, what holds them to what was tested; with strict also
// what may stand against the recipe itself.
func held(t Task, mounts map[string]string, o official.Image, strict bool) map[string]string {
	if !lock.Recorded(t.Tested) {
		return mounts
	}
	if text := lock.Constraints(t.Tested); strict && text != "" {
		mounts[lock.PipConfigPath], mounts[lock.ConstraintsPath] = lock.PipConfig, text
	}
	if text := lock.Preferences(t.Tested); text != "" {
		mounts[lock.AptPath] = text
	}
	if text := lock.YumAliases(t.Tested); strict && text != "" && slices.Contains(o.Provides, string(pkgmanager.Yum)) {
		mounts[lock.YumPath] = text
	}
	return mounts
}

// expected gives what the result must have; nil when nobody can say.
func expected(t Task) []worker.Package {
	if !t.Exact || !lock.Recorded(t.Tested) {
		return nil
	}
	list := make([]worker.Package, 0, len(t.Tested))
	for _, p := range t.Tested {
		list = append(list, worker.Package(p))
	}
	return list
}

// lacksPackage says whether a step has failed in a way that a version which is not there may be the reason of.
func lacksPackage(err error) bool {
	return problem.Has(err, problem.PackageNotFound) || problem.Has(err, problem.Unclassified)
}

// missing finds out whether a failed step wanted a version that is there no more, and says so in place of the failure. It is true
// when the step may succeed without what pip and yum are held to: that is there, and the recipe wants something else on the way.
func (m *Maker) missing(ctx context.Context, t Task, failure error, log *process.Journal) (again bool, err error) {
	found, ok := errors.AsType[problem.Problem](failure) // whole, and not as it is shown: its value is an instruction
	if !ok {
		return false, failure
	}
	wanted := lock.Missing(found.Log, t.Tested)
	if len(wanted) == 0 {
		return false, failure
	}
	var apt, yum []lock.Wanted
	for _, w := range wanted {
		switch {
		case w.Manager == string(pkgmanager.Yum):
			yum, again = append(yum, w), again || w.Locked
		case w.Manager != pipManager:
			apt = append(apt, w)
		case len(w.There) > 0:
			return false, gone(w, found, t.Recipe)
		default:
			there, absent := m.pipVersions(ctx, t, w, log)
			if absent {
				w.There = there
				return false, gone(w, found, t.Recipe)
			}
			again = true
		}
	}
	if w, ok := m.aptGone(ctx, t, aptQuery{t.Recipe.Index(found.Value), apt}, log); ok {
		return false, gone(w, found, t.Recipe)
	}
	if w, ok := m.yumGone(ctx, t, found.Value, yum, log); ok {
		return false, gone(w, found, t.Recipe)
	}
	return again, failure
}

// gone says which version is there no more, and blames the entry that the failed step comes from.
func gone(w lock.Wanted, step problem.Problem, r recipe.Recipe) problem.Problem {
	p := w.Gone(step.Value, step.Log)
	field, value := r.Origin(step.Value)
	if field == "" {
		return p
	}
	p.Field = field
	if !w.Locked { // else it may be none that the entry names
		p.Value = value
	}
	return p
}

const pipManager = "pip"

// aptQuery is what to ask for, and the repository to ask when it is not that of the image.
type aptQuery struct {
	index  string
	wanted []lock.Wanted
}

// aptGone asks a repository for versions, and gives the first package whose version it has not got, with those that it has.
func (m *Maker) aptGone(ctx context.Context, t Task, query aptQuery, log *process.Journal) (lock.Wanted, bool) {
	if len(query.wanted) == 0 {
		return lock.Wanted{}, false
	}
	names := make([]string, len(query.wanted))
	for i, w := range query.wanted {
		names[i] = w.Name
	}
	lines, ok := m.ask(ctx, t, question{argv: pkgmanager.AptVersions(query.index, names)}, log)
	there := lock.Madison(lines)
	for _, w := range query.wanted {
		if versions := there[w.Name]; ok && len(versions) > 0 && !slices.Contains(versions, w.Version) {
			w.There = versions
			return w, true
		}
	}
	return lock.Wanted{}, false
}

// pipVersions asks the index for a version; when it has not got it, it gives those that it has.
func (m *Maker) pipVersions(ctx context.Context, t Task, w lock.Wanted, log *process.Journal) (there []string, gone bool) {
	argv := []string{pkgmanager.Pip3}
	if w.Interpreter != "" {
		argv = []string{w.Interpreter, "-m", "pip"}
	}
	lines, _ := m.ask(ctx, t, question{argv: append(argv, w.PipDownload("/tmp/kiln-lock")...)}, log)
	return lock.PipVersions(lines)
}

// question is a command that finds something out.
type question struct {
	argv  []string
	shown string // what the log says of it; empty: the command
}

// ask runs a command in the recipe's base, and gives what it prints and whether it succeeded.
func (m *Maker) ask(ctx context.Context, t Task, q question, log *process.Journal) (lines []string, ok bool) {
	where, err := m.Places.Find(ctx, t.Process.ResourceGroupID)
	if err != nil {
		return nil, false
	}
	log.Remark("looking for the versions that are there: %s", cmp.Or(q.shown, strings.Join(q.argv, " ")))
	result, err := m.Engine.Execute(ctx, worker.Job{
		ID: t.Process.ID, Kind: worker.KindRun, Network: where.Network,
		Run: &worker.Run{Image: tag(t.Recipe), Command: worker.Command{Name: "look for versions", Argv: q.argv}},
	}, func(e worker.Event) {
		log.Emit(e)
		if e.Log != nil {
			lines = append(lines, e.Log.Line)
		}
	})
	return lines, err == nil && result.ExitCode == 0
}

func tag(r recipe.Recipe) string { return official.Tag(r.Base.Official, r.Base.Version) }

// drift names what is not as it was tested.
func drift(f *worker.Failure) error {
	return lock.Drift(lock.Compare(packages(f.Expect), packages(f.Found))).Err()
}

func packages(list []worker.Package) []official.Package {
	converted := make([]official.Package, len(list))
	for i, p := range list {
		converted[i] = official.Package(p)
	}
	return converted
}
