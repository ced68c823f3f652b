package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

func TestUpload(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"empty": 0, "one byte": 1, "one message": 256 << 10, "several messages": 3<<20 + 7} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			content := bytes.Repeat([]byte{7}, size)
			sum := sumOf(content)
			if missing, err := b.MissingFiles(t.Context(), []string{sum}); err != nil || len(missing) != 1 {
				t.Fatalf("missing %v, %v", missing, err)
			}
			if err := b.UploadFile(t.Context(), sum, iotest.OneByteReader(bytes.NewReader(content))); err != nil {
				t.Fatal(err)
			}
			if missing, err := b.MissingFiles(t.Context(), []string{sum}); err != nil || len(missing) != 0 {
				t.Errorf("missing %v, %v", missing, err)
			}
		})
	}
}

func TestUploadOfAWrongHash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wrong := sumOf([]byte("other"))
	err := b.UploadFile(t.Context(), wrong, bytes.NewReader(make([]byte, 3<<20)))
	if !problem.Has(err, problem.DigestMismatch) {
		t.Errorf("got %v", err)
	}
	if len(b.file.kept) != 0 {
		t.Error("it was kept")
	}
}

// A client that is refused at once still sends; the refusal must reach it all the same.
func TestUploadRefusedEarly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.file.err = problem.Problem{Code: problem.InsufficientStorage, Remedy: "Make room."}
	for range 5 {
		err := b.UploadFile(t.Context(), "0", bytes.NewReader(make([]byte, 16<<20)))
		if !problem.Has(err, problem.InsufficientStorage) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestUploadOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := errors.New("the disk is broken")
	content := []byte("begin")
	err := b.UploadFile(t.Context(), sumOf(content), io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if missing, err := b.MissingFiles(t.Context(), []string{sumOf(content)}); err != nil || len(missing) != 1 {
		t.Errorf("half a content was kept: missing %v, %v", missing, err)
	}
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
