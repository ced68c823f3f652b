package image_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
	"github.com/kilnhq/kiln/provider/acctest"
)

const (
	sumOfOne = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed" // of "one"
	sumOfTwo = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3" // of "two"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// withFile is an image with one file.
func withFile(path string) string {
	return image(map[string]string{"files": `[{ source = ` + strconv.Quote(path) + `, target = "/opt/dict.txt" }]`})
}

// TestAccFiles: files travel by their hash; another content is a new version, another path is not.
func TestAccFiles(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "dict.txt"), filepath.Join(dir, "moved.txt")
	write(t, path, "one")
	sum := tfjsonpath.New("files").AtSliceIndex(0).AtMapKey("sha256")
	first := acctest.Planned(d.Provider()+withFile(path), address, plancheck.ResourceActionCreate,
		plancheck.ExpectKnownValue(address, sum, knownvalue.StringExact(sumOfOne)), known("input_hash", knownvalue.StringFunc(hash)))
	first.Check = resource.ComposeTestCheckFunc(attribute("files.0.mode", "0644"), attribute("version", "1"))
	changed := acctest.Planned(d.Provider()+withFile(path), address, plancheck.ResourceActionUpdate,
		plancheck.ExpectKnownValue(address, sum, knownvalue.StringExact(sumOfTwo)))
	changed.PreConfig = func() { write(t, path, "two") }
	changed.Check = attribute("version", "2")
	renamed := acctest.Planned(d.Provider()+withFile(moved), address, plancheck.ResourceActionUpdate, known("version", knownvalue.Int64Exact(2)))
	renamed.PreConfig = func() { write(t, moved, "two") }
	inline := d.Provider() + image(map[string]string{"files": `[{ content = "one", target = "/opt/dict.txt", mode = "0644" }]`})
	back := acctest.Planned(inline, address, plancheck.ResourceActionUpdate, known("version", knownvalue.Int64Exact(1)))
	acctest.Run(t,
		first, acctest.Unchanged(first.Config), changed, renamed, acctest.Unchanged(renamed.Config), back, acctest.Unchanged(inline),
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"files.0.content"},
		},
	)
	missing, err := d.Client.MissingFiles(t.Context(), []string{sumOfOne, sumOfTwo})
	if err != nil || len(missing) != 0 {
		t.Errorf("missing = %v, %v; want none", missing, err)
	}
	if n := d.Engine.Calls(worker.KindImage); n != 2 {
		t.Errorf("%d builds, want 2", n)
	}
}

// TestAccFilesRefused: what cannot be sent is refused in the plan.
func TestAccFilesRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	write(t, large, "")
	if err := os.Truncate(large, recipe.MaxFileSize+1); err != nil {
		t.Fatal(err)
	}
	cli := d.CLI(t)
	for path, want := range map[string]acctest.Refusal{
		filepath.Join(dir, "none"): {Code: problem.FileMissing, Says: []string{"none"}},
		os.DevNull:                 {Code: problem.InvalidFile, Says: []string{"a regular file or a directory"}},
		large:                      {Code: problem.FileTooLarge, Says: []string{"536870912 bytes"}},
	} {
		cli.Config(withFile(path))
		want.Field = "files[0].source"
		cli.RefusePlan(want)
	}
}

// withDirectory is an image with one directory, and further arguments of it.
func withDirectory(path, further string) string {
	return image(map[string]string{"files": `[{ source = ` + strconv.Quote(path) + `, target = "/opt/x"` + further + ` }]`})
}

