package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kilnhq/kiln/internal/client"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

// hashFile gives the SHA-256 of a regular file, in hexadecimal digits. Field is blamed in problems.
func hashFile(field, name string) (string, error) {
	file, err := openFile(field, name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(file, recipe.MaxFileSize+1))
	if err != nil {
		return "", unreadable(field, name, err)
	}
	if n > recipe.MaxFileSize {
		return "", tooLarge(field, name, n)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// openFile opens a regular file that is not too large. What is not regular is not even opened: a FIFO would block.
func openFile(field, name string) (io.ReadCloser, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem.Problem{
			Code: problem.FileMissing, Field: field, Value: name, Detail: "there is no such file",
			Remedy: "Check the path; ${path.module} makes it relative to the module.",
		}
	case err != nil:
		return nil, unreadable(field, name, err)
	case !info.Mode().IsRegular():
		return nil, problem.Problem{
			Code: problem.InvalidFile, Field: field, Value: name, Limit: "a regular file",
			Remedy: "List the files of a directory one by one, for example with fileset.",
		}
	case info.Size() > recipe.MaxFileSize:
		return nil, tooLarge(field, name, info.Size())
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(field, name, err)
	}
	return file, nil
}

func unreadable(field, name string, err error) error {
	return problem.Problem{
		Code: problem.InvalidFile, Field: field, Value: name, Limit: "a readable file", Detail: err.Error(),
		Remedy: "Check the permissions of the file and its directories.",
	}
}

func tooLarge(field, name string, size int64) error {
	return problem.Problem{
		Code: problem.FileTooLarge, Field: field, Value: fmt.Sprintf("%s: %d bytes", name, size),
		Limit: fmt.Sprintf("%d bytes", int64(recipe.MaxFileSize)), Remedy: "Split the file, or fetch it in a script.",
	}
}

func hashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// field names an attribute of a file of the configuration.
func field(i int, attribute string) string { return "files[" + strconv.Itoa(i) + "]." + attribute }

// hash gives the SHA-256 of a file of the configuration; empty while its content is not known.
func (f fileModel) hash(i int) (string, error) {
	switch {
	case f.Source.IsUnknown() || f.Content.IsUnknown():
		return "", nil
	case !f.Content.IsNull():
		return hashText(f.Content.ValueString()), nil
	case !f.Source.IsNull():
		return hashFile(field(i, "source"), f.Source.ValueString())
	}
	return "", nil
}

// upload sends the contents that the daemon lacks. First it makes sure that each file is still what was planned: if one is
// not, that is PlanStale, and nothing is sent.
func upload(ctx context.Context, c *client.Client, files []fileModel) error {
	var stale problem.List
	hashes := make([]string, 0, len(files))
	for i, f := range files {
		planned := f.SHA256.ValueString()
		now, err := f.hash(i)
		if err != nil {
			return err
		}
		if now != "" && now != planned {
			stale = append(stale, problem.Problem{
				Code: problem.PlanStale, Field: field(i, "source"), Value: "sha256 " + now, Limit: "sha256 " + planned,
				Detail: "the content of the file has changed since the plan was made", Remedy: "Make a new plan and look at it.",
			})
		}
		if now != "" && !slices.Contains(hashes, planned) {
			hashes = append(hashes, planned)
		}
	}
	if err := stale.Err(); err != nil || len(hashes) == 0 {
		return err
	}
	missing, err := c.MissingFiles(ctx, hashes)
	if err != nil {
		return fmt.Errorf("ask for missing files: %w", err)
	}
	for i, f := range files {
		at := slices.Index(missing, f.SHA256.ValueString())
		if at < 0 {
			continue
		}
		missing = slices.Delete(missing, at, at+1)
		if err := send(ctx, c, f, i); err != nil {
			return err
		}
	}
	return nil
}

func send(ctx context.Context, c *client.Client, f fileModel, i int) error {
	if !f.Content.IsNull() {
		return c.UploadFile(ctx, f.SHA256.ValueString(), strings.NewReader(f.Content.ValueString()))
	}
	file, err := openFile(field(i, "source"), f.Source.ValueString())
	if err != nil {
		return err
	}
	defer file.Close()
	if err := c.UploadFile(ctx, f.SHA256.ValueString(), file); err != nil {
		return fmt.Errorf("upload %s: %w", f.Source.ValueString(), err)
	}
	return nil
}
