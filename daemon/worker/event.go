package worker

// Event is one line of a worker's output: exactly one field is set.
type Event struct {
	Step    *Step    `json:"step,omitempty"`
	Log     *Log     `json:"log,omitempty"`
	Result  *Result  `json:"result,omitempty"`  // the last event of a job that succeeded
	Failure *Failure `json:"failure,omitempty"` // the last event of a job that failed
}

// Step says that a step of the job has begun.
type Step struct {
	Number int    `json:"number"` // from 1
	Total  int    `json:"total"`
	Name   string `json:"name"` // the Containerfile instruction, or the command's name
}

// Stream says where a log line came from.
type Stream string

// The streams of a job's log.
const (
	StreamStdout Stream = "stdout" // a step's standard output
	StreamStderr Stream = "stderr" // a step's standard error
	StreamKiln   Stream = "kiln"   // Kiln's own remarks
)

// MaxLine is the longest log line in bytes; longer ones are split.
const MaxLine = 16 << 10

// Log is one line of output without its line feed. Bytes that are no UTF-8 are replaced.
type Log struct {
	Stream Stream `json:"stream"`
	Line   string `json:"line"`
}

// Package is one installed package.
type Package struct {
	Manager     string `json:"manager"` // apt, pip or yum
	Name        string `json:"name"`
	Version     string `json:"version"`               // empty: the base has it, and the image has not
	Interpreter string `json:"interpreter,omitempty"` // pip: the path of the Python that has it
	Digest      string `json:"digest,omitempty"`      // of what is installed, in hexadecimal; empty when nothing is recorded of it
	Base        string `json:"base,omitempty"`        // its version in the base, with Image.Check; empty: the base has none
}

// Result is what a job that succeeded has to say; which fields are set depends on its kind.
type Result struct {
	ImageID      string    `json:"image_id,omitempty"`     // bootstrap, image with a tag, pull: the id in the store
	Digest       string    `json:"digest,omitempty"`       // push, pull: of the manifest as the registry holds it
	SizeBytes    int64     `json:"size_bytes,omitempty"`   // bootstrap, image, pull: uncompressed, all layers
	Architecture string    `json:"architecture,omitempty"` // e.g. amd64
	Packages     []Package `json:"packages,omitempty"`     // bootstrap, image: sorted by manager, interpreter and name
	ExitCode     int       `json:"exit_code"`              // run: of the command
	Facts        []Fact    `json:"facts,omitempty"`        // probe
}

// Fact is one thing that the self-test found out.
type Fact struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// FailureKind says at which kind of work a job failed.
type FailureKind string

// The kinds of failures.
const (
	FailureStep      FailureKind = "step"      // an install step ended with an exit code other than 0
	FailureCommand   FailureKind = "command"   // a command of Image.Commands did
	FailureTarget    FailureKind = "target"    // Step is the target of a file, where the base image has a directory
	FailureConflict  FailureKind = "conflict"  // Python packages of the result do not fit together: Message is what pip says
	FailureDrift     FailureKind = "drift"     // the result has not the packages of Image.Expect: Found has its own
	FailureTimeout   FailureKind = "timeout"   // a step or the job took too long
	FailureImage     FailureKind = "image"     // the base image is not in the store or cannot be used
	FailureTransfer  FailureKind = "transfer"  // a push or pull
	FailureLayout    FailureKind = "layout"    // Image.Base can be no image, or would mislead what runs it: Message says how
	FailureSize      FailureKind = "size"      // Image.Base is larger than it may be when it is unpacked
	FailurePlatform  FailureKind = "platform"  // Image.Base is for another platform: Step is that
	FailureZone      FailureKind = "zone"      // Image.Base has no data of Image.TimeZone
	FailureProgram   FailureKind = "program"   // Image.Base has none of the programs of a Need: Step is its name
	FailureBootstrap FailureKind = "bootstrap" // mmdebstrap
	FailureDisk      FailureKind = "disk"      // no space left
	FailureKilled    FailureKind = "killed"    // the worker died without a last word
	FailureInternal  FailureKind = "internal"  // everything else
)

// Failure says why a job failed. The log tail says the rest.
type Failure struct {
	Kind     FailureKind `json:"kind"`
	Step     string      `json:"step,omitempty"` // the step's name
	ExitCode int         `json:"exit_code,omitempty"`
	Message  string      `json:"message"`
	Expect   []Package   `json:"expect,omitempty"` // drift: what of Image.Expect is otherwise in the result
	Found    []Package   `json:"found,omitempty"`  // drift: what of the result is otherwise in Image.Expect
}

// Error makes a Failure an error.
func (f *Failure) Error() string {
	if f.Step == "" {
		return string(f.Kind) + ": " + f.Message
	}
	return string(f.Kind) + ": " + f.Step + ": " + f.Message
}
