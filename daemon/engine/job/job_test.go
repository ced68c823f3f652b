package job

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/worker"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// events decodes what a reporter wrote.
func events(t *testing.T, out *bytes.Buffer) []worker.Event {
	t.Helper()
	var list []worker.Event
	decoder := json.NewDecoder(out)
	for {
		var event worker.Event
		err := decoder.Decode(&event)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, event)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", worker.MaxLine)
	for name, test := range map[string]struct {
		input string
		want  []string
	}{
		"Plain":      {"a\nb\n", []string{"a", "b"}},
		"Empty":      {"\n\na\n", []string{"", "", "a"}},
		"Unfinished": {"a\nb", []string{"a", "b"}},
		"DOS":        {"a\r\nb\r\n", []string{"a", "b"}},
		"Progress":   {"10%\r20%\r100%\ndone\n", []string{"100%", "done"}},
		"JustFits":   {long + "\n", []string{long}},
		"Long":       {long + long + "yz\nb\n", []string{long, long, "yz", "b"}},
		"NoEnd":      {long + long, []string{long, long}},
		"NotText":    {"a\xffb\n", []string{"a\uFFFDb"}},
		"SplitRune":  {long[1:] + "é\n", []string{long[1:], "é"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for readerName, reader := range map[string]io.Reader{
				"whole": strings.NewReader(test.input), "bytewise": iotest.OneByteReader(strings.NewReader(test.input)),
			} {
				var out bytes.Buffer
				l := newReporter(&out).lines(worker.StreamStdout)
				if _, err := io.Copy(struct{ io.Writer }{l}, struct{ io.Reader }{reader}); err != nil {
					t.Fatal(err)
				}
				l.flush()
				var got []string
				for _, event := range events(t, &out) {
					got = append(got, event.Log.Line)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: %s", readerName, diff)
				}
			}
		})
	}
}

func TestParseRPM(t *testing.T) {
	t.Parallel()
	text := "bash 5.1.8-9.el9 x86_64 00ff\ngpg-pubkey fd431d51-4ae0493b (none) (none)\nbroken line\nkiln 1:1.0-1 noarch (none)\n"
	want := []worker.Package{
		{Manager: "yum", Name: "bash.x86_64", Version: "5.1.8-9.el9", Digest: "00ff"}, {Manager: "yum", Name: "kiln.noarch", Version: "1:1.0-1"},
	}
	if diff := cmp.Diff(want, parseRPM(text)); diff != "" {
		t.Error(diff)
	}
}

func TestParseConflicts(t *testing.T) {
	t.Parallel()
	text := interpreterMark + "/usr/bin/python2.7\nNo broken requirements found.\n" + interpreterMark + "/usr/bin/python3.11\n" +
		"flask 1.0 requires click, which is not installed.\nflask 1.0 has requirement six>=2, but you have six 1.16.0.\n\n"
	want := []string{
		"/usr/bin/python3.11: flask 1.0 requires click, which is not installed.",
		"/usr/bin/python3.11: flask 1.0 has requirement six>=2, but you have six 1.16.0.",
	}
	if diff := cmp.Diff(want, parseConflicts(text)); diff != "" {
		t.Error(diff)
	}
}

func TestExitProgram(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"amd64", "arm64"} {
		program, err := exitProgram(arch, 42)
		if err != nil {
			t.Fatal(err)
		}
		file, err := elf.NewFile(bytes.NewReader(program))
		if err != nil {
			t.Fatalf("%s: %v", arch, err)
		}
		if len(file.Progs) != 1 || file.Progs[0].Filesz != uint64(len(program)) {
			t.Errorf("%s: segments %+v", arch, file.Progs)
		}
		if arch != runtime.GOARCH {
			continue
		}
		path := filepath.Join(t.TempDir(), "exit")
		if err := os.WriteFile(path, program, 0o755); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := exec.Command(path).Run(); !errors.As(err, &exit) || exit.ExitCode() != 42 {
			t.Errorf("%s: %v, want exit status 42", arch, err)
		}
	}
	if _, err := exitProgram("riscv64", 42); err == nil {
		t.Error("a program for an unknown architecture")
	}
}

func TestCacheKey(t *testing.T) {
	t.Parallel()
	spec := func(change func(*worker.Bootstrap)) string {
		b := worker.Bootstrap{
			Tag: "a", Suite: "bookworm", Mirrors: []string{"m"}, Components: []string{"main"}, Include: []string{"bash"},
			Customize: []string{"true"}, Epoch: time.Unix(1, 0), Env: map[string]string{"A": "b"},
		}
		change(&b)
		return cacheKey(&b)
	}
	same := spec(func(*worker.Bootstrap) {})
	for name, change := range map[string]func(*worker.Bootstrap){
		"suite":      func(b *worker.Bootstrap) { b.Suite = "trixie" },
		"mirrors":    func(b *worker.Bootstrap) { b.Mirrors = []string{"m", "n"} },
		"components": func(b *worker.Bootstrap) { b.Components = nil },
		"include":    func(b *worker.Bootstrap) { b.Include = []string{"dash"} },
		"customize":  func(b *worker.Bootstrap) { b.Customize = []string{"false"} },
		"epoch":      func(b *worker.Bootstrap) { b.Epoch = time.Unix(2, 0) },
	} {
		if spec(change) == same {
			t.Errorf("another value of %s has the same key", name)
		}
	}
	if spec(func(b *worker.Bootstrap) { b.Tag, b.Env, b.Labels = "b", nil, map[string]string{"x": "y"} }) != same {
		t.Error("what belongs to the image alone changes the key")
	}
}

