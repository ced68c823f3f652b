package lock_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
)

func TestYumAliases(t *testing.T) {
	t.Parallel()
	same, upgraded, removed := rpm("bash.x86_64", "5.1-1"), rpm("g++-lib.i686", "2:2.0-1.el9"), rpm("gone.noarch", "")
	same.Base, upgraded.Base, removed.Base = "5.1-1", "1.0-1", "3-1"
	got := lock.YumAliases([]official.Package{
		upgraded, same, removed, rpm("odd", "1-1"), rpm("x.noarch", "1-1 --nogpgcheck"), rpm("y,z.noarch", "1-1"), rpm("$x.noarch", "1-1"), apt("bash", "5.2"),
	})
	const option = " --setopt=includepkgs=bash-5.1-1.x86_64,g++-lib-1.0-1.i686,g++-lib-2:2.0-1.el9.i686,gone-3-1.noarch\n"
	if !strings.HasPrefix(got, "[main]\nenabled = True\n[aliases]\n") || !strings.Contains(got, "\ninstall = \\install"+option) ||
		!strings.Contains(got, "\nupdate = \\update"+option) {
		t.Errorf("got %s", got)
	}
	for line := range strings.Lines(got) {
		if strings.Contains(line, "=") && !strings.HasPrefix(line, "enabled") && !strings.HasSuffix(line, option) {
			t.Errorf("a command is not held: %q", line)
		}
	}
	if got := lock.YumAliases([]official.Package{apt("bash", "5.2")}); got != "" {
		t.Errorf("nothing to hold yum to gives %q", got)
	}
}

func TestYumVersions(t *testing.T) {
	t.Parallel()
	got := lock.YumVersions([]string{
		"Last metadata expiration check: 0:00:02 ago.", "git.x86_64 2.39-1.el9", "", "git.x86_64 2.40-1.el9", "git.x86_64 2.40-1.el9", "lib++.i686 1:2.0-1",
		"warning: git.x86_64", "a b",
	})
	want := map[string][]string{
		"git": {"2.39-1.el9", "2.40-1.el9"}, "git.x86_64": {"2.39-1.el9", "2.40-1.el9"}, "lib++": {"1:2.0-1"}, "lib++.i686": {"1:2.0-1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for version, among := range map[string]bool{
		"2.0": true, "2.0-1": true, "1:2.0": true, "1:2.0-1": true, "2": false, "2.0-": false, "2.0-1.el9": false, "2:2.0-1": false, "1": false,
	} {
		if (lock.Wanted{Version: version}).Among([]string{"3.0-1", "1:2.0-1"}) != among {
			t.Errorf("%s among 1:2.0-1 is not %v", version, among)
		}
	}
}
