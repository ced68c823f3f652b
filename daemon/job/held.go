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
	for _, q := range []inquiry{askApt(t, found.Value, apt), m.askYum(t, found.Value, yum)} {
		if w, ok := m.absent(ctx, t, q, log); ok {
			return false, gone(w, found, t.Recipe)
		}
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

// inquiry is how the versions that a repository has are asked for.
type inquiry struct {
	wanted []lock.Wanted
	ask    func(names []string) question
	read   func(lines []string) map[string][]string // by package
	has    func(w lock.Wanted, versions []string) bool
}

func askApt(t Task, step string, wanted []lock.Wanted) inquiry {
	return inquiry{
		wanted: wanted, read: lock.Madison,
		ask: func(names []string) question {
			return question{argv: pkgmanager.AptVersions(t.Recipe.Index(step), names)}
		},
		has: func(w lock.Wanted, versions []string) bool { return slices.Contains(versions, w.Version) },
	}
}

func (m *Maker) askYum(t Task, step string, wanted []lock.Wanted) inquiry {
	return inquiry{
		wanted: wanted, read: lock.YumVersions, has: lock.Wanted.Among,
		ask: func(names []string) question {
			return question{argv: pkgmanager.YumVersions(m.repository(t, step), names), shown: "yum repoquery " + strings.Join(names, " ")}
		},
	}
}

// repository is the text of the repository that a step has installed from; empty when it is the image's own.
func (m *Maker) repository(t Task, step string) string {
	if index := t.Recipe.Index(step); index != "" {
		return pkgmanager.YumRepository(index)
	}
	for _, mount := range m.Mounts {
		if mount.Path == pkgmanager.YumFile {
			return mount.Content
		}
	}
	return ""
}

// absent asks the repository of a failed step for versions, and gives the first package whose version it has not got, with those that
// it has.
func (m *Maker) absent(ctx context.Context, t Task, q inquiry, log *process.Journal) (lock.Wanted, bool) {
	if len(q.wanted) == 0 {
		return lock.Wanted{}, false
	}
	names := make([]string, len(q.wanted))
	for i, w := range q.wanted {
		names[i] = w.Name
	}
	lines, ok := m.ask(ctx, t, q.ask(names), log)
	there := q.read(lines)
	for _, w := range q.wanted {
		if versions := there[w.Name]; ok && w.Version != "" && len(versions) > 0 && !q.has(w, versions) {
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
		Run: &worker.Run{Image: t.Recipe.Base.Name(), Command: worker.Command{Name: "look for versions", Argv: q.argv}},
	}, func(e worker.Event) {
		log.Emit(e)
		if e.Log != nil {
			lines = append(lines, e.Log.Line)
		}
	})
	return lines, err == nil && result.ExitCode == 0
}

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
