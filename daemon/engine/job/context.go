package job

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kilnhq/kiln/daemon/worker"
)

// fill puts files and archives into the build context, and nothing outside of it.
func (b *build) fill(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for name, source := range b.spec.Files {
		if err := put(root, name, func(w io.Writer) error { return copyTo(w, source) }); err != nil {
			return err
		}
	}
	for name, nodes := range b.spec.Trees {
		if err := put(root, name, func(w io.Writer) error { return archive(w, nodes) }); err != nil {
			return err
		}
	}
	return nil
}

// put makes one file of the build context.
func put(root *os.Root, name string, write func(io.Writer) error) error {
	err := root.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		var out *os.File
		if out, err = root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err == nil {
			err = errors.Join(write(out), out.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("put %q into the build context: %w", name, err)
	}
	return nil
}

func copyTo(w io.Writer, source string) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, err = io.Copy(w, in)
	return err
}

// archive writes files and links, owned by root and without times, in their order. Directories have no entries.
func archive(w io.Writer, nodes []worker.Node) error {
	out := tar.NewWriter(w)
	for _, n := range nodes {
		header := tar.Header{Typeflag: tar.TypeSymlink, Name: n.Path, Linkname: n.Link, Mode: 0o777}
		if n.Link == "" {
			info, err := os.Stat(n.File)
			if err != nil {
				return err
			}
			header = tar.Header{Typeflag: tar.TypeReg, Name: n.Path, Mode: int64(n.Mode), Size: info.Size()}
		}
		if err := out.WriteHeader(&header); err != nil {
			return err
		}
		if n.Link == "" {
			if err := copyTo(out, n.File); err != nil {
				return err
			}
		}
	}
	return out.Close()
}
