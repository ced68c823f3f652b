package lock_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/lock"
	"github.com/kilnhq/kiln/internal/domain/official"
	"github.com/kilnhq/kiln/internal/domain/pin"
	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

const (
	python3 = "/usr/bin/python3.11"
	python2 = "/usr/bin/python2.7"
	other3  = "/opt/tool/bin/python3.11"
)

func pip(interpreter, name, version string) official.Package {
	return official.Package{Manager: "pip", Interpreter: interpreter, Name: name, Version: version}
}

func apt(name, version string) official.Package {
	return official.Package{Manager: "apt", Name: name, Version: version}
}

func rpm(name, version string) official.Package {
	return official.Package{Manager: "yum", Name: name, Version: version}
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	setuptools, upgraded := pip(python3, "setuptools", "66.1.1"), pip(python3, "pip", "24.0")
	setuptools.Base, upgraded.Base = "66.1.1", "23.0.1"
	got := lock.Constraints([]official.Package{
		pip(python3, "Py_YAML", "6.0"), pip(python2, "six", "1.10"), pip(python3, "six", "1.16.0"),
		pip(python3, "click", "8.0"), pip(other3, "click", "7.0"), pip(python3, "same", "1"), pip(other3, "same", "1"),
		pip(python3, "torch", "2.1.0+cpu"), pip(python3, "odd", "2004-d"), pip(python3, "removed", ""), pip("/opt/python", "unknown", "1"),
		setuptools, upgraded, apt("bash", "5.2"),
	})
	const want = "pip==24.0; python_version == \"3.11\"\n" + "py-yaml==6.0; python_version == \"3.11\"\n" + "same==1; python_version == \"3.11\"\n" +
		"six==1.10; python_version == \"2.7\"\n" + "six==1.16.0; python_version == \"3.11\"\n" + "torch==2.1.0+cpu; python_version == \"3.11\"\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := lock.Constraints([]official.Package{apt("bash", "5.2"), setuptools}); got != "" {
		t.Errorf("nothing to hold pip to gives %q", got)
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	got := lock.Preferences([]official.Package{
		apt("g++", "4:12.2.0-3"), apt("libc6:i386", "2.36-9+deb12u4"), apt("gone", ""), apt("x\n", "1"), apt("y", "1\nPackage: *"), pip(python3, "six", "1"),
	})
	const want = "Package: g++\nPin: version 4:12.2.0-3\nPin-Priority: 1001\n\nPackage: g++\nPin: release *\nPin-Priority: -1\n\n" +
		"Package: libc6:i386\nPin: version 2.36-9+deb12u4\nPin-Priority: 1001\n\nPackage: libc6:i386\nPin: release *\nPin-Priority: -1\n\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	with := func(p official.Package, digest string) official.Package {
		p.Digest = digest
		return p
	}
	tested := []official.Package{
		apt("bash", "5.2"), apt("curl", "7.88"), apt("gone", "1"), apt("removed", ""),
		with(pip(python3, "Six", "1.16.0"), "aa"), with(pip(python2, "six", "1.10"), "bb"), with(pip(python3, "unsure", "1"), ""),
	}
	if found := lock.Compare(tested, tested); found != nil {
		t.Errorf("the same is different: %v", found)
	}
	built := []official.Package{
		apt("bash", "5.2"), apt("curl", "7.89"), apt("new", "1.0"), with(pip(python3, "six", "1.16.0"), "cc"),
		with(pip(python2, "six", "1.10"), "bb"), with(pip(python3, "unsure", "1"), "dd"),
	}
	var got []string
	for _, d := range lock.Compare(tested, built) {
		got = append(got, d.String())
	}
	want := []string{"curl 7.88 → 7.89", "gone 1 → (none)", "new (none) → 1.0", "Six (python3.11) 1.16.0 → 1.16.0 with other content"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	err := lock.Drift(lock.Compare(tested, built)).Err()
	if !problem.Has(err, problem.BuildDrift) || !strings.Contains(err.Error(), strings.Join(want, "; ")) || lock.Drift(nil) != nil {
		t.Errorf("got %v", err)
	}
}

func TestRecorded(t *testing.T) {
	t.Parallel()
	if lock.Recorded([]official.Package{apt("bash", "5.2")}) || lock.Recorded(nil) {
		t.Error("a list of names alone holds nobody to anything")
	}
	if !lock.Recorded([]official.Package{apt("bash", "5.2"), {Manager: "apt", Name: "dash", Version: "1", Digest: "ab"}}) {
		t.Error("a list with digests is a lock")
	}
}

