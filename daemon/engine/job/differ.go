package job

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.podman.io/storage"
	storagearchive "go.podman.io/storage/pkg/archive"

	"github.com/kilnhq/kiln/internal/domain/layer"
)

const (
	maxDiffering = 20      // how many files the log names
	maxCompared  = 500_000 // how many files of an image are kept in memory
)

var errTooMany = errors.New("too many files to compare")

// differ says in which files the result differs from what the same recipe has given before. It explains, and so fails nothing.
func (b *build) differ(ctx context.Context, id string) {
	before := b.spec.Previous
	if before == "" || before == id {
		return
	}
	if !b.store.Exists(before) {
		b.report.remark("the recipe was baked before, to an image that is not in the store any more: what differs cannot be told")
		return
	}
	found, err := b.differences(ctx, before, id)
	if err != nil {
		b.report.remark("what differs from the image that the recipe was baked to before cannot be told: %v", err)
		return
	}
	if len(found) == 0 {
		b.report.remark("the recipe was baked before, to an image with the same files and another configuration")
		return
	}
	b.report.remark("the recipe was baked before, and its steps have not done the same again; files that differ: %d", len(found))
	for i, d := range found {
		if i == maxDiffering {
			b.report.remark("  and %d more", len(found)-i)
			break
		}
		b.report.remark("  %s", d)
	}
}

// differences compares the layers that two images do not share.
func (b *build) differences(ctx context.Context, before, now string) ([]layer.Difference, error) {
	old, err := b.layers(before)
	if err != nil {
		return nil, err
	}
	fresh, err := b.layers(now)
	if err != nil {
		return nil, err
	}
	for len(old) > 0 && len(fresh) > 0 && old[0].UncompressedDigest != "" && old[0].UncompressedDigest == fresh[0].UncompressedDigest {
		old, fresh = old[1:], fresh[1:]
	}
	had, err := b.files(ctx, old)
	if err != nil {
		return nil, err
	}
	has, err := b.files(ctx, fresh)
	if err != nil {
		return nil, err
	}
	return layer.Compare(had, has), nil
}

// layers gives an image's layers, the lowest first.
func (b *build) layers(id string) (list []*storage.Layer, err error) {
	image, err := b.store.Image(id)
	if err != nil {
		return nil, fmt.Errorf("look image up: %w", err)
	}
	for at := image.TopLayer; at != ""; {
		l, err := b.store.Layer(at)
		if err != nil {
			return nil, fmt.Errorf("look layer up: %w", err)
		}
		list = append(list, l)
		at = l.Parent
	}
	slices.Reverse(list)
	return list, nil
}

// files reads what layers have, the lowest first.
func (b *build) files(ctx context.Context, layers []*storage.Layer) (layer.Files, error) {
	files := layer.Files{}
	for _, l := range layers {
		uncompressed := storagearchive.Uncompressed
		content, err := b.store.Diff("", l.ID, &storage.DiffOptions{Compression: &uncompressed})
		if err != nil {
			return nil, fmt.Errorf("open layer: %w", err)
		}
		if err := errors.Join(readLayer(ctx, content, files), content.Close()); err != nil {
			return nil, fmt.Errorf("read layer: %w", err)
		}
	}
	return files, nil
}

// readLayer adds the entries of a layer to files.
func readLayer(ctx context.Context, content io.Reader, files layer.Files) error {
	in := tar.NewReader(content)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, in); err != nil {
			return err
		}
		file := layer.File{
			Kind: kindOf(header.Typeflag), Mode: header.Mode & 0o7777, Owner: fmt.Sprintf("%d:%d", header.Uid, header.Gid), Size: header.Size,
			Link: header.Linkname, Modified: header.ModTime, Extended: extended(header.PAXRecords),
		}
		if header.Typeflag == tar.TypeReg {
			file.Digest = hex.EncodeToString(sum.Sum(nil))
		}
		if files.Put(header.Name, file); len(files) > maxCompared {
			return errTooMany
		}
	}
}

func kindOf(flag byte) layer.Kind {
	switch flag {
	case tar.TypeReg:
		return layer.KindFile
	case tar.TypeDir:
		return layer.KindDirectory
	case tar.TypeSymlink:
		return layer.KindLink
	case tar.TypeLink:
		return layer.KindHardLink
	}
	return layer.KindOther
}

// extended gives the extended attributes among a header's records; the others repeat what the header says.
func extended(records map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(records)) {
		if strings.HasPrefix(name, "SCHILY.xattr.") {
			list = append(list, name+"="+records[name])
		}
	}
	return strings.Join(list, "\n")
}
