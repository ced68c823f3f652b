// Package file keeps the contents of files that recipes name, by their
// SHA-256. It knows nothing of recipes.
package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

var sum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// unfinished begins the names of contents that are still arriving.
const unfinished = "upload-"

// Store is a directory of contents.
type Store struct{ dir string }

// New makes a store over a directory that nobody else uses; it is made when it is not there. What an interrupted Save has left
// is removed.
func New(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make file store: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read file store: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), unfinished) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("remove leftover of file store: %w", err)
		}
	}
	return &Store{dir: dir}, nil
}

// Path is where a content is, when it is there.
func (s *Store) Path(sha256 string) string { return filepath.Join(s.dir, sha256) }

// Missing gives those of the sums whose content is not there.
func (s *Store) Missing(_ context.Context, sums []string) ([]string, error) {
	var missing []string
	for _, want := range sums {
		if !sum.MatchString(want) {
			return nil, invalid(want)
		}
		_, err := os.Stat(s.Path(want))
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, want)
		} else if err != nil {
			return nil, fmt.Errorf("look for file %s: %w", want, err)
		}
	}
	return missing, nil
}

// Size gives the size in bytes of a content that is there.
func (s *Store) Size(sum string) (int64, error) {
	info, err := os.Stat(s.Path(sum))
	if err != nil {
		return 0, fmt.Errorf("look at file %s: %w", sum, err)
	}
	return info.Size(), nil
}

// Save stores a content under its sum and gives its size in bytes. A content that has another sum, or is larger than
// recipe.MaxFileSize, is refused and leaves nothing.
func (s *Store) Save(_ context.Context, want string, content io.Reader) (size int64, err error) {
	if !sum.MatchString(want) {
		return 0, invalid(want)
	}
	temporary, err := os.CreateTemp(s.dir, unfinished+"*")
	if err != nil {
		return 0, fmt.Errorf("save file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, temporary.Close(), os.Remove(temporary.Name()))
		}
	}()
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(temporary, hash), io.LimitReader(content, recipe.MaxFileSize+1))
	if err != nil {
		return 0, fmt.Errorf("save file: %w", err)
	}
	if size > recipe.MaxFileSize {
		return 0, problem.Problem{
			Code: problem.FileTooLarge, Field: "files", Value: "more than " + strconv.Itoa(recipe.MaxFileSize) + " bytes",
			Limit: strconv.Itoa(recipe.MaxFileSize) + " bytes", Remedy: "Fetch it in a script, with a checksum.",
		}
	}
	if have := hex.EncodeToString(hash.Sum(nil)); have != want {
		return 0, problem.Problem{
			Code: problem.PlanStale, Field: "files", Value: have, Limit: want, Detail: "the content is not what was announced",
			Remedy: "The file has changed; plan again.",
		}
	}
	return size, s.keep(temporary, want)
}

// keep makes a written file durable under its name.
func (s *Store) keep(temporary *os.File, name string) error {
	if err := temporary.Sync(); err != nil {
		return fmt.Errorf("sync file: %w", err)
	}
	if err := os.Rename(temporary.Name(), s.Path(name)); err != nil {
		return fmt.Errorf("save file: %w", err)
	}
	if err := temporary.Close(); err != nil {
		return fmt.Errorf("save file: %w", err)
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return fmt.Errorf("sync file store: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func invalid(value string) problem.Problem {
	return problem.Problem{
		Code: problem.InvalidFile, Field: "files", Value: value, Limit: "a SHA-256 in lower-case hexadecimal digits",
		Remedy: "Send the sum of the content.",
	}
}