// TestMissing has the words of pip 20, pip 23 and apt 2.6.
func TestMissing(t *testing.T) {
	t.Parallel()
	locked := []official.Package{
		{Manager: "apt", Name: "bash", Version: "5.2", Base: "5.2"},
		apt("kilnapp", "1.0"), apt("kilnlib", "1.0"),
		pip(python3, "kilndep", "1.0"), pip(python3, "kiln_two", "2.0"),
		rpm("g++-lib.noarch", "1.0-1"), rpm("glibc.x86_64", "2:2.34-1.el9"), rpm("glibc.i686", "2:2.34-1.el9"),
	}
	for name, test := range map[string]struct {
		lines []string
		want  []lock.Wanted
	}{
		"Pinned": {
			[]string{"Looking in indexes: http://a/simple, https://b/simple", "ERROR: Could not find a version that satisfies the requirement jieba[x]==9.9 (from versions: 0.42, 0.42.1)", "ERROR: No matching distribution found for jieba==9.9"},
			[]lock.Wanted{{Manager: "pip", Name: "jieba", Version: "9.9", Indexes: []string{"http://a/simple", "https://b/simple"}, There: []string{"0.42", "0.42.1"}}},
		},
		"Dependency": {
			[]string{"ERROR: Could not find a version that satisfies the requirement kilndep>=1 (from kilnapp==1.0->-r x (line 1)) (from versions: 2.0)"},
			[]lock.Wanted{{Manager: "pip", Name: "kilndep", Version: "1.0", Interpreter: python3, There: []string{"2.0"}, Locked: true}},
		},
		"OldPip": {
			[]string{"ERROR: Could not find a version that satisfies the requirement kiln-two==2.0; python_version == \"3.11\" (from -c /etc/pip-constraints.txt (line 3)) (from versions: 2.1)"},
			[]lock.Wanted{{Manager: "pip", Name: "kiln-two", Version: "2.0", Interpreter: python3, There: []string{"2.1"}, Locked: true}},
		},
		"Constraint": {
			[]string{"Looking in indexes: http://a/simple", "    kilnapp 1.0 depends on kilndep>=1", "    The user requested (constraint) kilndep==1.0", "    The user requested (constraint) kilndep==1.0"},
			[]lock.Wanted{{Manager: "pip", Name: "kilndep", Version: "1.0", Interpreter: python3, Indexes: []string{"http://a/simple"}, Locked: true}},
		},
		"OwnConstraint": {[]string{"    The user requested (constraint) other==1.0"}, nil},
		"NoIndex":       {[]string{"ERROR: Could not find a version that satisfies the requirement kilndep==1.0 (from versions: none)"}, nil},
		"Range":         {[]string{"ERROR: Could not find a version that satisfies the requirement jieba>=9 (from versions: 0.42)"}, nil},
		"Wildcard":      {[]string{"ERROR: Could not find a version that satisfies the requirement jieba==9.* (from versions: 0.42)"}, nil},
		"AptVersion": {
			[]string{"E: Version '0.1' for 'hello' was not found"}, []lock.Wanted{{Manager: "apt", Name: "hello", Version: "0.1"}},
		},
		"AptDependency": {
			[]string{" kilnapp : Depends: kilnlib (>= 1) but it is not installable", "E: Unable to correct problems, you have held broken packages."},
			[]lock.Wanted{{Manager: "apt", Name: "kilnlib", Version: "1.0", Locked: true}, {Manager: "apt", Name: "kilnapp", Version: "1.0", Locked: true}},
		},
		"AptCandidate": {
			[]string{"E: Package 'kilnapp' has no installation candidate"},
			[]lock.Wanted{{Manager: "apt", Name: "kilnapp", Version: "1.0", Locked: true}, {Manager: "apt", Name: "kilnlib", Version: "1.0", Locked: true}},
		},
		"YumVersion": {
			[]string{"No match for argument: git-0.0.1", "No match for argument: gcc-toolset-12", "Error: Unable to find a match: git-0.0.1 gcc-toolset-12"},
			[]lock.Wanted{{Manager: "yum", Name: "git", Version: "0.0.1"}},
		},
		"YumDependency": {
			[]string{
				"  - nothing provides x needed by y", "  - package g++-lib-2.0-1.noarch is filtered out by exclude filtering",
				"  - package glibc-2:2.34-9.el9.i686 is filtered out by exclude filtering",
			},
			[]lock.Wanted{
				{Manager: "yum", Name: "g++-lib.noarch", Version: "1.0-1", Locked: true},
				{Manager: "yum", Name: "glibc.x86_64", Version: "2:2.34-1.el9", Locked: true},
				{Manager: "yum", Name: "glibc.i686", Version: "2:2.34-1.el9", Locked: true},
			},
		},
		"YumOnTheWay": {
			[]string{"All matches were filtered out by exclude filtering for argument: make-4.3-7.el9"}, []lock.Wanted{{Manager: "yum", Name: "make", Locked: true}},
		},
		"Other": {[]string{"make: *** [all] Error 2", "Depends: x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, lock.Missing(test.lines, locked)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	there := lock.Madison([]string{
		"     hello |   2.10-3 | http://deb.debian.org/debian bookworm/main amd64 Packages",
		"     hello |   2.10-2 | http://deb.debian.org/debian bookworm/main amd64 Packages", "hello | 2.10-3 | http://x Packages", "W: a | b", "",
	})
	if diff := cmp.Diff(map[string][]string{"hello": {"2.10-3", "2.10-2"}}, there); diff != "" {
		t.Error(diff)
	}
	if got, ok := lock.PipVersions([]string{"ERROR: Could not find a version that satisfies the requirement a==1 (from versions: 2.0, 3.0)"}); !ok || !slices.Equal(got, []string{"2.0", "3.0"}) {
		t.Errorf("got %v, %v", got, ok)
	}
	if got, ok := lock.PipVersions([]string{"Saved ./a-1.whl"}); ok || got != nil {
		t.Errorf("got %v, %v", got, ok)
	}
	args := lock.Wanted{Name: "a", Version: "1", Indexes: []string{"http://h:8081/simple", "https://i/simple"}}.PipDownload("/tmp/x")
	const want = "--index-url http://h:8081/simple --trusted-host h:8081 --extra-index-url https://i/simple a==1"
	if got := strings.Join(args, " "); !strings.HasSuffix(got, want) || !strings.HasPrefix(got, "download --no-deps ") {
		t.Errorf("got %s", got)
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	had := pip(python2, "six", "1.10")
	had.Base = "1.10"
	known := lock.Known([]official.Package{
		pip(python3, "Py_YAML", "6.0"), pip(python3, "six", "1.16.0"), had, apt("git", "1:2.39"), {Manager: "yum", Name: "git.x86_64", Version: "2.43-1"}, apt("gone", ""),
	})
	for name, want := range map[string]string{"pip py-yaml": "6.0", "pip six": "1.16.0", "apt git": "1:2.39", "yum git": "2.43-1", "apt gone": "", "npm git": ""} {
		manager, name, _ := strings.Cut(name, " ")
		if got := known(pin.Manager(manager), name); got != want {
			t.Errorf("%s %s: %q, want %q", manager, name, got, want)
		}
	}
}

func TestPinChanges(t *testing.T) {
	t.Parallel()
	python := func(names ...string) []pkgmanager.Entry {
		return []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: names}, {Type: pkgmanager.Apt, Names: []string{"git=1"}}, {Type: pkgmanager.Script, Script: "x"}}
	}
	before := python("pandas==1.5.3", "numpy", "six==1.16.0", "kept==1", "loose", "Same_Name==1", "requests[socks]==2.31.0")
	after := python("pandas==2.2.0", "numpy==1.26.0", "jieba==0.42.1", "kept==1", "loose>=2", "same-name==1", "requests==2.31.0")
	got := lock.PinChanges(before, after, []official.Package{pip(python3, "numpy", "1.25.0"), pip(python3, "loose", "3.0")})
	want := []string{"+ jieba 0.42.1", "~ numpy 1.25.0 -> 1.26.0", "~ pandas 1.5.3 -> 2.2.0", "- six 1.16.0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := lock.PinChanges(python("numpy==1"), python("numpy==1"), nil); len(got) != 0 {
		t.Errorf("nothing changes %v", got)
	}
	if got := lock.PinChanges(python("numpy==1"), python("numpy"), nil); !slices.Equal(got, []string{"~ numpy 1 -> any"}) {
		t.Errorf("got %v", got)
	}
}