func TestFailureOf(t *testing.T) {
	t.Parallel()
	step := &worker.Failure{Kind: worker.FailureStep, Step: "RUN x", ExitCode: 2, Message: "exit code 2"}
	for name, test := range map[string]struct {
		cause, err error
		want       worker.Failure
	}{
		"Step":        {nil, fmt.Errorf("build: %w", step), *step},
		"Internal":    {nil, errors.New("odd"), worker.Failure{Kind: worker.FailureInternal, Message: "odd"}},
		"Disk":        {nil, fmt.Errorf("write: %w", unix.ENOSPC), worker.Failure{Kind: worker.FailureDisk, Message: "write: no space left on device"}},
		"DiskAsText":  {nil, errors.New("copier: no space left on device"), worker.Failure{Kind: worker.FailureDisk, Message: "copier: no space left on device"}},
		"StepTimeout": {errStepTimeout, step, worker.Failure{Kind: worker.FailureTimeout, Step: "now", Message: errStepTimeout.Error()}},
		"JobTimeout":  {errJobTimeout, step, worker.Failure{Kind: worker.FailureTimeout, Step: "now", Message: errJobTimeout.Error()}},
		"Cancelled":   {errCancelled, step, worker.Failure{Kind: worker.FailureKilled, Step: "now", Message: errCancelled.Error()}},
		"LowDisk":     {errDisk, step, worker.Failure{Kind: worker.FailureDisk, Step: "now", Message: errDisk.Error()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &runner{watch: &watch{step: "now", cause: test.cause}}
			if diff := cmp.Diff(test.want, *r.failureOf(test.err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckParts(t *testing.T) {
	t.Parallel()
	const oci = "application/vnd.oci.image.manifest.v1+json"
	layer := `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:` + strings.Repeat("a", 64) + `","size":%d%s}`
	image := func(layers ...string) string {
		return `{"schemaVersion":2,"mediaType":"` + oci + `","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:` +
			strings.Repeat("b", 64) + `","size":2},"layers":[` + strings.Join(layers, ",") + `]}`
	}
	one := fmt.Sprintf(layer, 5, "")
	for name, test := range map[string]struct {
		body, mime string
		ok         bool
	}{
		"OK":            {image(one), oci, true},
		"TooManyLayers": {image(strings.Split(strings.Repeat(one+"\n", registry.MaxLayers+1), "\n")[:registry.MaxLayers+1]...), oci, false},
		"TooLarge":      {image(fmt.Sprintf(layer, int64(maxCompressed)+1, "")), oci, false},
		"Foreign":       {image(fmt.Sprintf(layer, 5, `,"urls":["http://192.0.2.1/x"]`)), oci, false},
		"HugeManifest":  {image(one) + strings.Repeat(" ", registry.MaxManifest), oci, false},
		"Schema1":       {`{"schemaVersion":1}`, "application/vnd.docker.distribution.manifest.v1+json", false},
		"Garbage":       {"{", oci, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := checkParts([]byte(test.body), test.mime); (err == nil) != test.ok {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestCheckRoot(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(root string) error
		ok     bool
	}{
		"OK":        {func(string) error { return nil }, true},
		"NoPasswd":  {func(root string) error { return os.Remove(root + "/etc/passwd") }, true},
		"DevIsLink": {func(root string) error { return errors.Join(os.Remove(root+"/dev"), os.Symlink("/tmp", root+"/dev")) }, false},
		"PasswdIsFIFO": {func(root string) error {
			return errors.Join(os.Remove(root+"/etc/passwd"), unix.Mkfifo(root+"/etc/passwd", 0o644))
		}, false},
		"PasswdIsLink": {func(root string) error {
			return errors.Join(os.Remove(root+"/etc/passwd"), os.Symlink("/etc/shadow", root+"/etc/passwd"))
		}, false},
		"PasswdIsHuge": {func(root string) error { return os.Truncate(root+"/etc/passwd", maxAccountFile+1) }, false},
		"EtcIsLink":    {func(root string) error { return errors.Join(os.RemoveAll(root+"/etc"), os.Symlink("/", root+"/etc")) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			err := errors.Join(os.Mkdir(root+"/dev", 0o755), os.Mkdir(root+"/etc", 0o755), os.WriteFile(root+"/etc/passwd", []byte("root\n"), 0o644))
			if err = errors.Join(err, test.change(root)); err != nil {
				t.Fatal(err)
			}
			if err := checkRoot(root); (err == nil) != test.ok {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestEndedBy(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]unix.Signal{
		"container exited on killed": unix.SIGKILL, "container exited on segmentation fault": unix.SIGSEGV,
		"container exited on signal 40": 40, "container exited on": 0, "container exited on paper": 0, "killed": 0, "": 0,
	} {
		if got := endedBy(line); got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
}
