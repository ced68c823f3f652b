package inventory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxLinks is how many symbolic links a path may go through.
const maxLinks = 40

var errLinks = errors.New("too many symbolic links")

// tree reads a root file system that nobody trusts: no path leads out of it, and only regular files are opened. A symbolic
// link is followed as a process in a container would follow it.
type tree struct{ root *os.Root }

// resolve gives the path, relative to the root, that a path in the image leads to in the end.
func (t tree) resolve(name string) (string, error) {
	rest := strings.Split(strings.Trim(name, "/"), "/")
	at := "."
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		info, err := t.root.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("follow %q: %w", name, errLinks)
		}
		target, err := t.root.Readlink(next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			at = "."
		}
		rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
	}
	return at, nil
}

// dir lists a directory by name; nothing when it is not there.
func (t tree) dir(name string) []fs.DirEntry {
	at, err := t.resolve(name)
	if err != nil {
		return nil
	}
	info, err := t.root.Lstat(at)
	if err != nil || !info.IsDir() {
		return nil
	}
	entries, err := fs.ReadDir(t.root.FS(), at)
	if err != nil {
		return nil
	}
	return entries
}

// open opens a regular file.
func (t tree) open(name string) (*os.File, error) {
	at, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := t.root.Lstat(at)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %q: not a regular file", name)
	}
	return t.root.Open(at)
}

// text reads a regular file of at most limit bytes.
func (t tree) text(name string, limit int64) (text string, err error) {
	f, err := t.open(name)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("read %q: longer than %d bytes", name, limit)
	}
	return string(content), err
}
