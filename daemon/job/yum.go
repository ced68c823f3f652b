package job

import (
	"context"
	"strings"

	"github.com/kilnhq/kiln/daemon/process"
	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
)

// askYum asks the repository whose text is the first argument, or those of the image when that is empty, for all versions of packages.
// It works where install steps do: an image may have no /tmp.
const askYum = `repository=$1; shift; place=
if [ -n "$repository" ]; then
	mkdir -p /var/cache/dnf && printf '%s' "$repository" > /var/cache/dnf/kiln.repo || exit
	place=--setopt=reposdir=/var/cache/dnf
fi
yum -q repoquery --setopt=cachedir=/var/cache/dnf $place --qf '` + lock.YumQuery + `' "$@"`

// yumGone asks the repository of the failed step for versions, and gives the first package whose version it has not got, with those that
// it has.
func (m *Maker) yumGone(ctx context.Context, t Task, step string, wanted []lock.Wanted, log *process.Journal) (lock.Wanted, bool) {
	if len(wanted) == 0 {
		return lock.Wanted{}, false
	}
	names := make([]string, len(wanted))
	for i, w := range wanted {
		names[i] = w.Name
	}
	lines, ok := m.ask(ctx, t, question{
		argv: append([]string{"/bin/sh", "-c", askYum, "sh", m.repository(t, step)}, names...), shown: "yum repoquery " + strings.Join(names, " "),
	}, log)
	there := lock.YumVersions(lines)
	for _, w := range wanted {
		if versions := there[w.Name]; ok && w.Version != "" && len(versions) > 0 && !w.Among(versions) {
			w.There = versions
			return w, true
		}
	}
	return lock.Wanted{}, false
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
