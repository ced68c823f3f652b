package diagnosis_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/diagnosis"
	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

const tools = "/home/admin/usertools/tools/"

// What programs really print. Those of the engine's and the end-to-end tests are seen there with the programs themselves.
const (
	urllib3    = "ImportError: urllib3 v2.0 only supports OpenSSL 1.1.1+, currently the 'ssl' module is compiled with 'OpenSSL 1.0.2k-fips  26 Jan 2017'. See: https://github.com/urllib3/urllib3/issues/2168"
	urllib3Old = "ImportError: urllib3 v2 only supports OpenSSL 1.1.1+, currently the 'ssl' module is compiled with OpenSSL 1.1.0l  10 Sep 2019. See: https://github.com/urllib3/urllib3/issues/3020"
	pipTLS     = `WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:992)'))': /simple/jieba/`
	pipExpired = `WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:992)'))': /simple/jieba/`
	pipNotYet  = `SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate is not yet valid (_ssl.c:1129)'))`
	aptNotYet  = "E: Release file for http://deb.debian.org/debian/dists/bookworm-updates/InRelease is not valid yet (invalid for another 5h 42min 11s). Updates for this repository will not be applied."
	curlTLS    = "curl: (60) SSL certificate problem: unable to get local issuer certificate"
	wgetTLS    = "ERROR: cannot verify mirror.internal's certificate, issued by 'CN=Internal CA':"
	gitTLS     = "fatal: unable to access 'https://git.internal/o/r.git/': server certificate verification failed. CAfile: none CRLfile: none"
	pipNotice  = "You are using pip version 9.0.3, however version 21.3.1 is available.\nYou should consider upgrading via the 'pip install --upgrade pip' command."
	pipUpgrade = "        1) Upgrade to the latest pip and try again. This will fix errors for most"
	opcode     = "SystemError: unknown opcode"
	magic      = "ImportError: bad magic number in 'segmenter': b'\\x03\\xf3\\r\\n'"
	oomGcc     = "x86_64-linux-gnu-gcc: fatal error: Killed signal terminated program cc1plus"
	oomPython  = "MemoryError: Unable to allocate 7.45 GiB for an array with shape (1000000000,) and data type float64"
	oomNode    = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"
	oomFork    = tools + "cmd-0.sh: fork: Cannot allocate memory"
	bashKilled = tools + "cmd-0.sh: line 2:    11 Killed                  sh -c 'kill -9 $$'"
	noPip      = "/bin/sh: 1: /home/tops/bin/pip3: not found"
	noPython   = tools + "cmd-0.sh: line 3: /home/tops/bin/python3: No such file or directory"
	noShebang  = tools + "cmd-0.sh: line 3: /opt/tool: /home/tops/bin/python3.7: bad interpreter: No such file or directory"
	noFile     = "cat: /home/tops/bin/python3: No such file or directory"
	wrongArch  = tools + "cmd-2.sh: line 3: /opt/tool: cannot execute binary file: Exec format error"
	wrongRunc  = `exec /opt/tool: exec format error`
	ddFull     = "dd: error writing '/dev/shm/x': No space left on device"
	wgetName   = "wget: unable to resolve host address 'mirror.internal'"
	curlLocal  = "curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server"
)

