package pkgmanager_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func codes(list problem.List) (codes []string) {
	for _, p := range list {
		codes = append(codes, fmt.Sprintf("%s %s", p.Code, p.Field))
	}
	return codes
}

// verdict is what becomes of a name.
type verdict string

const (
	pinned   verdict = "pinned"
	unpinned verdict = "unpinned"
	refused  verdict = "refused"
)

func judge(t *testing.T, kind pkgmanager.Type, name string) verdict {
	t.Helper()
	e := pkgmanager.Entry{Type: kind, Names: []string{name}}
	valid, open := codes(e.Validate("packages[0]")), codes(e.Unpinned("packages[0]", nil))
	switch {
	case len(valid) == 0 && len(open) == 0:
		return pinned
	case len(valid) == 0 && cmp.Equal(open, []string{"UnpinnedPackage packages[0].names[0]"}):
		return unpinned
	case len(open) == 0 && cmp.Equal(valid, []string{"InvalidRequirement packages[0].names[0]"}):
		return refused
	}
	t.Fatalf("%q: validate says %v, unpinned says %v", name, valid, open)
	return ""
}

func TestPythonNames(t *testing.T) {
	t.Parallel()
	for want, names := range map[verdict][]string{
		pinned: {
			"pandas==1.5.3", "jieba==0.42.1", "a==1", "pandas == 1.5.3", "pandas== 1.5.3", " pandas==1.5.3 ", "PyYAML==6.0", "zope.interface==6.0",
			"ruamel.yaml.clib==0.2.8", "typing_extensions==4.8.0", "requests[socks]==2.31.0", "requests[security,socks]==2.31.0",
			"requests [ socks , security ] == 2.31.0", "torch==2.1.0+cpu", "pip==23.3.1", "pytz==2023.3.post1", "black==23.10b0", "numpy==1!1.26.0",
			"numpy===1.26.0", "numpy==v1.26.0", "odd===dev-build", "numpy==1.26.0,!=1.26.1", "numpy>=1,==1.26.0", "numpy==1.26.0 , <2",
			"urllib3==1.26.16.dev0", "protobuf==3.20.0rc1", "3to2==1.1.1",
		},
		unpinned: {
			"pandas", "pandas>=1", "pandas>=1,<2", "pandas >= 1, < 2", "pandas~=1.5", "pandas!=1.5.2", "pandas<2", "pandas<=2", "pandas>1",
			"pandas==1.*", "pandas==1.5.*", "pandas!=1.5.*", "pandas == 1.*", "requests[socks]", "requests[socks]>=2", "numpy==1.*,>=1.2",
			"black>=23.10b0", "a", "jieba-0.42.1-py3-none-any.whl", "jieba-0.42.1.tar.gz",
		},
		refused: {
			"", " ", "pandas==", "pandas=", "pandas=1.5.3", "pandas>", "==1.5.3", "a b", "a b==1", "pandas 1.5.3", "pandas==1.5.3 numpy==1.26.0",
			"pandas==1.5 .3", "pandas= =1", "pandas==1.5.3;", "pandas==1.5.3; python_version < '3.9'", "pandas==1.5.3;reboot", "pandas==1.5.3 && reboot",
			"$(reboot)", "pandas==$(cat /etc/shadow)", "`reboot`", "pandas==`id`", "pandas|sh", "pandas>/etc/passwd", "pandas==1.5.3'", `pandas=="1.5.3"`,
			"pandas==*", "pandas===1.*", "pandas>=1.*", "pandas==1.*.2", "pandas==1.", "pandas==.5", "pandas==latest", "-r requirements.txt", "--pre",
			"-e .", ".", "./pandas", "/opt/pandas.whl", "file:///opt/pandas.whl", "https://pypi.internal/pandas.whl", "git+https://x/y.git@v1",
			"pandas @ https://x/y.whl", "pandas@1.5.3", "pandas(>=1)", "pandas[", "pandas[]", "pandas[,]", "pandas]", "pandas-", "-pandas", "pandas.",
			"_pandas", "pandas,numpy", "pandas==1,", "pandas==1,,<2", ",pandas", "pandas\nnumpy", "pandas\t==1", "分词==1", "pandas\x00",
			"pandas==1.5\u00a0.3", "pandas=>1", "pandas=<1", "pandas === ", "pandas~1",
		},
	} {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if got := judge(t, pkgmanager.Python3, name); got != want {
					t.Errorf("%q is %s, want %s", name, got, want)
				}
			})
		}
	}
}

