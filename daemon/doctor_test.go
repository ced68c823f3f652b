package daemon_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/kilnhq/kiln/daemon"
	"github.com/kilnhq/kiln/daemon/engine"
)

// TestDoctorRPM: what makes images of rpm packages is looked for where there is a repository to make them from, and only there.
func TestDoctorRPM(t *testing.T) {
	t.Parallel()
	for _, mirror := range []string{"", "http://rpm.test/os/"} {
		// Without a runtime the checks end before a container runs.
		cfg := daemon.Config{DataDir: t.TempDir(), Runtime: filepath.Join(t.TempDir(), "runc"), Catalogue: &daemon.Catalogue{RPMMirror: mirror}}
		checks, err := daemon.Doctor(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if looked := slices.ContainsFunc(checks, func(c engine.Check) bool { return c.Name == "dnf" }); looked != (mirror != "") {
			t.Errorf("with the repository %q: %+v", mirror, checks)
		}
	}
}
