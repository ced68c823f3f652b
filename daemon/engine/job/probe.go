package job

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"go.podman.io/buildah"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
	"github.com/kilnhq/kiln/daemon/worker"
)

// probeExit is the exit status of the self-test's program: one that nothing returns by accident.
const probeExit = 42

// probe finds out whether containers can be run here, by running one.
func (r *runner) probe(ctx context.Context) (worker.Result, error) {
	facts := []worker.Fact{uidFact(), r.overlayFact()}
	container := worker.Fact{Name: "container", OK: true, Detail: "a container ran and returned its exit code"}
	if err := r.selfTest(ctx); err != nil {
		container.OK, container.Detail = false, err.Error()
	}
	return worker.Result{Facts: append(facts, container)}, nil
}

func uidFact() worker.Fact {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return worker.Fact{Name: "uid map", Detail: err.Error()}
	}
	return worker.Fact{Name: "uid map", OK: true, Detail: strings.Join(strings.Fields(string(text)), " ")}
}

// overlayFact says whether layers are mounted by the kernel itself.
func (r *runner) overlayFact() worker.Fact {
	fact := worker.Fact{Name: "native overlay"}
	status, err := r.store.Status()
	if err != nil {
		fact.Detail = err.Error()
		return fact
	}
	fact.OK = r.store.GraphDriverName() == "overlay"
	var details []string
	for _, pair := range status {
		details = append(details, pair[0]+"="+pair[1])
		if pair[0] == "overlay.mount_program" {
			fact.OK = false
		}
	}
	fact.Detail = strings.Join(details, ", ")
	return fact
}

// selfTest builds a container from nothing but a program of a few instructions and runs it.
func (r *runner) selfTest(ctx context.Context) error {
	program, err := exitProgram(runtime.GOARCH, probeExit)
	if err != nil {
		return err
	}
	path := filepath.Join(sandbox.TempDir, "probe")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		return err
	}
	builder, err := r.newContainer(ctx, "scratch")
	if err != nil {
		return err
	}
	defer func() { _ = builder.Delete() }()
	if err := builder.Add("/probe", false, buildah.AddAndCopyOptions{}, path); err != nil {
		return fmt.Errorf("copy into container: %w", err)
	}
	r.watch.begin("self-test", time.Minute)
	defer r.watch.end()
	var out bytes.Buffer
	err = builder.Run([]string{"/probe"}, buildah.RunOptions{
		Runtime: r.runtime, NamespaceOptions: namespaces(), Terminal: buildah.WithoutTerminal,
		Stdin: bytes.NewReader(nil), Stdout: io.Discard, Stderr: &out, SystemContext: r.context,
		Logger: r.report.logger(),
	})
	if code, ok := exitCode(err, ""); ok && code == probeExit {
		return nil
	}
	return fmt.Errorf("run container: %w: %s", err, strings.TrimSpace(out.String()))
}

// exitProgram is a static ELF executable that does nothing but exit with status.
func exitProgram(arch string, status byte) ([]byte, error) {
	var code []byte
	var machine uint16
	switch arch {
	case "amd64": // mov edi, status; mov eax, 60; syscall
		machine, code = 62, []byte{0xbf, status, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05}
	case "arm64": // mov x0, status; mov x8, 93; svc 0
		machine = 183
		code = binary.LittleEndian.AppendUint32(code, 0xd2800000|uint32(status)<<5)
		code = binary.LittleEndian.AppendUint32(code, 0xd2800000|93<<5|8)
		code = binary.LittleEndian.AppendUint32(code, 0xd4000001)
	default:
		return nil, fmt.Errorf("no self-test for %s", arch)
	}
	const base, headers = 0x400000, 64 + 56
	size := uint64(headers + len(code))
	var out bytes.Buffer
	for _, field := range []any{
		[16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1},
		uint16(2), machine, uint32(1), uint64(base + headers), uint64(64), uint64(0), uint32(0),
		uint16(64), uint16(56), uint16(1), uint16(0), uint16(0), uint16(0),
		uint32(1), uint32(5), uint64(0), uint64(base), uint64(base), size, size, uint64(0x1000),
	} {
		if err := binary.Write(&out, binary.LittleEndian, field); err != nil {
			return nil, err
		}
	}
	return append(out.Bytes(), code...), nil
}
