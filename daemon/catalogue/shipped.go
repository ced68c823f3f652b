package catalogue

import (
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// Version dates the entries that Kiln ships: a change of a definition below is a new version.
const Version = "20261101"

// pythonTools puts the interpreter where the platform's own images have it, and lets its installer change the system:
// in an image that is the purpose, and what Debian's marker would refuse.
var pythonTools = []string{
	`mkdir -p "$1/home/tops/bin" "$1/home/admin/usertools/tools"`,
	`ln -s /usr/bin/python3 "$1/home/tops/bin/python3"`,
	`ln -s /usr/bin/pip3 "$1/home/tops/bin/pip3"`,
	`rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED`,
}

var (
	system = []string{"bash", "ca-certificates", "procps", "tzdata"}
	python = append([]string{"python3", "python3-pip"}, system...)
)

// Shipped gives the entries that Kiln ships; each is made from Debian on first use.
func Shipped(suite string, components []string) []official.Image {
	define := func(include, customize []string) *official.Definition {
		return &official.Definition{
			Suite: suite, Components: components, Include: include, Customize: customize,
			Env: map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
		}
	}
	return []official.Image{
		{
			Name: "dataworks_shell_task_pod", Version: Version, Description: "Shell tasks: bash on Debian", Status: official.StatusReadOnly,
			TaskTypes: []tasktype.Type{tasktype.Shell}, Default: []tasktype.Type{tasktype.Shell}, Provides: []string{"apt"},
			Definition: define(system, []string{`mkdir -p "$1/home/admin/usertools/tools"`}),
		},
		{
			Name: "dataworks_python_task_pod", Version: Version, Description: "Python tasks: Python 3 on Debian", Status: official.StatusReadOnly,
			TaskTypes: []tasktype.Type{tasktype.Python, tasktype.Shell}, Default: []tasktype.Type{tasktype.Python},
			Provides: []string{"apt", "python3"}, Definition: define(python, pythonTools),
		},
		{
			Name: "dataworks_pyodps_task_pod", Version: Version, Description: "PyODPS 3 tasks: Python 3 at /home/tops/bin on Debian",
			Status: official.StatusReadOnly, TaskTypes: []tasktype.Type{tasktype.PyODPS3, tasktype.Shell},
			Default: []tasktype.Type{tasktype.PyODPS3}, Provides: []string{"apt", "python3"}, Definition: define(python, pythonTools),
		},
	}
}
