package engine_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/kilnhq/kiln/daemon/worker"
)

// recipe has every instruction form that Kiln's recipes use.
const recipe = `FROM localhost/kiln/base:1
ENV GREETING="hello world" DOLLAR='$HOME'
COPY --chmod=0755 <<'KILN' /home/admin/usertools/tools/cmd-0.sh
#!/bin/sh
set -e
# not expanded: $VAR ${GREETING} $(id) ` + "`id`" + ` \n "quoted" 'single'
	printf 'tab and "$1" \\ backslash\n'

echo "script ran" > /script-ran
KILN
COPY --chmod=0644 dict.txt /opt/deep/dict.txt
RUN --mount=type=tmpfs,target=/var/lib/apt/lists --mount=type=tmpfs,target=/var/cache/apt apt-get update && apt-get install -y --no-install-recommends less
RUN ["/bin/sh", "/home/admin/usertools/tools/cmd-0.sh", "exec form"]
RUN rm -rf /var/log/apt /var/log/*.log /var/lib/dpkg/*-old /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache
`

const script = `#!/bin/sh
set -e
# not expanded: $VAR ${GREETING} $(id) ` + "`id`" + ` \n "quoted" 'single'
	printf 'tab and "$1" \\ backslash\n'

echo "script ran" > /script-ran
`

func TestImage(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	network, err := mirrorNetwork()
	if err != nil {
		t.Fatal(err)
	}
	dict := filepath.Join(t.TempDir(), "dict")
	if err := os.WriteFile(dict, []byte("word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	job := worker.Job{Kind: worker.KindImage, Network: network, Image: &worker.Image{
		Containerfile: recipe,
		Files:         map[string]string{"dict.txt": dict},
		Labels:        map[string]string{"org.kiln.version": "1"},
		Epoch:         epoch,
		Tag:           "localhost/kiln/recipe:1",
		TimeZone:      "Asia/Shanghai",
		Commands: []worker.Command{
			{Name: "test[0]", Argv: []string{"/bin/sh", "-c", "cat /home/admin/usertools/tools/cmd-0.sh"}},
			{Name: "test[1]", Argv: []string{"/bin/sh", "-c", `stat -c '%a %U %s %n' /opt/deep/dict.txt /home/admin/usertools/tools/cmd-0.sh; echo "$DOLLAR|$GREETING|$TZ|$X"; cat /script-ran`}, Env: map[string]string{"X": "y"}},
			{Name: "test[2]", Argv: []string{"/bin/sh", "-c", "find /var/lib/apt/lists /var/cache/apt -type f -size +0; cat"}},
		},
	}}
	result, r, err := execute(t, e, job)
	if err != nil {
		t.Fatal(err)
	}
	out := r.text(worker.StreamStdout)
	if !strings.Contains(out, script) {
		t.Errorf("the heredoc did not arrive byte for byte:\n%s", out)
	}
	if want := "644 root 5 /opt/deep/dict.txt\n755 root " + strconv.Itoa(len(script)) + " /home/admin/usertools/tools/cmd-0.sh\n$HOME|hello world|Asia/Shanghai|y\nscript ran\n"; !strings.Contains(out, want) {
		t.Errorf("test[1] did not say %q", want)
	}
	if strings.Contains(out, "/var/lib/apt/lists/") {
		t.Error("package lists ended up in the image")
	}
	if len(r.steps) != 11 || r.steps[10] != "test[2]" {
		t.Errorf("steps = %q", r.steps)
	}
	if !slices.ContainsFunc(result.Packages, func(p worker.Package) bool { return p.Manager == "apt" && p.Name == "less" }) {
		t.Error("less is not among the packages")
	}
	if result.ImageID == "" || result.Architecture != "amd64" || result.SizeBytes < 50<<20 {
		t.Errorf("result = %+v", result)
	}

	t.Run("Reproducible", func(t *testing.T) {
		job.ID = "again"
		again, _, err := execute(t, e, job)
		if err != nil {
			t.Fatal(err)
		}
		if again.ImageID != result.ImageID {
			t.Errorf("the same build made %s, then %s", result.ImageID, again.ImageID)
		}
	})
}