func TestAptNames(t *testing.T) {
	t.Parallel()
	for want, names := range map[verdict][]string{
		pinned: {
			"curl=7.88.1-10+deb12u5", "libssl-dev=3.0.11-1~deb12u2", "vim=2:9.0.1378-2", "openjdk-17-jdk=17.0.9+9-1~deb12u1", "curl:amd64=7.88.1",
			"libc6:i386=2.36-9", "g++=4:12.2.0-3", "libstdc++6=12.2.0-14", "python3.11=3.11.2-6", "x11-apps=7", "0ad=0.0.26-3", "apt=2.6.1",
			"git=1:2.39.5-0+deb12u2", " curl=7.88.1 ", "liba=1.0+", "docker.io=20.10.24+dfsg1-1+b3",
		},
		unpinned: {"curl", "libstdc++6", "g++", "python3.11", "curl:amd64", "libc6:any", "0ad", "ca-certificates", " curl "},
		refused: {
			"", " ", "a", "a=1", "Curl", "CURL=1", "curl=", "=1", "curl==1", "curl>=7", "curl=7.*", "curl*", "curl?", "lib[ab]", "curl 7",
			"curl wget", "curl=7 wget=1", "curl/bookworm", "task^", "curl-", "curl=7-", "bash:amd64-", "-y", "--allow-unauthenticated", "+curl", ".curl",
			"curl=a1", "curl=~1", "curl=1_2", "curl=1;id", "curl;id", "curl=$(id)", "curl=`id`", "curl&&id", "curl|sh", "curl'", `curl"`, "curl\\",
			"curl=1\nwget=1", "./curl.deb", "/opt/curl.deb", "https://x/curl.deb", "lib_a", "curl:", "curl:AMD64", "curl:=1", "分词", "curl\x00",
		},
	} {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if got := judge(t, pkgmanager.Apt, name); got != want {
					t.Errorf("%q is %s, want %s", name, got, want)
				}
			})
		}
	}
}

func TestYumNames(t *testing.T) {
	t.Parallel()
	for want, names := range map[verdict][]string{
		pinned: {
			"git-2.39.5", "git-2.39.5-1.el9", "git-2.39.5-1.el9.x86_64", "git-core-2.39.5-1.el9", "bind-utils-32:9.16.23-1.el9", "less-530-1.el8",
			"libstdc++-11.4.1-3.el9", "java-11-openjdk-11.0.20", "python3-3.9.18-1.el9_3", "python3.11-3.11.5", "ntfs-3g-2:2022.10.3-1.el9",
			"kernel-5.14.0-427.el9", "foo-1.0~rc1-1", "foo-1.0^git2-1", " git-2.39.5 ", "tzdata-2024a", "openssl-1:3.0.7-24.el9.noarch", "X-1.0",
		},
		unpinned: {
			"git", "g", "gcc-c++", "libstdc++", "libstdc++.i686", "java-1.8.0-openjdk", "java-11-openjdk", "gcc-toolset-12", "less-530", "python3.11",
			"python3-devel", "git.x86_64", "ntfs-3g-fuse", "compat-openssl11", "NetworkManager", "perl-Foo_Bar", "7zip", " git ",
		},
		refused: {
			"", " ", "-git", "git-", "git*", "git-2.*", "git?", "[g]it", "@development", "git=2.39", "git>=2", "git 2.39", "git wget", "git;id", "git && id",
			"$(id)", "`id`", "git|sh", "git'", `git"`, "git\\", "git\nwget", "/usr/bin/git", "./git.rpm", "git-2.39.5.rpm", "https://x/git.rpm", "perl(Git)",
			"git,wget", "-y", "--nogpgcheck", "git:", "git.", "分词", "git\x00", "(git or wget)",
		},
	} {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if got := judge(t, pkgmanager.Yum, name); got != want {
					t.Errorf("%q is %s, want %s", name, got, want)
				}
			})
		}
	}
}

// TestPython2Pip checks that Python 2 is not given a pip that cannot run there.
func TestPython2Pip(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{
		"": {
			"pip==20.3.4", "pip==20.3.4.0", "pip", "pip<21", "pip>=20,<21", "pip~=20.0", "pip==20.*", "pip!=21", "pip<=21.3", "pip==9.0.3", "pip>20.3.3",
			"pip==v20.3.4", "pips==21", "pip-tools==21", "setuptools==68.0", "pip==0!20.3.4",
		},
		"PipIncompatible packages[0].names[0]": {
			"pip==21.0", "pip==21", "pip>=21", "pip>=21.0,<22", "PIP==21.3.1", " pip == 23.0.1 ", "pip~=21.0", "pip==21.*", "pip>20.3.4", "pip>=20.3.5",
			"pip===21.0", "pip==v21.0", "pip!=20.0,>=22", "pip==20.3.4.1", "pip==21.0b1",
		},
		"InvalidRequirement packages[0].names[0]": {"pip==", "pip;21"},
	} {
		for _, name := range names {
			found := strings.Join(codes(pkgmanager.Entry{Type: pkgmanager.Python2, Names: []string{name}}.Validate("packages[0]")), ", ")
			if found != want {
				t.Errorf("%q: %q, want %q", name, found, want)
			}
			if found := (pkgmanager.Entry{Type: pkgmanager.Python3, Names: []string{name}}).Validate("p"); want[:min(1, len(want))] == "P" && len(found) > 0 {
				t.Errorf("%q for Python 3: %v", name, found)
			}
		}
	}
}

