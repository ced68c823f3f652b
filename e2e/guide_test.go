//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a block of code of a guide: its language and its text.
var block = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// TestGuide follows the guide "From commit to baked image" to the letter: every command in it, in its order, and the change of
// the configuration that it makes.
func TestGuide(t *testing.T) {
	t.Parallel()
	d := ownDaemon(t, "guide") // the names are those of the example
	home := t.TempDir()
	rc := fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\n", dir("mirror"))
	if err := os.WriteFile(filepath.Join(home, "terraform.rc"), []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	podman := newContainerTool(t, "podman")
	// What a reader's shell has: the programs on the PATH, a name for Git, and an answer to what terraform asks.
	prelude := fmt.Sprintf("set -euo pipefail\nterraform() { %q \"$@\"; }\npodman() { %s podman %s \"$@\"; }\n",
		mainTool().path, "env "+strings.Join(podman.env[len(podman.env)-3:], " "), strings.Join(podman.global, " "))
	env := append(os.Environ(), "HOME="+home, "PATH="+dir("bin")+":"+os.Getenv("PATH"), "KILN_ENDPOINT=unix://"+d.socket,
		"TF_CLI_CONFIG_FILE="+filepath.Join(home, "terraform.rc"), "CHECKPOINT_DISABLE=1", "TF_CLI_ARGS_apply=-auto-approve -input=false",
		"TF_CLI_ARGS_destroy=-auto-approve -input=false", "GIT_AUTHOR_NAME=reader", "GIT_AUTHOR_EMAIL=reader@example.com",
		"GIT_COMMITTER_NAME=reader", "GIT_COMMITTER_EMAIL=reader@example.com", "GIT_CONFIG_NOSYSTEM=1")
	guide, err := os.ReadFile(dir("guides", "from-commit-to-baked-image.md"))
	if err != nil {
		t.Fatal(err)
	}
	place := dir() // where a reader has the repository
	var all strings.Builder
	for _, found := range block.FindAllStringSubmatch(string(guide), -1) {
		switch language, text := found[1], found[2]; {
		case language == "terraform":
			insert(t, filepath.Join(home, "images", "main.tf"), text)
		case language != "sh" || strings.Contains(text, "kilnd serve"):
		default:
			cmd := exec.CommandContext(t.Context(), "bash", "-c", prelude+"cd "+place+"\n"+strings.ReplaceAll(text, "-detailed-exitcode", ""))
			cmd.Env = env
			out, err := cmd.CombinedOutput()
			all.Write(out)
			if err != nil {
				t.Fatalf("%v in:\n%s\n%s", err, text, out)
			}
			place = filepath.Join(home, "images")
		}
	}
	for _, want := range []string{
		"version = 1 -> (known after apply)", "version = 2 -> 1", "No changes.", words, "segmenter version 1 Published", "Revert", "Destroy complete!",
	} {
		if !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(want)), " ", " +")).MatchString(plain(all.String())) {
			t.Errorf("the commands do not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(plain(all.String()))
	}
	empty(t, d)
}

// insert adds arguments to the image of the example.
func insert(t *testing.T, path, text string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const at = "  task_types  = [\"pyodps3\", \"shell\"]\n"
	after := strings.Replace(string(before), at, at+text, 1)
	if after == string(before) {
		t.Fatalf("there is no %q in:\n%s", at, before)
	}
	if err := os.WriteFile(path, []byte(after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// plain leaves out what colours a text.
func plain(text string) string {
	return regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(text, "")
}
