package diagnosis_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/diagnosis"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// What apt 2.6.1 and pip 23 really print.
const (
	aptNoVersion = `Reading package lists...
Building dependency tree...
Reading state information...
Package bash is not available, but is referred to by another package.
This may mean that the package is missing, has been obsoleted, or
is only available from another source
However the following packages replace it:
  bash-doc

E: Version '9.9-1' for 'bash' was not found`
	aptNoPackage = `Reading package lists...
Building dependency tree...
Reading state information...
E: Unable to locate package nosuchpackage`
	aptNoGlob = `Building dependency tree...
E: Unable to locate package python3.42
E: Couldn't find any package by glob 'python3.42'`
	aptNoName = `Ign:1 http://deb.debian.org/debian bookworm InRelease
Err:1 http://deb.debian.org/debian bookworm InRelease
  Temporary failure resolving 'deb.debian.org'
Reading package lists...
W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'
W: Some index files failed to download. They have been ignored, or old ones used instead.
Reading package lists...
Building dependency tree...
Reading state information...
E: Unable to locate package curl`
	aptNoRoute = `Err:1 http://10.8.0.3/debian bookworm InRelease
  Could not connect to 10.8.0.3:80 (10.8.0.3), connection timed out
E: Unable to locate package curl`
	pipNoVersion = `Looking in indexes: https://mirror.internal/simple/
ERROR: Could not find a version that satisfies the requirement jieba==9.9 (from versions: 0.41, 0.42.1)
ERROR: No matching distribution found for jieba==9.9`
	pipNoPackage = `Looking in indexes: https://mirror.internal/simple/
ERROR: Could not find a version that satisfies the requirement nosuchpkg==1 (from versions: none)
ERROR: No matching distribution found for nosuchpkg==1`
	pipRefused = `WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f918d140d50>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/jieba/
ERROR: Could not find a version that satisfies the requirement jieba==0.42.1 (from versions: none)
ERROR: No matching distribution found for jieba==0.42.1`
	pipNoName = `WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f1d>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/jieba/
ERROR: Could not find a version that satisfies the requirement jieba==0.42.1 (from versions: none)
ERROR: No matching distribution found for jieba==0.42.1`
	pipTimedOut = `WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken by 'ConnectTimeoutError(<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f1d>, 'Connection to pypi.org timed out. (connect timeout=15.0)')': /simple/jieba/
ERROR: Could not find a version that satisfies the requirement jieba==0.42.1 (from versions: none)
ERROR: No matching distribution found for jieba==0.42.1`
	pipDiskFull = `Collecting torch==2.1.0
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device`
	curlNoName  = `curl: (6) Could not resolve host: example.com`
	curlRefused = `curl: (7) Failed to connect to example.com port 443 after 2 ms: Couldn't connect to server`
	compiler    = `  error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory
ERROR: Failed building wheel for psycopg2`
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		egress     network.Egress
		code       problem.Code
		detail     string
	}{
		{"apt: no version", aptNoVersion, network.EgressPublic, problem.PackageNotFound, "the mirror has no version 9.9-1"},
		{"apt: no package", aptNoPackage, network.EgressPublic, problem.PackageNotFound, "the mirror has no package nosuchpackage"},
		{"apt: no package, restricted", aptNoPackage, network.EgressRestricted, problem.PackageNotFound, "the mirror has no package nosuchpackage"},
		{"apt: no package with a dot", aptNoGlob, network.EgressPublic, problem.PackageNotFound, "the mirror has no package python3.42"},
		{"apt: no name, restricted", aptNoName, network.EgressRestricted, problem.PublicAccessRequired, "Temporary failure resolving"},
		{"apt: no name, none", aptNoName, network.EgressNone, problem.PublicAccessRequired, "Temporary failure resolving"},
		{"apt: no name, public", aptNoName, network.EgressPublic, problem.NameResolutionFailed, "Temporary failure resolving 'deb.debian.org'"},
		{"apt: no route", aptNoRoute, network.EgressRestricted, problem.PublicAccessRequired, "Could not connect to"},
		{"pip: no version", pipNoVersion, network.EgressRestricted, problem.PackageNotFound, "the package index has no jieba==9.9"},
		{
			"yum: no version", "No match for argument: git-0.0.1\nError: Unable to find a match: git-0.0.1", network.EgressPublic,
			problem.PackageNotFound, "no repository has git-0.0.1",
		},
		{"pip: no package", pipNoPackage, network.EgressRestricted, problem.PackageNotFound, "the package index has no nosuchpkg==1"},
		{"pip: refused", pipRefused, network.EgressRestricted, problem.PublicAccessRequired, "Failed to establish a new connection"},
		{"pip: refused, public", pipRefused, network.EgressPublic, problem.PackageNotFound, "the package index has no jieba==0.42.1"},
		{"pip: no name", pipNoName, network.EgressNone, problem.PublicAccessRequired, "Failed to establish a new connection"},
		{"pip: timed out", pipTimedOut, network.EgressRestricted, problem.PublicAccessRequired, "connect timeout="},
		{"pip: disk full", pipDiskFull, network.EgressPublic, problem.InsufficientStorage, "no space is left"},
		{"curl: no name", curlNoName, network.EgressRestricted, problem.PublicAccessRequired, "Could not resolve"},
		{"curl: refused", curlRefused, network.EgressRestricted, problem.PublicAccessRequired, "Failed to connect to"},
		{"curl: refused, public", curlRefused, network.EgressPublic, problem.Unclassified, "an install step ended with exit code 100"},
		{"something else", compiler, network.EgressRestricted, problem.Unclassified, "an install step ended with exit code 100"},
		{"silence", "", network.EgressNone, problem.Unclassified, "an install step ended with exit code 100"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tail := strings.Split(test.text, "\n")
			got := diagnosis.Explain(diagnosis.Failure{Step: "RUN x", ExitCode: 100, Egress: test.egress, Tail: tail})
			if got.Code != test.code || !strings.Contains(got.Detail, test.detail) {
				t.Errorf("got %s: %q, want %s: %q", got.Code, got.Detail, test.code, test.detail)
			}
			if got.Field != "packages" || got.Value != "RUN x" || got.Remedy == "" || !slices.Equal(got.Log, tail) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestExplainTest checks that a failed test blames the test, whatever it prints of packages, but for what would be in the way
// of any command.
// TestExplainFile: what does not run has no exit code, and is no package.
func TestExplainFile(t *testing.T) {
	t.Parallel()
	got := diagnosis.Explain(diagnosis.Failure{Step: `COPY ["a", "/opt/a"]`, Message: "copy: no such directory"})
	if got.Code != problem.Unclassified || got.Field != "files" || got.Detail != "a step failed: copy: no such directory" ||
		strings.Contains(got.Limit, "exit code") {
		t.Errorf("got %+v", got)
	}
}

func TestExplainTest(t *testing.T) {
	t.Parallel()
	tail := []string{"ModuleNotFoundError: No module named 'jieba'", "E: Unable to locate package x"}
	got := diagnosis.Explain(diagnosis.Failure{Step: "test.commands[0]: x", Test: true, ExitCode: 1, Egress: network.EgressNone, Tail: tail})
	if got.Code != problem.TestFailed || got.Field != "test.commands" || got.Value != "test.commands[0]: x" {
		t.Errorf("got %+v", got)
	}
	if got.Detail != "a test command ended with exit code 1" || !slices.Equal(got.Log, tail) {
		t.Errorf("got %+v", got)
	}
	got = diagnosis.Explain(diagnosis.Failure{Step: "test.commands[0]: x", Test: true, ExitCode: 1, Tail: []string{urllib3}})
	if got.Code != problem.OpenSSLTooOld || got.Field != "test.commands" {
		t.Errorf("got %+v", got)
	}
}