// TestAccDirectory: what is in a directory, and with which permissions, decides; time and place of it mean nothing. The plan shows
// what changes in it.
func TestAccDirectory(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	dir, moved := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	prepare := func(dir string) {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "lib"), 0o755), os.Symlink("lib/one.py", filepath.Join(dir, "link"))); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "lib/one.py"), "one")
		write(t, filepath.Join(dir, "lib/one.pyc"), "compiled")
	}
	prepare(dir)
	files := tfjsonpath.New("files").AtSliceIndex(0)
	entries := func(of map[string]string) plancheck.PlanCheck {
		want := map[string]knownvalue.Check{}
		for name, text := range of {
			want[name] = knownvalue.StringExact(text)
		}
		return plancheck.ExpectKnownValue(address, files.AtMapKey("entries"), knownvalue.MapExact(want))
	}
	here := d.Provider() + withDirectory(dir, `, ignore = ["*.pyc"]`)
	first := acctest.Planned(here, address, plancheck.ResourceActionCreate,
		entries(map[string]string{"lib/one.py": "0600 " + sumOfOne, "link": "-> lib/one.py"}),
		known("input_hash", knownvalue.StringFunc(hash)), plancheck.ExpectKnownValue(address, files.AtMapKey("mode"), knownvalue.Null()),
	)
	first.Check = attribute("version", "1")
	touched := acctest.Unchanged(here)
	touched.PreConfig = func() {
		write(t, filepath.Join(dir, "lib/one.pyc"), "compiled anew")
		if err := os.Chtimes(filepath.Join(dir, "lib/one.py"), time.Unix(0, 0), time.Unix(1, 0)); err != nil {
			t.Error(err)
		}
	}
	mode := acctest.Planned(here, address, plancheck.ResourceActionUpdate,
		entries(map[string]string{"lib/one.py": "0755 " + sumOfOne, "link": "-> lib/one.py"}))
	mode.PreConfig = func() {
		if err := os.Chmod(filepath.Join(dir, "lib/one.py"), 0o755); err != nil {
			t.Error(err)
		}
	}
	mode.Check = attribute("version", "2")
	content := acctest.Planned(here, address, plancheck.ResourceActionUpdate,
		entries(map[string]string{"lib/one.py": "0755 " + sumOfTwo, "link": "-> lib/one.py"}))
	content.PreConfig = func() { write(t, filepath.Join(dir, "lib/one.py"), "two") }
	content.Check = attribute("version", "3")
	there := d.Provider() + withDirectory(moved, "")
	back := acctest.Planned(there, address, plancheck.ResourceActionUpdate, known("version", knownvalue.Int64Exact(1)))
	back.PreConfig = func() {
		prepare(moved)
		write(t, filepath.Join(moved, ".kilnignore"), "*.pyc\n")
	}
	acctest.Run(t,
		first, touched, mode, content, acctest.Unchanged(here), back, acctest.Unchanged(there),
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"files.0.source"},
		},
	)
	jobs := d.Engine.Jobs()
	i := jobs[len(jobs)-1].Image
	if len(i.Trees) != 1 || len(i.Files) != 0 || !strings.Contains(i.Containerfile, "# /opt/x/lib/one.py 0755 sha256-"+sumOfTwo+"\n# /opt/x/link -> lib/one.py\nADD") {
		t.Errorf("trees = %v, files = %v, and\n%s", i.Trees, i.Files, i.Containerfile)
	}
	if n := d.Engine.Calls(worker.KindImage); n != 3 {
		t.Errorf("%d builds, want 3", n)
	}
}

// TestAccDirectoryRefused: what cannot be sent, or means nothing, is refused in the plan.
func TestAccDirectoryRefused(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	cli := d.CLI(t)
	refused := func(config string, want acctest.Refusal) {
		t.Helper()
		cli.Config(config)
		cli.RefusePlan(want)
	}
	refused(withDirectory(dir, ""), acctest.Refusal{Code: problem.InvalidFile, Field: "files[0].source", Says: []string{"out -> /etc/passwd"}})
	refused(withDirectory(dir, `, ignore = ["out"]`),
		acctest.Refusal{Code: problem.InvalidFile, Field: "files[0].source", Says: []string{"Nothing is left of the directory"}})
	refused(withDirectory(dir, `, ignore = ["["]`), acctest.Refusal{Code: problem.InvalidParameter, Field: "files[0].ignore", Says: []string{"Value: ["}})
	refused(withDirectory(file, `, ignore = ["*"]`), acctest.Refusal{Code: problem.ConflictingAttribute, Field: "files[0].ignore"})
	refused(image(map[string]string{"files": `[{ content = "x", target = "/opt/x", ignore = ["*"] }]`}),
		acctest.Refusal{Code: problem.ConflictingAttribute, Field: "files[0].ignore"})
	write(t, filepath.Join(dir, "a"), "")
	refused(withDirectory(dir, `, ignore = ["out"], mode = "0600"`), acctest.Refusal{Code: problem.ConflictingAttribute, Field: "files[0].mode"})
	if n := d.Engine.Calls(worker.KindImage); n != 0 {
		t.Errorf("%d builds, want none", n)
	}
}

// TestAccFileChangesAfterPlan: a saved plan holds to the content that it has shown; when that has changed, nothing is written.
// A change later than that, while the plan is applied, is PlanStale: see TestUpload.
func TestAccFileChangesAfterPlan(t *testing.T) {
	t.Parallel()
	d := acctest.Start(t)
	cli := d.CLI(t)
	path := filepath.Join(cli.Dir, "dict.txt")
	write(t, path, "one")
	cli.Config(acctest.Group)
	cli.Apply()
	cli.Config(withFile(path))
	if output, code := cli.Run("plan", "-out=saved", "-no-color"); code != 0 {
		t.Fatalf("plan ended with %d:\n%s", code, output)
	}
	write(t, path, "two")
	// Terraform plans again when it applies, and refuses a result that is not the one that it has shown.
	output, code := cli.Run("apply", "-no-color", "saved")
	if code != 1 || !acctest.Words("inconsistent final plan", "files[0].sha256").MatchString(output) {
		t.Errorf("apply ended with %d:\n%s", code, output)
	}
	images, err := d.Client.Images(t.Context(), "")
	missing, missingErr := d.Client.MissingFiles(t.Context(), []string{sumOfTwo})
	if err != nil || len(images) != 0 || missingErr != nil || len(missing) != 1 {
		t.Errorf("images = %v, %v, missing = %v, %v; want nothing written", images, err, missing, missingErr)
	}
}