// TestDirectory copies a directory over what is there: contents, permissions and links arrive, what is beside them stays.
func TestDirectory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	job := worker.Job{Kind: worker.KindImage, Image: &worker.Image{
		Containerfile: "FROM " + base + "\n# /opt/x/odd -> deep\\\nADD [\"tree-1.tar\", \"/opt/x/\"]\nADD [\"tree-2.tar\", \"/var/\"]\n",
		Trees: map[string][]worker.Node{
			"tree-1.tar": {
				{Path: "deep/er/a b$*.txt", File: file, Mode: 0o600},
				{Path: "deep/up", Link: "../run"},
				{Path: "odd", Link: "deep\\"},
				{Path: "open", File: file, Mode: 0o666},
				{Path: "run", File: file, Mode: 0o755},
			},
			"tree-2.tar": {{Path: "tmp/new", File: file, Mode: 0o640}},
		},
		Epoch: epoch,
		Commands: []worker.Command{{Name: "look", Argv: []string{"/bin/sh", "-ec", `
cd /opt/x && find . -mindepth 1 -printf '%p %m %U %l\n' | sort
cat 'deep/er/a b$*.txt' deep/up
stat -c '%n %a' /var /var/tmp /var/tmp/new`}}},
	}}
	result, r, err := execute(t, withBase(t), job)
	if err != nil {
		t.Fatal(err)
	}
	want := "./deep 755 0 \n./deep/er 755 0 \n./deep/er/a b$*.txt 600 0 \n./deep/up 777 0 ../run\n./odd 777 0 deep\\\n./open 666 0 \n./run 755 0 \nword\nword\n" +
		"/var 755\n/var/tmp 1777\n/var/tmp/new 640\n"
	if diff := cmp.Diff(want, r.text(worker.StreamStdout)); diff != "" {
		t.Error(diff)
	}
	if result.SizeBytes == 0 {
		t.Errorf("result = %+v", result)
	}
}

