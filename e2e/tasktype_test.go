//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/process"
)

// TestTaskTypes runs, for each task type that has an engine here, what an image of that type must be able to do, in the
// official image that is the type's default, and then what a task would.
func TestTaskTypes(t *testing.T) {
	t.Parallel()
	d := daemon(t)
	for _, test := range []struct {
		official string
		types    []string
		run      []string // with kiln run
		want     string
	}{
		{"dataworks_shell_task_pod", []string{"shell"}, []string{"bash", "-c", "echo $((6 * 7))"}, "42\n"},
		{"dataworks_python_task_pod", []string{"python"}, []string{"python3", "-c", "print(6 * 7)"}, "42\n"},
		{pythonImage, []string{"pyodps2", "pyodps3"}, []string{"python2", "-c", "print 6 * 7"}, "42\n"},
		{"dataworks_pyodps_py311_task_pod", []string{"pyodps3"}, []string{"/home/tops/bin/python3", "-c", "import sys; print(sys.version_info[:2])"}, "(3, 11)\n"},
		{"dataworks_notebook_task_pod", []string{"notebook"}, []string{"jupyter", "nbconvert", "--version"}, "6.5.3\n"},
	} {
		t.Run(test.official, func(t *testing.T) {
			t.Parallel()
			name := "type_" + strings.Join(test.types, "_") + "_" + test.official[10:16]
			image := strings.Replace(customImage(name, test.official, "TYPES", "", ""), `"TYPES"`, `"`+strings.Join(test.types, `", "`)+`"`, 1)
			w := d.workspace(t, mainTool(), surroundings(name)+image)
			w.apply(t)
			tests := d.processes(t, w.attribute(t, imageAddress, "id"), process.KindTest)
			log, err := d.kiln(t, "logs", tests[0].ID)
			for _, kind := range test.types {
				if step := "smoke test of " + kind; err != nil || !strings.Contains(log, step) {
					t.Errorf("the test has no %q: %v\n%s", step, err, log)
				}
			}
			if test.types[0] == "notebook" && !strings.Contains(log, "cell says 42") {
				t.Errorf("no cell ran:\n%s", log)
			}
			if said, err := d.kiln(t, append([]string{"run", name, "--"}, test.run...)...); err != nil || said != test.want {
				t.Errorf("kiln run: %q, %v, want %q", said, err, test.want)
			}
			w.destroy(t)
		})
	}
}

// TestPackageTypes makes one image with all types that its base knows: each sees what those before it have done, and each
// interpreter has what was installed for it and nothing else.
func TestPackageTypes(t *testing.T) {
	t.Parallel()
	d := daemon(t)
	x := ownIndex(t)
	packages := fmt.Sprintf(`packages = [
    { type = "python2", names = ["%s==1.2.3", "pip==20.3.4"], index = %q },
    { type = "python3", names = ["kilnnew==1.2.3"], index = %q },
    { type = "apt", names = ["less=590-2.1~deb12u2"] },
    { type = "script", script = <<-EOT
      python2 -c 'import %s'
      /home/tops/bin/python3 -c 'import kilnnew'
      less --version | head -n 1 > /opt/order
    EOT
    },
  ]`, oldWheel, x.url(), x.url(), oldWheel)
	// Each command has a container of its own. What installs another pip for Python 3 does not take the name from Python 2's.
	wheels := "--no-index --find-links=/usr/share/python-wheels --no-deps pip==20.3.4"
	test := `commands = [
      "pip install --force-reinstall ` + wheels + ` && pip --version | grep -F '(python 2.7)'",
      "/home/tops/bin/pip3 install --ignore-installed ` + wheels + ` && pip --version | grep -F '(python 2.7)'",
      "pip --version | grep -F '(python 2.7)'", "/home/tops/bin/pip3 --version | grep -F '(python 3.11)'",
      "python2 -c 'import ` + oldWheel + `'", "! /home/tops/bin/python3 -c 'import ` + oldWheel + `'",
      "/home/tops/bin/python3 -c 'import kilnnew'", "! python2 -c 'import kilnnew'",
    ]`
	image := strings.Replace(customImage("kinds", pythonImage, "pyodps2", packages, test), `["pyodps2"]`, `["pyodps2", "pyodps3", "shell"]`, 1)
	w := d.workspace(t, mainTool(), surroundings("kinds", mirror, x.host())+image)
	w.apply(t)
	// One run: each installs everything again.
	effects := "python2 -c 'import " + oldWheel + " as x; print x.version' && /home/tops/bin/python3 -c 'import kilnnew as x; print(x.version)' && cat /opt/order"
	want := wheelVersion + "\n" + wheelVersion + "\nless 590 (GNU regular expressions)\n"
	if said, err := d.kiln(t, "run", "kinds", "--", "bash", "-c", effects); err != nil || said != want {
		t.Errorf("kiln run: %q, %v, want %q", said, err, want)
	}
	w.settled(t)
	w.destroy(t)
}
