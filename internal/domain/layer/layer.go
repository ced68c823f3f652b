// Package layer compares what two builds of one recipe have put into their layers, file by file, to say where an installer does not
// do the same thing twice. It reads nothing: whoever can open layers fills in the files.
package layer

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Kind says what a file is.
type Kind string

// The kinds of files.
const (
	KindFile      Kind = "file"
	KindDirectory Kind = "directory"
	KindLink      Kind = "symbolic link"
	KindHardLink  Kind = "hard link"
	KindOther     Kind = "special file"
	KindRemoved   Kind = "removed" // a lower layer has it, and the image has not
)

// File is what a layer says of one path, but for the path itself.
type File struct {
	Kind     Kind
	Mode     int64  // permissions
	Owner    string // uid:gid
	Size     int64  // bytes
	Link     string // where a link leads to
	Digest   string // of the content, in hexadecimal
	Modified time.Time
	Extended string // what else is recorded of it, in a canonical form
}

// Files are the files of one or more layers by their paths, which begin with a slash and end with none.
type Files map[string]File

// How layers say that a name of a layer below is gone, and that all of a directory is.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// Put adds an entry of a layer that stands above what is there already. What the entry takes away is taken away.
func (f Files) Put(name string, file File) {
	full := path.Clean("/" + name)
	dir, name := strings.TrimSuffix(path.Dir(full), "/"), path.Base(full)
	switch {
	case name == opaque:
		f.drop(dir)
		f[dir+"/*"] = File{Kind: KindRemoved}
	case strings.HasPrefix(name, whiteout):
		full = dir + "/" + strings.TrimPrefix(name, whiteout)
		f.drop(full)
		f[full] = File{Kind: KindRemoved}
	default:
		if f[full].Kind == KindDirectory && file.Kind != KindDirectory {
			f.drop(full)
		}
		f[full] = file
	}
}

// drop forgets what is below a directory.
func (f Files) drop(dir string) {
	maps.DeleteFunc(f, func(name string, _ File) bool { return strings.HasPrefix(name, dir+"/") })
}

// Difference is one path that two builds disagree about.
type Difference struct {
	Path string
	What string // what has changed, in words
}

// String names the path, and says what has changed.
func (d Difference) String() string { return d.Path + ": " + d.What }

// Compare finds where the files of two builds differ, in the order of their paths.
func Compare(before, now Files) []Difference {
	var found []Difference
	for name, old := range before {
		file, there := now[name]
		switch {
		case !there && old.Kind == KindRemoved:
			found = append(found, Difference{name, "it is not removed any more"})
		case !there:
			found = append(found, Difference{name, "it is not there any more"})
		default:
			if what := changes(old, file); what != "" {
				found = append(found, Difference{name, what})
			}
		}
	}
	for name, file := range now {
		if _, there := before[name]; there {
			continue
		}
		if file.Kind == KindRemoved {
			found = append(found, Difference{name, "it was there before"})
		} else {
			found = append(found, Difference{name, "it was not there before"})
		}
	}
	slices.SortFunc(found, func(a, b Difference) int { return cmp.Compare(a.Path, b.Path) })
	return found
}

func changes(old, now File) string {
	var what []string
	if old.Kind != now.Kind {
		return string(old.Kind) + " → " + string(now.Kind)
	}
	if old.Size != now.Size {
		what = append(what, fmt.Sprintf("size %d → %d", old.Size, now.Size))
	} else if old.Digest != now.Digest {
		what = append(what, "content")
	}
	if old.Mode != now.Mode {
		what = append(what, fmt.Sprintf("mode %04o → %04o", old.Mode, now.Mode))
	}
	if old.Owner != now.Owner {
		what = append(what, "owner "+old.Owner+" → "+now.Owner)
	}
	if old.Link != now.Link {
		what = append(what, "link to "+old.Link+" → "+now.Link)
	}
	if !old.Modified.Equal(now.Modified) {
		what = append(what, "time "+old.Modified.UTC().Format(time.RFC3339)+" → "+now.Modified.UTC().Format(time.RFC3339))
	}
	if old.Extended != now.Extended {
		what = append(what, "extended attributes")
	}
	return strings.Join(what, ", ")
}
