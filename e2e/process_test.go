//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// proc is a process of the machine, which a later one with the same number is not.
type proc struct {
	pid, parent int
	begun       string // in clock ticks since the machine was started
	name        string
}

// procs lists the processes of the machine that are alive.
func procs() []proc {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	var list []proc
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// The kernel's name for it is in parentheses and may have any character in it.
		left, right := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
		fields := strings.Fields(string(text[right+1:]))
		pid, err1 := strconv.Atoi(string(bytes.TrimSpace(text[:left])))
		parent, err2 := strconv.Atoi(fields[1])
		if err := errors.Join(err1, err2); err != nil || fields[0] == "Z" {
			continue // it is dead, and its parent has not noticed
		}
		list = append(list, proc{pid, parent, fields[19], calls(pid)})
	}
	return list
}

// calls is what a process calls itself: the base of its first argument.
func calls(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), "\x00")
	return filepath.Base(first)
}

// below adds to some processes all that descend from them.
func below(roots []proc) []proc {
	list := slices.Clone(roots)
	all := procs()
	for i := 0; i < len(list); i++ {
		for _, p := range all {
			if p.parent == list[i].pid && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// workers finds the processes that were started for a job: the worker, its way out, and what runs in the container.
func workers(job string) []proc {
	return below(slices.DeleteFunc(procs(), func(p proc) bool {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		return err != nil || !slices.Contains(strings.Split(string(env), "\x00"), "KILN_JOB="+job)
	}))
}

// named finds the one process of a name.
func named(t *testing.T, list []proc, name string) proc {
	t.Helper()
	found := slices.DeleteFunc(slices.Clone(list), func(p proc) bool { return p.name != name })
	if len(found) != 1 {
		t.Fatalf("%d processes %s in %v", len(found), name, list)
	}
	return found[0]
}

// gone waits until none of the processes is left.
func gone(t *testing.T, list []proc) {
	t.Helper()
	eventually(t, fmt.Sprintf("the end of %v", list), func() bool {
		alive := procs()
		return !slices.ContainsFunc(list, func(p proc) bool {
			return slices.ContainsFunc(alive, func(a proc) bool { return a.pid == p.pid && a.begun == p.begun })
		})
	})
}

// leftovers says what a stopped daemon has left behind: working containers, images without a name of their own, files.
func (d *kilnd) leftovers() error {
	var errs []error
	for _, p := range procs() {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		if err == nil && bytes.Contains(env, []byte("KILN_JOB=")) && bytes.Contains(env, []byte(d.dir+"/")) {
			errs = append(errs, fmt.Errorf("process %v is left", p))
		}
	}
	storage := filepath.Join(d.dir, "data", "storage")
	for _, name := range []string{"overlay-containers/containers.json", "overlay-containers/volatile-containers.json"} {
		text, err := os.ReadFile(filepath.Join(storage, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		if len(bytes.Trim(text, "[]\n ")) > 0 {
			errs = append(errs, fmt.Errorf("working containers are left: %s", text))
		}
	}
	var images []struct{ Names []string }
	text, err := os.ReadFile(filepath.Join(storage, "overlay-images/images.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = nil // nothing was ever made
	case err == nil:
		err = json.Unmarshal(text, &images)
	}
	for _, i := range images {
		if len(i.Names) == 0 || slices.ContainsFunc(i.Names, func(name string) bool { return strings.Contains(name, "/kiln-tmp/") }) {
			errs = append(errs, fmt.Errorf("an image is left: %q", i.Names))
		}
	}
	temporary, failure := os.ReadDir(filepath.Join(d.dir, "data", "tmp"))
	if len(temporary) > 0 {
		errs = append(errs, fmt.Errorf("temporary directories are left: %v", temporary))
	}
	return errors.Join(append(errs, err, failure)...)
}

// ownStorage lists the container storage of the user who runs the tests, which is none of Kiln's business.
func ownStorage() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	var list strings.Builder
	for _, place := range []string{".local/share/containers", ".config/containers", ".local/share/kiln", ".local/state/kiln"} {
		err := filepath.WalkDir(filepath.Join(home, place), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				fmt.Fprintf(&list, "%s %s %d %s\n", path, info.Mode(), info.Size(), info.ModTime())
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return "", err
		}
	}
	return list.String(), nil
}
