package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// MinIDs is how many subordinate ids a user needs: container ids 0 to 65534, since distributions use 65534.
const MinIDs = 65535

// RangeSize is how many subordinate ids are used at most, and how many a user who has none should get.
const RangeSize = 65536

// firstSubID is where distributions begin to give out subordinate ids.
const firstSubID = 100000

// ErrNoRange says that a user has no subordinate ids, or too few.
var ErrNoRange = errors.New("no usable range of subordinate ids")

// Range is the ids that the sandboxes of a user consist of: the user's own become 0, the subordinate ones 1 and up.
type Range struct {
	UID, GID         int // the user's own
	FirstUID, NumUID int
	FirstGID, NumGID int
}

// CurrentRange looks up the range of the user that runs this process in /etc/subuid and /etc/subgid.
func CurrentRange() (Range, error) {
	r := Range{UID: os.Geteuid(), GID: os.Getegid()}
	name := strconv.Itoa(r.UID)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	for _, source := range []struct {
		path       string
		first, num *int
	}{{"/etc/subuid", &r.FirstUID, &r.NumUID}, {"/etc/subgid", &r.FirstGID, &r.NumGID}} {
		text, err := os.ReadFile(source.path)
		if err != nil {
			return Range{}, fmt.Errorf("read subordinate ids: %w", err)
		}
		first, num, ok := ParseSubID(string(text), name, r.UID)
		if !ok {
			return Range{}, fmt.Errorf("%w: %s gives user %s fewer than %d in one piece", ErrNoRange, source.path, name, MinIDs)
		}
		*source.first, *source.num = first, num
	}
	return r, nil
}

// ParseSubID finds, in the text of a /etc/subuid or /etc/subgid file, the first range of at least MinIDs ids of
// the user with that name or uid.
func ParseSubID(text, name string, uid int) (first, num int, ok bool) {
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 || (fields[0] != name && fields[0] != strconv.Itoa(uid)) {
			continue
		}
		first, err1 := strconv.Atoi(fields[1])
		num, err2 := strconv.Atoi(fields[2])
		if err1 == nil && err2 == nil && first > 0 && num >= MinIDs {
			return first, min(num, RangeSize), true
		}
	}
	return 0, 0, false
}

// FreeSubID is the first id above every range that the text of a /etc/subuid or /etc/subgid file gives out, and at least
// firstSubID.
func FreeSubID(text string) int {
	free := firstSubID
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 {
			continue
		}
		first, err1 := strconv.Atoi(fields[1])
		num, err2 := strconv.Atoi(fields[2])
		if err1 == nil && err2 == nil {
			free = max(free, first+num)
		}
	}
	return free
}

// UIDMap is the mapping of user ids in a sandbox.
func (r Range) UIDMap() []specs.LinuxIDMapping { return idMap(r.UID, r.FirstUID, r.NumUID) }

// GIDMap is the mapping of group ids in a sandbox.
func (r Range) GIDMap() []specs.LinuxIDMapping { return idMap(r.GID, r.FirstGID, r.NumGID) }

func idMap(own, first, num int) []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{
		{ContainerID: 0, HostID: uint32(own), Size: 1},
		{ContainerID: 1, HostID: uint32(first), Size: uint32(num)},
	}
}

// verify makes sure that a process really has the mapping: the unshare package falls back to a single id, with
// nothing but a log line, when newuidmap or newgidmap fails.
func (r Range) verify(pid int) error {
	for file, want := range map[string][]specs.LinuxIDMapping{"uid_map": r.UIDMap(), "gid_map": r.GIDMap()} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			return fmt.Errorf("verify id mapping: %w", err)
		}
		if !sameMap(string(text), want) {
			return fmt.Errorf("verify id mapping: %s is %q: newuidmap or newgidmap was refused (setuid bit, or the range in /etc/sub*id)",
				file, strings.Join(strings.Fields(string(text)), " "))
		}
	}
	return nil
}

func sameMap(text string, want []specs.LinuxIDMapping) bool {
	fields := strings.Fields(text)
	if len(fields) != 3*len(want) {
		return false
	}
	for i, m := range want {
		got := fields[3*i : 3*i+3]
		if got[0] != fmt.Sprint(m.ContainerID) || got[1] != fmt.Sprint(m.HostID) || got[2] != fmt.Sprint(m.Size) {
			return false
		}
	}
	return true
}
