package diagnosis

import (
	"regexp"

	"github.com/kilnhq/kiln/internal/domain/network"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

func blocked(f Failure) bool { return f.Egress != network.EgressPublic }

// own is what a step says of itself: a service that it has started, or not.
var own = regexp.MustCompile(`(?i)\blocalhost\b|\b127\.0\.0\.1\b|\[?::1\]?`)

func open(f Failure) bool { return f.Egress == network.EgressPublic }

// patterns are tried in this order over all lines, so the surer ones stand first.
var patterns = []pattern{
	{
		text: regexp.MustCompile(`E: Version '([^']+)' for '[^']+' was not found`), code: problem.PackageNotFound,
		detail: "the mirror has no version $1", remedy: "Pin a version that the mirror has.",
	},
	{
		text: regexp.MustCompile(`Could not find a version that satisfies the requirement (\S+)( \(from versions: [^)n])`), code: problem.PackageNotFound,
		detail: "the package index has no $1", remedy: "Pin a version that the index has; the log lists them.",
	},
	{
		text: regexp.MustCompile(`urllib3 v2(?:\.\d+)? only supports OpenSSL 1\.1\.1\+, currently the 'ssl' module is compiled with '?(\w+ [0-9][0-9A-Za-z.-]*[0-9A-Za-z])`),
		test: true, code: problem.OpenSSLTooOld, detail: "urllib3 2 needs OpenSSL 1.1.1 or newer; the image's Python has $1",
		remedy: "Pin the last urllib3 that does without: urllib3==1.26.16, or choose a newer official image.",
	},
	{
		text: regexp.MustCompile(`(?i)^SystemError: unknown opcode|bad magic number in '?([^':]+)'?`), test: true, code: problem.InterpreterMismatch,
		detail: "what runs was compiled for another minor version of Python",
		remedy: "Install it with the Python that runs it, and put no compiled files (*.pyc) into the image.",
	},
	{
		text: regexp.MustCompile(`(?:cmd-\d+\.sh|bash|sh): (?:line )?(?:\d+: )?(/\S*/(?:python|pip)[0-9.]*): (?:No such file or directory|not found|cannot execute: required file not found)`),
		test: true, code: problem.RuntimeMissing, detail: "the image has no $1",
		remedy: "Choose an official image that has this interpreter: kiln_official_images lists what each one provides.",
	},
	{
		text: regexp.MustCompile(`: (/\S*/(?:python|pip)[0-9.]*): bad interpreter: No such file or directory`),
		test: true, code: problem.RuntimeMissing, detail: "a script asks for $1, which the image does not have",
		remedy: "Choose an official image that has this interpreter: kiln_official_images lists what each one provides.",
	},
	{
		text: regexp.MustCompile(`(?i)(\S+): (?:cannot execute binary file: )?exec format error`), test: true, code: problem.ArchitectureNotSupported,
		detail: "$1 is no program of this machine's architecture", remedy: "Use what was built for linux/amd64.",
	},
	{
		text: regexp.MustCompile(`(?i)No space left on device|Disk quota exceeded`), test: true, code: problem.InsufficientStorage,
		detail: "no space is left where the step has written",
		remedy: "Free space on the daemon's disk; what a step writes to /dev/shm, or a package manager to its cache, is memory.",
	},
	{
		text: regexp.MustCompile(`(?:^|\W)(MemoryError|Cannot allocate memory|Out of memory|std::bad_alloc|java\.lang\.OutOfMemoryError|JavaScript heap out of memory|Killed signal terminated program \S+)`),
		test: true, code: problem.BuildOutOfMemory, detail: "the step ran out of memory: $1",
		remedy: "Let the step use less memory, for example with fewer jobs at once, or ask for more CU on a machine that has it.",
	},
	{
		text: regexp.MustCompile(`(?i)(certificate (?:has expired|is not yet valid|is not valid yet)|certificate verify failed: (?:certificate has expired|certificate is not yet valid)|Release file for \S+ is not valid yet|The certificate chain uses (?:expired|not yet activated) certificate)`),
		code: problem.CertificateTimeInvalid, detail: "by this machine's clock, a certificate or signature is not valid now: $1",
		remedy: "Set the machine's clock; when it is right, whoever runs the host has to renew its certificate.",
	},
	{
		text: regexp.MustCompile(`(CERTIFICATE_VERIFY_FAILED|SSL certificate problem: [^\n]*|SSL: [A-Z_]+|cannot verify \S+ certificate|server certificate verification failed|Certificate verification failed|SSL routines:[^\n]*|TLS connect error|gnutls_handshake\(\) failed)`),
		code: problem.IndexTLSFailed, detail: "a host's TLS certificate was not accepted: $1",
		remedy: "When the host has a certificate of your own authority, put that into the image with files and make it trusted by a script before this entry; else correct the URL.",
	},
	{
		text: regexp.MustCompile(`(Temporary failure (?:in name resolution|resolving)|Could not resolve|Network is unreachable|Name or service not known|Connection refused|Could not connect to|Failed to establish a new connection|No route to host|Connection timed out|connect timeout=|Failed to connect to|unable to resolve host address)`),
		when: blocked, except: own, code: problem.PublicAccessRequired, detail: "the step could not reach a host: $1",
		remedy: "Allow the host on the resource group's network, or use a resource group whose network reaches it.",
	},
	{
		text: regexp.MustCompile(`(Temporary failure (?:in name resolution|resolving)(?: '[^']+')?|Could not resolve(?: host)?:? \S+|Name or service not known|unable to resolve host address \S+)`),
		when: open, code: problem.NameResolutionFailed, detail: "a host's name could not be resolved: $1",
		remedy: "Check the name of the host, and that the daemon's machine resolves it.",
	},
	{
		text: regexp.MustCompile(`E: Unable to locate package (\S+)`), code: problem.PackageNotFound,
		detail: "the mirror has no package $1", remedy: "Check the name.",
	},
	{
		text: regexp.MustCompile(`(?:Unable to find a match|No match for argument): (\S+)`), code: problem.PackageNotFound,
		detail: "no repository has $1", remedy: "Check name and version, and that the repository is the right one.",
	},
	{
		text: regexp.MustCompile(`No matching distribution found for (\S+)`), code: problem.PackageNotFound,
		detail: "the package index has no $1", remedy: "Check name and version, and that the index is the right one.",
	},
	// pip's notice of a newer version of itself comes with every failure, and proves nothing; these do.
	{
		text: regexp.MustCompile(`(?i)(upgrade to the latest pip and try again|please upgrade (?:your )?pip\b|requires? (?:a newer|newer|at least) (?:version of )?pip\b|try upgrading pip\b)`),
		code: problem.PipTooOld, detail: "a package says that pip is too old for it: $1",
		remedy: "Pin a newer pip in an entry of its own before this one, for example pip==20.3.4 with Python 2.7.",
	},
}

// transfers are the known failures of a pull or push.
var transfers = []pattern{
	{
		text: regexp.MustCompile(`x509: (certificate signed by unknown authority|certificate relies on legacy Common Name[^\n]*|certificate is valid for [^\n]*)`),
		code: problem.TLSUnknownAuthority, detail: "the registry's certificate was not accepted: $1",
		remedy: "Give the certificate of the registry's authority as its CA, or let the registry use one that is known.",
	},
	{
		text: regexp.MustCompile(`x509: (certificate has expired or is not yet valid)`), code: problem.CertificateTimeInvalid,
		detail: "by this machine's clock, the registry's certificate is not valid now: $1",
		remedy: "Set the machine's clock; when it is right, whoever runs the registry has to renew its certificate.",
	},
}
