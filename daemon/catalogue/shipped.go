package catalogue

import (
	"slices"

	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/tasktype"
)

// The dates of what Kiln ships. An image that exists keeps its version: a change of a definition below is a new entry.
const (
	Version = "20261101" // the first
	Newest  = "20261122" // what came with Python 2, notebooks and rpm
)

// pythonTools puts the interpreter where the platform's own images have it, and lets its installer change the system:
// in an image that is the purpose, and what Debian's marker would refuse.
var pythonTools = []string{
	`mkdir -p "$1/home/tops/bin" "$1/home/admin/usertools/tools"`,
	`ln -s /usr/bin/python3 "$1/home/tops/bin/python3"`,
	`ln -s /usr/bin/pip3 "$1/home/tops/bin/pip3"`,
	`rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED`,
}

// older is the last release of Debian that has Python 2. What both releases have is taken from the newer one.
const older = "bullseye"

var olderPins = []string{
	`mkdir -p "$1/etc/apt/preferences.d" && printf 'Package: *\nPin: release n=` + older + `\nPin-Priority: 100\n' > "$1/etc/apt/preferences.d/` + older + `"`,
}

// python2Tools installs the pip for Python 2, from the wheel that the distribution has of it, beside the one for Python 3. The
// name pip is the older interpreter's, as on the platform; /usr/local/sbin is searched first, so that no upgrade of the other
// one takes it.
var python2Tools = slices.Concat(pythonTools, []string{
	`chroot "$1" /bin/sh -ec 'python2.7 "$(echo /usr/share/python-wheels/pip-*.whl)/pip" install --no-index --no-cache-dir --find-links=/usr/share/python-wheels pip setuptools wheel'`,
	`ln -s python2.7 "$1/usr/bin/python2" && ln -s python2.7 "$1/usr/bin/python"`,
	`printf '#!/bin/sh\nexec /usr/bin/python2 -m pip "$@"\n' > "$1/usr/local/sbin/pip" && chmod 0755 "$1/usr/local/sbin/pip"`,
})

var (
	system   = []string{"bash", "ca-certificates", "procps", "tzdata"}
	python   = append([]string{"python3", "python3-pip"}, system...)
	python2  = append([]string{"python2.7", "python-pip-whl"}, python...)
	rpm      = []string{"bash", "ca-certificates", "coreutils", "glibc-minimal-langpack", "procps-ng", "tzdata", "yum"}
	notebook = append([]string{"jupyter-core", "jupyter-nbconvert", "python3-ipykernel"}, python...)
)

// Shipped gives the entries that Kiln ships; each is made from a mirror on first use.
func Shipped(suite string, components []string) []official.Image {
	env := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
	debian := func(include, customize []string) *official.Definition {
		return &official.Definition{Suite: suite, Components: components, Include: include, Customize: customize, Env: env}
	}
	both := debian(python2, python2Tools)
	both.Older, both.Setup = older, olderPins
	list := []official.Image{
		{
			Name: "dataworks_shell_task_pod", Version: Version, Description: "Shell tasks: bash on Debian",
			TaskTypes: []tasktype.Type{tasktype.Shell}, Default: []tasktype.Type{tasktype.Shell}, Provides: []string{"apt"},
			Definition: debian(system, []string{`mkdir -p "$1/home/admin/usertools/tools"`}),
		},
		{
			Name: "dataworks_python_task_pod", Version: Version, Description: "Python tasks: Python 3 on Debian",
			TaskTypes: []tasktype.Type{tasktype.Python, tasktype.Shell}, Default: []tasktype.Type{tasktype.Python},
			Provides: []string{"apt", "python3"}, Definition: debian(python, pythonTools),
		},
		{
			Name: "dataworks_pyodps_task_pod", Version: Version, Description: "PyODPS 3 tasks: Python 3 at /home/tops/bin on Debian",
			TaskTypes: []tasktype.Type{tasktype.PyODPS3, tasktype.Shell}, Default: []tasktype.Type{tasktype.PyODPS3},
			Provides: []string{"apt", "python3"}, Definition: debian(python, pythonTools),
		},
		{
			Name: "dataworks_pyodps_task_pod", Version: Newest,
			Description: "PyODPS 2 and 3 tasks: Python 2.7, whose installer is pip, and Python 3 at /home/tops/bin, on Debian",
			TaskTypes:   []tasktype.Type{tasktype.PyODPS2, tasktype.PyODPS3, tasktype.Shell},
			Default:     []tasktype.Type{tasktype.PyODPS2, tasktype.PyODPS3}, Provides: []string{"apt", "python2", "python3"}, Definition: both,
		},
		{
			Name: "dataworks_pyodps_py311_task_pod", Version: Version, Description: "PyODPS 3 tasks: Python 3.11 at /home/tops/bin on Debian",
			TaskTypes: []tasktype.Type{tasktype.PyODPS3, tasktype.Shell}, Provides: []string{"apt", "python3"},
			Definition: debian(python, pythonTools),
		},
		{
			Name: "dataworks_notebook_task_pod", Version: Newest, Description: "Notebooks: Jupyter's nbconvert and a Python 3 kernel on Debian",
			TaskTypes: []tasktype.Type{tasktype.Notebook}, Default: []tasktype.Type{tasktype.Notebook}, Provides: []string{"apt", "python3"},
			Definition: debian(notebook, pythonTools),
		},
	}
	list = append(list, official.Image{
		Name: "dataworks_shell_rpm_task_pod", Version: Newest, Description: "Shell tasks: bash and yum, from the site's rpm repository",
		TaskTypes: []tasktype.Type{tasktype.Shell}, Provides: []string{"yum"},
		Definition: &official.Definition{RPM: true, Include: rpm, Customize: []string{`mkdir -p "$1/home/admin/usertools/tools"`}, Env: env},
	})
	for i := range list {
		list[i].Status = official.StatusReadOnly
	}
	return list
}
