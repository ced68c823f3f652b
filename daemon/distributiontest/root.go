package distributiontest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
)

// Entry is something in a layer.
type Entry struct {
	tar.Header

	Content string
}

// Pack makes a layer of entries, in their order.
func Pack(tb testing.TB, entries ...Entry) Blob {
	tb.Helper()
	var plain, packed bytes.Buffer
	archive, compressed := tar.NewWriter(&plain), gzip.NewWriter(&packed)
	for _, e := range entries {
		e.Size = int64(len(e.Content))
		if e.Typeflag == 0 {
			e.Typeflag = tar.TypeReg
		}
		if e.Mode == 0 {
			e.Mode = 0o755
		}
		err := archive.WriteHeader(&e.Header)
		if err == nil {
			_, err = archive.Write([]byte(e.Content))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	err := archive.Close()
	if err == nil {
		_, err = compressed.Write(plain.Bytes())
	}
	if err == nil {
		err = compressed.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return Blob{Content: packed.Bytes(), DiffID: digest(plain.Bytes())}
}

// File is a regular file of a layer.
func File(path, content string) Entry { return Entry{Header: tar.Header{Name: path}, Content: content} }

var library = regexp.MustCompile(`(/\S+) \(0x`)

// Programs gives the files of programs of this machine, with the libraries that they are linked with.
func Programs(tb testing.TB, paths ...string) (entries []Entry) {
	tb.Helper()
	files := map[string]bool{}
	for _, path := range paths {
		files[path] = true
		linked, err := exec.CommandContext(tb.Context(), "ldd", path).Output()
		if err != nil {
			tb.Fatalf("ldd %s: %v", path, err)
		}
		for _, found := range library.FindAllStringSubmatch(string(linked), -1) {
			files[found[1]] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		content, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		entries = append(entries, File(path[1:], string(content)))
	}
	return entries
}