func TestKnown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		exit       int
		code       problem.Code
		detail     string
	}{
		{"urllib3 2 and an old OpenSSL", urllib3, 1, problem.OpenSSLTooOld, "the image's Python has OpenSSL 1.0.2k-fips"},
		{"urllib3 2.1", urllib3Old, 1, problem.OpenSSLTooOld, "OpenSSL 1.1.0l"},
		{"pip: TLS", pipTLS + "\n" + pipNoPackage, 1, problem.IndexTLSFailed, "CERTIFICATE_VERIFY_FAILED"},
		{"pip: expired", pipExpired, 1, problem.CertificateTimeInvalid, "certificate has expired"},
		{"pip: not yet", pipNotYet, 1, problem.CertificateTimeInvalid, "certificate is not yet valid"},
		{"apt: not yet", aptNotYet, 100, problem.CertificateTimeInvalid, "is not valid yet"},
		{"curl: TLS", curlTLS, 60, problem.IndexTLSFailed, "unable to get local issuer certificate"},
		{"wget: TLS", wgetTLS, 5, problem.IndexTLSFailed, "cannot verify mirror.internal's certificate"},
		{"git: TLS", gitTLS, 128, problem.IndexTLSFailed, "server certificate verification failed"},
		{"pip: a notice proves nothing", pipNotice, 1, problem.Unclassified, "exit code 1"},
		{"pip: too old", pipNotice + "\n" + pipUpgrade, 1, problem.PipTooOld, "Upgrade to the latest pip"},
		{"opcode", opcode, 1, problem.InterpreterMismatch, "another minor version"},
		{"magic", magic, 1, problem.InterpreterMismatch, "another minor version"},
		{"gcc: memory", oomGcc, 1, problem.BuildOutOfMemory, "cc1plus"},
		{"python: memory", oomPython, 1, problem.BuildOutOfMemory, "MemoryError"},
		{"node: memory", oomNode, 134, problem.BuildOutOfMemory, "heap out of memory"},
		{"bash: memory", oomFork, 254, problem.BuildOutOfMemory, "Cannot allocate memory"},
		{"killed, by whom is not said", bashKilled, 137, problem.Killed, "exit code 137"},
		{"killed, and nothing is said", "", 137, problem.Killed, "exit code 137"},
		{"killed for memory", bashKilled + "\n" + oomPython, 137, problem.BuildOutOfMemory, "MemoryError"},
		{"no pip", noPip, 127, problem.RuntimeMissing, "the image has no /home/tops/bin/pip3"},
		{"no python", noPython, 127, problem.RuntimeMissing, "the image has no /home/tops/bin/python3"},
		{"no python for a script", noShebang, 126, problem.RuntimeMissing, "asks for /home/tops/bin/python3.7"},
		{"a file that is not run", noFile, 1, problem.Unclassified, "exit code 1"},
		{"wrong architecture", wrongArch, 126, problem.ArchitectureNotSupported, "/opt/tool is no program"},
		{"wrong architecture, without a shell", wrongRunc, 1, problem.ArchitectureNotSupported, "/opt/tool is no program"},
		{"disk full", ddFull, 1, problem.InsufficientStorage, "no space is left"},
		{"wget: no name", wgetName, 4, problem.PublicAccessRequired, "unable to resolve host address"},
		{"the step's own service", curlLocal, 7, problem.Unclassified, "exit code 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tail := strings.Split(test.text, "\n")
			step := `RUN ["/bin/bash", "-euo", "pipefail", "` + tools + `cmd-3.sh"]`
			got := diagnosis.Explain(diagnosis.Failure{Step: step, ExitCode: test.exit, Egress: network.EgressRestricted, Tail: tail})
			if got.Code != test.code || !strings.Contains(got.Detail, test.detail) {
				t.Errorf("got %s: %q, want %s: %q", got.Code, got.Detail, test.code, test.detail)
			}
			if got.Field != "packages[3].script" || got.Value != step || got.Remedy == "" || !slices.Equal(got.Log, tail) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestLive checks what is said while a step still runs: only what its network proves.
func TestLive(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line   string
		egress network.Egress
		code   problem.Code
	}{
		{pipRefused, network.EgressRestricted, problem.PublicAccessRequired},
		{pipNoName, network.EgressNone, problem.PublicAccessRequired},
		{pipNoName, network.EgressPublic, problem.NameResolutionFailed},
		{pipRefused, network.EgressPublic, ""},
		{curlLocal, network.EgressNone, ""},
		{ddFull, network.EgressNone, ""},
		{"Collecting jieba", network.EgressNone, ""},
	} {
		got, ok := diagnosis.Live(strings.Split(test.line, "\n")[0], test.egress)
		if got.Code != test.code || ok != (test.code != "") {
			t.Errorf("%s: %v, want %s", test.line, got, test.code)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	tail := strings.Split(pipTimedOut, "\n")[:1]
	got, ok := diagnosis.Timeout(diagnosis.Failure{Step: "RUN x", Egress: network.EgressRestricted, Tail: tail})
	if !ok || got.Code != problem.PublicAccessRequired || got.Value != "RUN x" || got.Limit == "" || !slices.Equal(got.Log, tail) {
		t.Errorf("got %+v, %v", got, ok)
	}
	if got, ok := diagnosis.Timeout(diagnosis.Failure{Step: "RUN x", Egress: network.EgressRestricted, Tail: []string{noPip}}); ok {
		t.Errorf("got %+v, want nothing", got)
	}
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]problem.Code{
		`pinging container registry r.internal:5000: Get "https://r.internal:5000/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`:                      problem.TLSUnknownAuthority,
		`Get "https://r.internal/v2/": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-22T00:00:00Z is before 2030-01-01T00:00:00Z`: problem.CertificateTimeInvalid,
		`Get "https://r.internal/v2/": tls: failed to verify certificate: x509: certificate is valid for a.internal, not r.internal`:                                                           problem.TLSUnknownAuthority,
		`Get "https://r.internal/v2/": dial tcp 10.8.0.3:443: connect: connection refused`:                                                                                                     "",
	} {
		got, ok := diagnosis.Transfer(message)
		if got.Code != want || ok != (want != "") || ok && (got.Detail == "" || got.Remedy == "") {
			t.Errorf("%s: %+v, want %s", message, got, want)
		}
	}
}
