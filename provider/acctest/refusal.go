package acctest

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Refusal is what an error or a warning of Terraform's says, and where.
type Refusal struct {
	Code  problem.Code
	Doing string   // what was tried, when the plan did not refuse it: create workspace "a"
	Field string   // the attribute that is to blame, down to the element of a list
	Says  []string // what the text says, in this order
}

// RefusePlan checks that a plan is refused with exactly these errors, each at the place in the configuration where its attribute is,
// and that nothing was written: neither by the daemon nor beside the configuration. Nothing else may make the daemon write meanwhile.
func (c *CLI) RefusePlan(want ...Refusal) {
	c.tb.Helper()
	c.refuse(want, "plan", "-json")
}

// RefuseApply is RefusePlan for what the plan cannot know: what the daemon alone refuses.
func (c *CLI) RefuseApply(want ...Refusal) {
	c.tb.Helper()
	c.refuse(want, "apply", "-auto-approve", "-json")
}

// WarnPlan checks that a plan is made with exactly these warnings, each at the place where its attribute is, and that nothing was
// written.
func (c *CLI) WarnPlan(want ...Refusal) {
	c.tb.Helper()
	before := c.stand()
	output, code := c.Run("plan", "-json")
	if code != 0 {
		c.tb.Errorf("plan ended with %d:\n%s", code, output)
	}
	c.compare("warning", output, want)
	if diff := gocmp.Diff(before, c.stand()); diff != "" {
		c.tb.Errorf("a plan has written:\n%s", diff)
	}
}

// FailApply checks that an apply fails with exactly these errors, whatever else it has done before.
func (c *CLI) FailApply(want ...Refusal) {
	c.tb.Helper()
	output, code := c.Run("apply", "-auto-approve", "-json")
	if code != 1 {
		c.tb.Errorf("apply ended with %d", code)
	}
	c.compare("error", output, want)
}

func (c *CLI) refuse(want []Refusal, arguments ...string) {
	c.tb.Helper()
	before := c.stand()
	output, code := c.Run(arguments...)
	if code != 1 {
		c.tb.Errorf("%s ended with %d", arguments[0], code)
	}
	c.compare("error", output, want)
	if diff := gocmp.Diff(before, c.stand()); diff != "" {
		c.tb.Errorf("what was refused has been written:\n%s", diff)
	}
}

// diagnostic is an error or a warning, as Terraform shows it to programs.
type diagnostic struct {
	Severity, Summary, Detail, Address string
	Range                              *span
}

// compare compares the errors, or the warnings, among the lines that Terraform has printed, whatever their order.
func (c *CLI) compare(severity, output string, want []Refusal) {
	c.tb.Helper()
	var found []diagnostic
	for line := range strings.Lines(output) {
		var message struct{ Diagnostic diagnostic }
		if json.Unmarshal([]byte(line), &message) == nil && message.Diagnostic.Severity == severity &&
			message.Diagnostic.Summary != "Provider development overrides are in effect" {
			found = append(found, message.Diagnostic)
		}
	}
	if len(found) != len(want) {
		c.tb.Errorf("%d of severity %s, want %d:\n%s", len(found), severity, len(want), output)
		return
	}
	slices.SortStableFunc(found, func(a, b diagnostic) int {
		return cmp.Or(cmp.Compare(a.Summary, b.Summary), cmp.Compare(a.Detail, b.Detail))
	})
	for _, d := range found {
		i := slices.IndexFunc(want, d.is)
		if i < 0 {
			c.tb.Errorf("%s, which is not expected, or does not say so:\n%s\nwant one of %+v", d.Summary, d.Detail, want)
			continue
		}
		if facts := strings.Split(d.Detail, "\n\n"); want[i].Field != "" && (!strings.Contains(d.Detail, "\nLimit: ") || strings.HasPrefix(facts[len(facts)-1], "Field: ")) {
			c.tb.Errorf("%s at %s does not say what is allowed and what to do:\n%s", d.Summary, want[i].Field, d.Detail)
		}
		// Of what is imported or deleted, Terraform shows no place.
		if doing := want[i].Doing; !strings.HasPrefix(doing, "import ") && !strings.HasPrefix(doing, "delete ") {
			c.checkPlace(d, want[i].Field)
		}
		want = slices.Delete(slices.Clone(want), i, i+1)
	}
}

// is says whether a diagnostic is what was expected.
func (d diagnostic) is(want Refusal) bool {
	summary := string(want.Code)
	if want.Doing != "" {
		summary = "Cannot " + want.Doing + ": " + summary
	}
	field := ""
	for line := range strings.Lines(d.Detail) {
		if rest, ok := strings.CutPrefix(line, "Field: "); ok {
			field = strings.TrimSuffix(rest, "\n")
		}
	}
	return d.Summary == summary && field == want.Field && Words(want.Says...).MatchString(d.Detail)
}

// stand is what every file of the daemon's data and of the configuration's directory, the state included, holds, by its path.
func (c *CLI) stand() map[string]string {
	c.tb.Helper()
	files := map[string]string{}
	for _, dir := range []string{c.daemon.DataDir, c.Dir} {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.Name() == ".terraform":
				return filepath.SkipDir // Terraform's own cache
			case strings.HasSuffix(path, "-shm"):
				return nil // who reads the database, which is no part of it
			case !entry.Type().IsRegular():
				files[path] = entry.Type().String()
				return nil
			}
			content, err := os.ReadFile(path)
			files[path] = fmt.Sprintf("%d bytes, sha256 %x", len(content), sha256.Sum256(content))
			return err
		})
		if err != nil {
			c.tb.Fatal(err)
		}
	}
	return files
}
