package layout

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"go.podman.io/image/v5/pkg/compression"
)

// counter counts what is read, and ends with errLarge when it is more than max bytes.
type counter struct {
	from io.Reader
	max  int64
	read int64
}

var errLarge = errors.New("it is larger than it may be")

// Read implements io.Reader.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	if c.read += int64(n); c.read > c.max {
		return 0, errLarge
	}
	return n, err
}

// decompress gives what is in a layer, which must be compressed as its media type says.
func decompress(from io.Reader, mediaType string) (io.ReadCloser, error) {
	want, ok := named(mediaType)
	if !ok {
		return nil, bad("its media type is %.100q", mediaType)
	}
	algorithm, open, stream, err := compression.DetectCompressionFormat(from)
	if err != nil {
		return nil, refusal(err)
	}
	if algorithm.Name() != want {
		return nil, bad("it is compressed with %q, and its media type is %q", algorithm.Name(), mediaType)
	}
	if open == nil {
		return io.NopCloser(stream), nil
	}
	unpacked, err := open(stream)
	if err != nil {
		return nil, refusal(err)
	}
	return unpacked, nil
}

// refusal says what reading has ended with: all but the limit is the content's own fault, as it lies on this machine already.
func refusal(err error) error {
	if errors.Is(err, errLarge) {
		return Refusal{TooLarge, errLarge.Error()}
	}
	return bad("it cannot be read: %v", err)
}

// budget is what is left of what an image may have.
type budget struct {
	bytes   int64
	entries int
}

// archive reads a layer's archive to its end, and gives the size of its files: a sparse one is larger than what the archive has of it.
func (b *budget) archive(from io.Reader) (size int64, err error) {
	archive := tar.NewReader(from)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // judged below, with words
			return size, refusal(err)
		}
		if b.entries--; b.entries < 0 {
			return size, bad("the image has more than %d files", maxEntries)
		}
		if err := checkEntry(h); err != nil {
			return size, err
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse {
			continue
		}
		if h.Size > b.bytes-size {
			return size, refusal(errLarge)
		}
		size += h.Size
	}
}

// checkEntry refuses what would lie, or lead, outside of the image, and what is no file.
func checkEntry(h *tar.Header) error {
	name := fmt.Sprintf("%.200q", h.Name)
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeGNUSparse:
	case tar.TypeXGlobalHeader:
		return nil
	case tar.TypeChar, tar.TypeBlock:
		return bad("%s is a device", name)
	default:
		return bad("%s is of the unknown kind %q", name, string(h.Typeflag))
	}
	if !inside(h.Name) {
		return bad("%s is not inside of the image", name)
	}
	if h.Typeflag == tar.TypeLink && !inside(h.Linkname) {
		return bad("%s is another name of %.200q, which is not inside of the image", name, h.Linkname)
	}
	if len(h.Name) > maxPath || len(h.Linkname) > maxPath || strings.Count(h.Name, "/") > maxDepth {
		return bad("the path %s is too long, or too deep", name)
	}
	if path.Clean(h.Name) == "." && h.Typeflag != tar.TypeDir {
		return bad("the root of the image is no directory")
	}
	return nil
}

// inside says whether a path stays below the directory that it is taken from. A slash in front means that directory.
func inside(name string) bool {
	if name == "" || strings.ContainsRune(name, 0) {
		return false
	}
	depth := 0
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			return false
		default:
			depth++
		}
	}
	return depth > 0 || strings.Trim(name, "./") == ""
}