// TestEntriesOwned checks that a Python package that came with one of apt or rpm is not asked of pip too.
func TestEntriesOwned(t *testing.T) {
	t.Parallel()
	deb, wheel, owned := apt("python3-jieba", "0.42.1-3"), pip(python3, "six", "1.16.0"), pip(python3, "jieba", "0.42.1")
	deb.Digest, wheel.Digest = "d1", "d2"
	want := []pkgmanager.Entry{{Type: pkgmanager.Apt, Names: []string{"python3-jieba=0.42.1-3"}}, {Type: pkgmanager.Python3, Names: []string{"six==1.16.0"}}}
	if diff := cmp.Diff(want, lock.Entries([]official.Package{deb, owned, wheel}, nil)); diff != "" {
		t.Error(diff)
	}
}

// TestEntries checks that what a lock is written as is no other lock.
func TestEntries(t *testing.T) {
	t.Parallel()
	had := apt("bash", "5.2")
	had.Base = "5.2"
	packages := []official.Package{had, apt("curl", "7.88"), apt("gone", ""), rpm("less.x86_64", "1:530-1.el9"), pip(python3, "six", "1.16.0"), pip(other3, "click", "8")}
	given := []pkgmanager.Entry{{Type: pkgmanager.Python3, Names: []string{"six"}, Index: "https://i/simple"}, {Type: pkgmanager.Script, Script: "x"}}
	got := lock.Entries(packages, given)
	want := []pkgmanager.Entry{
		{Type: pkgmanager.Apt, Names: []string{"curl=7.88"}},
		{Type: pkgmanager.Yum, Names: []string{"less-1:530-1.el9.x86_64"}},
		{Type: pkgmanager.Python3, Names: []string{"six==1.16.0"}, Index: "https://i/simple"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i, e := range got {
		if found := append(e.Validate("packages"), e.Unpinned("packages", nil)...); len(found) > 0 {
			t.Errorf("entry %d is refused: %v", i, found)
		}
	}
}
