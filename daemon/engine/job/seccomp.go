package job

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"go.podman.io/common/pkg/seccomp"
	"golang.org/x/sys/unix"

	"github.com/kilnhq/kiln/daemon/engine/sandbox"
)

const seccompPath = sandbox.ConfigDir + "/seccomp.json"

// refusedCalls are let through by the profile of the container projects, and by Kiln's not: no package
// installation needs them, and each has been a way out of a container.
var refusedCalls = []string{
	"keyctl", "add_key", "request_key",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	"userfaultfd", "bpf", "perf_event_open",
	"unshare", "setns", "clone3",
	"mount", "umount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
	"process_vm_readv", "process_vm_writev", "kcmp",
}

// writeSeccomp writes Kiln's own profile: the projects' default without refusedCalls, and without new user
// namespaces, in which a process would have every capability. clone3 hides its flags from a filter; the C
// libraries fall back to clone when it is not there.
func writeSeccomp() error {
	profile := seccomp.DefaultProfile()
	kept := profile.Syscalls[:0]
	for _, call := range profile.Syscalls {
		if call.Action == seccomp.ActAllow {
			call.Names = slices.DeleteFunc(slices.Clone(call.Names), func(name string) bool {
				return name == "clone" || slices.Contains(refusedCalls, name)
			})
		}
		if len(call.Names) > 0 {
			kept = append(kept, call)
		}
	}
	profile.Syscalls = append(kept, &seccomp.Syscall{
		Names: []string{"clone"}, Action: seccomp.ActAllow,
		Args: []*seccomp.Arg{{Index: 0, Value: unix.CLONE_NEWUSER, ValueTwo: 0, Op: seccomp.OpMaskedEqual}},
	})
	text, err := json.Marshal(profile)
	if err != nil {
		return fmt.Errorf("encode seccomp profile: %w", err)
	}
	return os.WriteFile(seccompPath, text, 0o600)
}