// TestManyFiles is about the mounts of a sandbox, one for each content.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	image := &worker.Image{
		Containerfile: "FROM " + base + "\nADD [\"tree-1.tar\", \"/opt/x/\"]\n",
		Commands:      []worker.Command{{Name: "count", Argv: []string{"/bin/sh", "-c", "ls /opt/x | wc -l"}}},
	}
	var nodes []worker.Node
	for i := range 2000 {
		nodes = append(nodes, worker.Node{Path: strconv.Itoa(i), File: filepath.Join(dir, strconv.Itoa(i)), Mode: 0o644})
		if err := os.WriteFile(nodes[i].File, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	image.Trees = map[string][]worker.Node{"tree-1.tar": nodes}
	_, r, err := execute(t, withBase(t), worker.Job{Kind: worker.KindImage, Image: image})
	if err != nil || r.text(worker.StreamStdout) != "2000\n" {
		t.Errorf("%q, %v", r.text(worker.StreamStdout), err)
	}
}

func TestMounts(t *testing.T) {
	t.Parallel()
	job := worker.Job{Kind: worker.KindImage, Image: &worker.Image{
		Containerfile: "FROM " + base + "\nRUN cat /etc/pip.conf /etc/apt/apt.conf.d/50kiln && ! sh -c 'echo > /etc/pip.conf'\n",
		Mounts:        map[string]string{"/etc/pip.conf": "[global]\n", "/etc/apt/apt.conf.d/50kiln": "// kiln\n"},
		Commands:      []worker.Command{{Name: "gone", Argv: []string{"/bin/sh", "-c", "! test -e /etc/pip.conf && ! test -e /etc/apt/apt.conf.d/50kiln"}}},
	}}
	_, r, err := execute(t, withBase(t), job)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("[global]\n// kiln\n", r.text(worker.StreamStdout)); diff != "" {
		t.Error(diff)
	}
}

// sameImage is a job whose image is that of every other such job, to the byte.
func sameImage(commands ...worker.Command) worker.Job {
	return worker.Job{Kind: worker.KindImage, Image: &worker.Image{
		Containerfile: "FROM " + base + "\nENV SAME=yes\n", Epoch: epoch, Commands: commands,
	}}
}

// TestSameImage: the same recipe gives the same image, of which each of several jobs has a name of its own: none takes it from another.
func TestSameImage(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			for range 3 {
				if _, _, err := execute(t, e, sameImage(worker.Command{Name: "true", Argv: []string{"true"}})); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// TestSameImageEnds: a job that ends takes its own working containers away, and not that of another job with the same image.
func TestSameImageEnds(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	run := func(gates ...*gate) <-chan error {
		var commands []worker.Command
		for _, g := range gates {
			commands = append(commands, g.command())
		}
		job := sameImage(commands...)
		job.Network = worker.Network{Egress: worker.EgressRestricted}
		for _, g := range gates {
			job.Network.Allow = append(job.Network.Allow, worker.Allow{Prefix: netip.MustParsePrefix(worker.HostAddress + "/32"), Port: g.port})
		}
		done := make(chan error, 1)
		go func() {
			_, _, err := execute(t, e, job)
			done <- err
		}()
		return done
	}
	first, second, other := newGate(t), newGate(t), newGate(t)
	long := run(first, second)
	first.wait(t, long)
	short := run(other)
	other.wait(t, short) // the image has two names now, the newer one before
	first.open()
	second.wait(t, long)
	other.open()
	if err := <-short; err != nil {
		t.Error(err)
	}
	second.open()
	if err := <-long; err != nil {
		t.Error(err)
	}
}

func TestImageFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		image worker.Image
		want  worker.Failure
	}{
		"Step": {
			worker.Image{Containerfile: "FROM " + base + "\nRUN echo before && exit 9\n"},
			worker.Failure{Kind: worker.FailureStep, Step: "RUN echo before && exit 9", ExitCode: 9, Message: "exit code 9"},
		},
		"MiddleOfScript": {
			worker.Image{Containerfile: "FROM " + base + "\nCOPY --chmod=0755 <<'KILN' /s.sh\nset -e\necho one\nfalse\necho three\nKILN\nRUN [\"/bin/sh\", \"/s.sh\"]\n"},
			worker.Failure{Kind: worker.FailureStep, Step: `RUN ["/bin/sh", "/s.sh"]`, ExitCode: 1, Message: "exit code 1"},
		},
		"Command": {
			worker.Image{Containerfile: "FROM " + base + "\nRUN true\n", Tag: "localhost/kiln/never:1", Commands: []worker.Command{{Name: "test[0]", Argv: []string{"/bin/sh", "-c", "exit 5"}}}},
			worker.Failure{Kind: worker.FailureCommand, Step: "test[0]", ExitCode: 5, Message: "exit code 5"},
		},
		"SegmentationFault": { // of process 1 itself, so that no shell gives the code
			worker.Image{Containerfile: "FROM " + base + "\nRUN [\"perl\", \"-e\", \"unpack('p', pack('J', 1))\"]\n"},
			worker.Failure{Kind: worker.FailureStep, Step: `RUN ["perl", "-e", "unpack('p', pack('J', 1))"]`, ExitCode: 139, Message: "exit code 139"},
		},
		"KilledChild": {
			worker.Image{Containerfile: "FROM " + base + "\nENV A=b\n", Commands: []worker.Command{{Name: "kill", Argv: []string{"/bin/sh", "-ec", "sh -c 'kill -9 $$'; true"}}}},
			worker.Failure{Kind: worker.FailureCommand, Step: "kill", ExitCode: 137, Message: "exit code 137"},
		},
		"TargetIsDirectory": {
			worker.Image{Containerfile: "FROM " + base + "\nCOPY --chmod=0644 [\"sha256-1\", \"/opt\"]\n"},
			worker.Failure{Kind: worker.FailureTarget, Step: "/opt"},
		},
		"StepTimeout": {
			worker.Image{Containerfile: "FROM " + base + "\nRUN (trap '' TERM INT; sleep 300) & sleep 300\n", StepTimeout: 2 * time.Second},
			worker.Failure{Kind: worker.FailureTimeout, Step: "RUN (trap '' TERM INT; sleep 300) & sleep 300", Message: "the step took longer than its limit"},
		},
		"CommandTimeout": {
			worker.Image{Containerfile: "FROM " + base + "\nENV A=b\n", StepTimeout: 6 * time.Second, Commands: []worker.Command{{Name: "slow", Argv: []string{"sleep", "300"}}}},
			worker.Failure{Kind: worker.FailureTimeout, Step: "slow", Message: "the step took longer than its limit"},
		},
		"NoBase": {
			worker.Image{Containerfile: "FROM localhost/kiln/nothing:1\nRUN true\n"},
			worker.Failure{Kind: worker.FailureImage, Message: `image "localhost/kiln/nothing:1" is not in the store`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := withBase(t)
			_, r, err := execute(t, e, worker.Job{Kind: worker.KindImage, Image: &test.image})
			var failure *worker.Failure
			if !errors.As(err, &failure) {
				t.Fatalf("err = %v, want a failure", err)
			}
			if diff := cmp.Diff(test.want, *failure); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(r.text(worker.StreamStdout), "three") {
				t.Error("the script went on after a line that failed")
			}
			var missing *worker.Failure
			if test.image.Tag != "" {
				_, _, err := execute(t, e, worker.Job{ID: "look", Kind: worker.KindRun, Run: &worker.Run{Image: test.image.Tag, Command: worker.Command{Argv: []string{"true"}}}})
				if !errors.As(err, &missing) || missing.Kind != worker.FailureImage {
					t.Errorf("a failed build kept its image: %v", err)
				}
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	result, r, err := execute(t, e, shell("echo out; echo err >&2; exit 7"))
	if err != nil {
		t.Fatal(err)
	}
	if result.ExitCode != 7 {
		t.Errorf("exit code = %d, want 7", result.ExitCode)
	}
	if diff := cmp.Diff([]string{"out\n", "err\n"}, []string{r.text(worker.StreamStdout), r.text(worker.StreamStderr)}); diff != "" {
		t.Error(diff)
	}
}

// TestRunSignal lets the kernel end process 1 of a container: no shell is there to give an exit code.
func TestRunSignal(t *testing.T) {
	t.Parallel()
	job := shell("")
	job.Run.Command.Argv = []string{"perl", "-e", "unpack('p', pack('J', 1))"}
	result, _, err := execute(t, withBase(t), job)
	if err != nil || result.ExitCode != 128+int(syscall.SIGSEGV) {
		t.Errorf("exit code = %d, %v, want %d", result.ExitCode, err, 128+int(syscall.SIGSEGV))
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "probe")
	result, _, err := execute(t, e, worker.Job{Kind: worker.KindProbe})
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range result.Facts {
		if !fact.OK {
			t.Errorf("%s: %s", fact.Name, fact.Detail)
		}
	}
}

// TestAtOnce builds several images on one base in one store.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	e := withBase(t)
	var group errgroup.Group
	for i := range 6 {
		group.Go(func() error {
			// The same id for all: a caller's ids are no names in the store.
			_, err := e.Execute(t.Context(), worker.Job{ID: t.Name(), Kind: worker.KindImage, Image: &worker.Image{
				Containerfile: fmt.Sprintf("FROM %s\nRUN echo %d > /number\n", base, i),
				Tag:           fmt.Sprintf("localhost/kiln/at-once:%d", i),
				Commands:      []worker.Command{{Name: "number", Argv: []string{"grep", "-qx", strconv.Itoa(i), "/number"}}},
			}}, nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		job := shell("cat /number")
		job.Run.Image = fmt.Sprintf("localhost/kiln/at-once:%d", i)
		_, r, err := execute(t, e, job)
		if got := r.text(worker.StreamStdout); err != nil || got != strconv.Itoa(i)+"\n" {
			t.Errorf("image %d says %q, %v", i, got, err)
		}
	}
}
