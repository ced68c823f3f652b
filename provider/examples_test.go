package provider_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/provider/acctest"
)

// madeUp is an id in an example of terraform import, which no daemon has.
var madeUp = regexp.MustCompile(`-0192a1f0-`)

// TestAccExamples: each example of a resource or data source applies, is stable, is found again by each import that names it
// by name, and goes away. The documentation shows these files.
func TestAccExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*/kiln_*/*.tf")
	if err != nil || len(files) != 14 {
		t.Fatalf("files = %v, %v; want one a resource or data source", files, err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			cli := acctest.Start(t).CLI(t)
			cli.Config("")
			if err := os.CopyFS(cli.Dir, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			cli.Apply()
			stable(t, cli)
			for _, command := range imports(t, dir) {
				run(t, cli, "state", "rm", command[2])
				run(t, cli, command[1:]...)
				if !strings.HasPrefix(command[2], "kiln_custom_image.") { // whose files have no place on this machine then
					stable(t, cli)
				}
			}
			run(t, cli, "apply", "-auto-approve", "-no-color")
			run(t, cli, "destroy", "-auto-approve", "-no-color")
		})
	}
}

// TestAccProviderExample: the example of the provider is a valid configuration.
func TestAccProviderExample(t *testing.T) {
	t.Parallel()
	cli := acctest.Start(t).CLI(t)
	if err := os.CopyFS(cli.Dir, os.DirFS("../examples/provider")); err != nil {
		t.Fatal(err)
	}
	run(t, cli, "validate", "-no-color")
}

func run(t *testing.T, cli *acctest.CLI, arguments ...string) {
	t.Helper()
	if output, code := cli.Run(arguments...); code != 0 {
		t.Fatalf("%v ended with %d:\n%s", arguments, code, output)
	}
}

func stable(t *testing.T, cli *acctest.CLI) {
	t.Helper()
	run(t, cli, "plan", "-detailed-exitcode", "-no-color")
}

// imports gives the commands in an example's import.sh that a daemon with the example's resources can answer.
func imports(t *testing.T, dir string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "import.sh"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var commands [][]string
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 4 && words[0] == "terraform" && !madeUp.MatchString(words[3]) {
			commands = append(commands, words)
		}
	}
	return commands
}
