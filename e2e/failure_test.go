//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/process"
)

// TestFailure lets images fail in every way that their authors can, and checks that the failure is explained, that
// nothing was published, that nothing is left, and that the corrected configuration can be applied.
func TestFailure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		allow                    []string
		broken, corrected        string // arguments of the image
		brokenTest, correctTest  string // arguments of its test
		there                    string // the versions that it names
		code, step, line, unsaid string // what the diagnostic has to say, and what it must not
	}{
		"TestCommand": {
			brokenTest: `commands = ["true", "echo the reason; exit 7"]`, correctTest: `commands = ["true"]`,
			code: "TestFailed", step: "test.commands[1]: echo the reason; exit 7", line: "the reason",
		},
		"ScriptLine": {
			broken: script("echo before\nls /nowhere\necho after > /after\n"), corrected: script("echo before\nls /\n"),
			code: "Unclassified", step: "cmd-0.sh", line: "cannot access '/nowhere'", unsaid: "after",
		},
		"PipeInScript": {
			broken: script("cat /nowhere | sort\n"), corrected: script("cat /etc/passwd | sort\n"),
			code: "Unclassified", step: "cmd-0.sh", line: "/nowhere: No such file or directory",
		},
		"NoInterpreter": {
			broken: script("echo one\n\n/home/tops/bin/python3 -V\n"), code: "RuntimeMissing", step: "cmd-0.sh",
			line: "/home/admin/usertools/tools/cmd-0.sh: line 3: /home/tops/bin/python3: No such file or directory",
		},
		"NoSpace": {
			broken: script("dd if=/dev/zero of=/dev/shm/x bs=1M count=200\n"), code: "InsufficientStorage", step: "cmd-0.sh",
			line: "dd: error writing '/dev/shm/x': No space left on device",
		},
		"Killed": {
			broken: script("sh -c 'kill -9 $$'\n"), code: "Killed", step: "cmd-0.sh", line: "Killed",
		},
		"KilledTest": {
			brokenTest: `commands = ["sh -c 'kill -9 $$'"]`, code: "Killed", step: "test.commands[0]", line: "Killed",
		},
		"OtherArchitecture": { // AMD64 is 0x3e in the header of a program, ARM64 is 0xb7
			broken: script("cp /bin/true /opt/tool\nprintf '\\xb7' | dd of=/opt/tool bs=1 seek=18 conv=notrunc\n/opt/tool\n"),
			code:   "ArchitectureNotSupported", step: "cmd-0.sh", line: "cmd-0.sh: line 3: /opt/tool: cannot execute binary file: Exec format error",
		},
		"NoSuchPackage": {
			allow: []string{mirror}, broken: aptPackage("no-such-package=1.0"), corrected: aptPackage("hello=2.10-3"),
			code: "PackageNotFound", step: "Field: packages[0]\nValue: no-such-package=1.0", line: "E: Unable to locate package no-such-package",
		},
		"NoSuchVersion": {
			allow: []string{mirror}, broken: aptPackage("hello=0.1"),
			code: "PackageVersionGone", step: "Field: packages[0]\nValue: hello=0.1", line: "E: Version '0.1' for 'hello' was not found",
			there: "there are 2.10-3",
		},
		"NoNetwork": {
			broken: script("apt-get update\napt-get install -y hello=2.10-3\n"),
			code:   "PublicAccessRequired", step: "cmd-0.sh", line: "Temporary failure resolving 'deb.debian.org'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := daemon(t)
			name := "failure_" + strings.ToLower(name)
			around := surroundings(name, test.allow...)
			w := d.workspace(t, mainTool(), around+shellImage(name, test.broken, test.brokenTest))
			found := w.applyFails(t)
			for _, want := range []string{test.step, "The last lines of the log:\n", test.line, test.there} {
				if !strings.Contains(found.Detail, want) {
					t.Errorf("the diagnostic lacks %q:\n%s", want, found.Detail)
				}
			}
			if !strings.HasSuffix(found.Summary, ": "+test.code) || test.unsaid != "" && strings.Contains(found.Detail, "\n    "+test.unsaid) {
				t.Errorf("the diagnostic is not that of %s:\n%s\n%s", test.code, found.Summary, found.Detail)
			}
			image, err := d.client.Image(t.Context(), name, "")
			if err != nil || image.PublishedVersion != 0 || image.Stage.Published() {
				t.Errorf("the image is in stage %s, published version %d: %v", image.Stage, image.PublishedVersion, err)
			}
			tests := d.processes(t, image.ID, process.KindTest)
			if len(tests) != 1 || tests[0].State != process.StateFailed {
				t.Fatalf("tests: %+v", tests)
			}
			if left := workers(tests[0].ID); len(left) > 0 {
				t.Errorf("processes are left: %v", left)
			}
			w.write(t, around+shellImage(name, test.corrected, test.correctTest))
			w.apply(t)
			w.settled(t)
			if stage := w.attribute(t, imageAddress, "stage"); stage != "Published" {
				t.Errorf("the corrected image is in stage %s", stage)
			}
			w.destroy(t)
		})
	}
}

func aptPackage(name string) string {
	return `packages = [{ type = "apt", names = ["` + name + `"] }]`
}
