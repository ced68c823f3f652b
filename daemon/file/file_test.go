package file_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/daemon/file"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return hex.EncodeToString(s[:])
}

func open(t *testing.T, dir string) *file.Store {
	t.Helper()
	s, err := file.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// names lists what is in a directory.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestSave(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "file")
	s := open(t, dir)
	for _, content := range []string{"", "分词\n", strings.Repeat("x", 1<<20)} {
		for range 2 { // the second time, it is there already
			size, err := s.Save(t.Context(), sum(content), iotest.HalfReader(strings.NewReader(content)))
			if err != nil || size != int64(len(content)) {
				t.Errorf("size = %d, %v, want %d", size, err, len(content))
			}
		}
		have, err := os.ReadFile(s.Path(sum(content)))
		if err != nil || string(have) != content {
			t.Errorf("%d bytes of %d, %v", len(have), len(content), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v", info, err)
	}
	if n := len(names(t, dir)); n != 3 {
		t.Errorf("%d files, want 3", n)
	}
}

func TestSaveRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, sum string
		content   io.Reader
		code      problem.Code
	}{
		{"another content", sum("a"), strings.NewReader("b"), problem.PlanStale},
		{"half of it", sum("ab"), strings.NewReader("a"), problem.PlanStale},
		{"no sum", "", strings.NewReader("a"), problem.InvalidFile},
		{"upper case", strings.ToUpper(sum("a")), strings.NewReader("a"), problem.InvalidFile},
		{"a path", "../../../../etc/passwd", strings.NewReader("a"), problem.InvalidFile},
		{"a path of the right length", strings.Repeat("../", 21) + "x", strings.NewReader("a"), problem.InvalidFile},
		{"too large", sum("a"), io.LimitReader(zeros{}, recipe.MaxFileSize+1), problem.FileTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := open(t, dir)
			if _, err := s.Save(t.Context(), test.sum, test.content); !problem.Has(err, test.code) {
				t.Errorf("got %v, want %s", err, test.code)
			}
			if left := names(t, dir); len(left) != 0 {
				t.Errorf("it leaves %v", left)
			}
		})
	}
}

func TestSaveBroken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	broken := errors.New("the client has gone")
	if _, err := s.Save(t.Context(), sum("ab"), io.MultiReader(strings.NewReader("a"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("it leaves %v", left)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestMissing(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if _, err := s.Save(t.Context(), sum("a"), strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	got, err := s.Missing(t.Context(), []string{sum("b"), sum("a"), sum("c")})
	if diff := cmp.Diff([]string{sum("b"), sum("c")}, got); diff != "" || err != nil {
		t.Errorf("%v, %s", err, diff)
	}
	if got, err := s.Missing(t.Context(), nil); len(got) != 0 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := s.Missing(t.Context(), []string{sum("a"), "../a"}); !problem.Has(err, problem.InvalidFile) {
		t.Errorf("got %v, want InvalidFile", err)
	}
}

func TestSaveTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := s.Save(t.Context(), sum("a"), strings.NewReader("a")); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if diff := cmp.Diff([]string{sum("a")}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// TestLeftovers checks that what a killed daemon was receiving goes, and what it had received stays.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"upload-123", sum("a")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("a"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	if diff := cmp.Diff([]string{sum("a")}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if missing, err := s.Missing(t.Context(), []string{sum("a")}); len(missing) != 0 || err != nil {
		t.Errorf("missing = %v, %v", missing, err)
	}
	if _, err := file.New(filepath.Join(dir, sum("a"))); err == nil {
		t.Error("a file is taken for a directory")
	}
}
