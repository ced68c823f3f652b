package image_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/kilnhq/kiln/daemon/worker"
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
	acctest.Run(t,
		acctest.Refused(d.Provider()+withFile(filepath.Join(dir, "none")), "Error: FileMissing", "Field: files[0].source"),
		acctest.Refused(d.Provider()+withFile(dir), "Error: InvalidFile", "Field: files[0].source", "a regular file"),
		acctest.Refused(d.Provider()+withFile(large), "Error: FileTooLarge", "Field: files[0].source", "536870912 bytes"),
	)
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