// TestSpaces checks that spaces around a name mean nothing, as Normalize promises.
func TestSpaces(t *testing.T) {
	t.Parallel()
	for _, kind := range []pkgmanager.Type{pkgmanager.Apt, pkgmanager.Yum, pkgmanager.Python2, pkgmanager.Python3} {
		if got := judge(t, kind, " curl "); got != unpinned {
			t.Errorf("%s: %q is %s", kind, " curl ", got)
		}
		if got := judge(t, kind, " "); got != refused {
			t.Errorf("%s: a space is %s", kind, got)
		}
	}
}

func TestUnpinnedText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind        pkgmanager.Type
		name, limit string
	}{
		{pkgmanager.Python3, "pandas>=1", "pandas==VERSION"},
		{pkgmanager.Python3, "requests [ socks, security ]", "requests[socks,security]==VERSION"},
		{pkgmanager.Apt, "curl", "curl=VERSION"},
		{pkgmanager.Apt, "libc6:i386", "libc6:i386=VERSION"},
		{pkgmanager.Python2, "pyodps", "pyodps==VERSION"},
		{pkgmanager.Yum, "git.x86_64", "git-VERSION-RELEASE"},
		{pkgmanager.Yum, "less-530", "less-530-VERSION-RELEASE"},
	} {
		found := pkgmanager.Entry{Type: test.kind, Names: []string{"ok==1", test.name}}.Unpinned("packages[3]", nil)
		switch test.kind {
		case pkgmanager.Apt:
			found = pkgmanager.Entry{Type: test.kind, Names: []string{"ok=1", test.name}}.Unpinned("packages[3]", nil)
		case pkgmanager.Yum:
			found = pkgmanager.Entry{Type: test.kind, Names: []string{"ok-1.0", test.name}}.Unpinned("packages[3]", nil)
		case pkgmanager.Python2, pkgmanager.Python3, pkgmanager.Script:
		}
		if len(found) != 1 || found[0].Field != "packages[3].names[1]" || found[0].Limit != test.limit || found[0].Value != test.name {
			t.Errorf("%s %q: %v, want the limit %q", test.kind, test.name, found, test.limit)
		}
	}
	script := pkgmanager.Entry{Type: pkgmanager.Script, Script: "pip3 install pandas"}
	if found := script.Unpinned("packages[0]", nil); found != nil {
		t.Errorf("a script: %v", found)
	}
}

// checkName checks that what is accepted stays one word of the shell: the instruction ends in exactly the quoted name.
func checkName(t *testing.T, kind pkgmanager.Type, name string) {
	t.Helper()
	e := pkgmanager.Entry{Type: kind, Names: []string{name}}
	normal := e.Normalize()
	if diff := cmp.Diff(normal, normal.Normalize()); diff != "" {
		t.Fatalf("normalizing %q twice: %s", name, diff)
	}
	before, after := codes(e.Validate("p")), codes(normal.Validate("p"))
	if !cmp.Equal(before, after) {
		t.Fatalf("%q: %v, but normalized: %v", name, before, after)
	}
	text := normal.Instructions(0)
	if len(before) > 0 {
		return
	}
	if trimmed := strings.TrimSpace(name); strings.ContainsAny(trimmed, "'\"`$\\\n\r;&|\x00") || strings.HasPrefix(trimmed, "-") {
		t.Fatalf("%q is accepted", name)
	}
	if !strings.HasSuffix(text, " '"+strings.TrimSpace(name)+"'\n") {
		t.Fatalf("%q becomes %q", name, text)
	}
}

func FuzzPythonName(f *testing.F) {
	for _, seed := range []string{"pandas==1.5.3", "requests[socks]>=2,<3", "a b", "pandas==1.*", "$(id)", "a===1", " x ", "x;y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) { checkName(t, pkgmanager.Python3, name) })
}

func FuzzAptName(f *testing.F) {
	for _, seed := range []string{"curl=7.88.1-10+deb12u5", "vim=2:9.0", "libc6:i386", "g++", "curl-", "curl=$(id)", " x1 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) { checkName(t, pkgmanager.Apt, name) })
}

func FuzzYumName(f *testing.F) {
	for _, seed := range []string{"git-2.39.5-1.el9.x86_64", "bind-utils-32:9.16.23", "g++", "git-", "a*", "git-$(id)", " x1 ", "x.rpm"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) { checkName(t, pkgmanager.Yum, name) })
}
