package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"

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
			Code: problem.FileMissing, Field: field, Value: name, Limit: "a regular file or a directory",
			Detail: "there is no such file", Remedy: "Check the path; ${path.module} makes it relative to the module.",
		}
	case err != nil:
		return nil, unreadable(field, name, err)
	case !info.Mode().IsRegular():
		return nil, problem.Problem{
			Code: problem.InvalidFile, Field: field, Value: name, Limit: "a regular file or a directory",
			Remedy: "Sockets, pipes and devices cannot be put into an image.",
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

// content is what a file of the configuration stands for. The zero value is one that is not known yet.
type content struct {
	sum   string
	tree  []recipe.Node                            // of a directory
	parts map[string]func() (io.ReadCloser, error) // what to send, by its sum
}

// content reads a text, a file, or a directory.
func (f fileModel) content(ctx context.Context, i int) (content, error) {
	switch {
	case f.Source.IsUnknown() || f.Content.IsUnknown() || f.Ignore.IsUnknown():
		return content{}, nil
	case !f.Content.IsNull():
		text := f.Content.ValueString()
		sum := hashText(text)
		return content{sum: sum, parts: map[string]func() (io.ReadCloser, error){
			sum: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		}}, nil
	case f.Source.IsNull():
		return content{}, nil
	}
	at, name := field(i, "source"), f.Source.ValueString()
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return f.directory(ctx, i)
	}
	if !f.Ignore.IsNull() {
		return content{}, problem.Problem{
			Code: problem.ConflictingAttribute, Field: field(i, "ignore"), Value: "ignore", Limit: "the source of a directory",
			Remedy: "Remove ignore, or name a directory with source.",
		}
	}
	sum, err := hashFile(at, name)
	return content{sum: sum, parts: map[string]func() (io.ReadCloser, error){
		sum: func() (io.ReadCloser, error) { return openFile(at, name) },
	}}, err
}

func (f fileModel) directory(ctx context.Context, i int) (content, error) {
	var ignore []string
	for _, element := range f.Ignore.Elements() {
		text, ok := element.(types.String)
		if !ok || text.IsUnknown() {
			return content{}, nil
		}
		ignore = append(ignore, text.ValueString())
	}
	d, err := readDirectory(ctx, i, f.Source.ValueString(), ignore)
	if err != nil {
		return content{}, err
	}
	c := content{sum: recipe.TreeSum(d.nodes), tree: d.nodes, parts: map[string]func() (io.ReadCloser, error){}}
	for sum, name := range d.files {
		c.parts[sum] = func() (io.ReadCloser, error) { return openFile(field(i, "source"), name) }
	}
	return c, nil
}

// plan gives a file as it was read, with the default of what the configuration leaves open.
func (f fileModel) plan(configured fileModel, i int, c content) (fileModel, error) {
	f.SHA256, f.Entries = types.StringUnknown(), types.MapUnknown(types.StringType)
	switch {
	case c.sum == "":
		if configured.Mode.IsNull() {
			f.Mode = types.StringUnknown()
		}
		return f, nil
	case len(c.tree) > 0 && !configured.Mode.IsNull():
		return f, problem.Problem{
			Code: problem.ConflictingAttribute, Field: field(i, "mode"), Value: "mode", Limit: "the source of one file, or content",
			Detail: "each file of a directory has its own permissions", Remedy: "Remove mode, or change the permissions in the directory.",
		}
	case len(c.tree) > 0:
		f.Mode = types.StringNull()
	case configured.Mode.IsNull():
		f.Mode = types.StringValue(defaultMode)
	}
	f.SHA256, f.Entries = types.StringValue(c.sum), entriesOf(c.tree)
	return f, nil
}

// upload sends the contents that the daemon lacks. First it makes sure that each file is still what was planned: if one is
// not, that is PlanStale, and nothing is sent.
func upload(ctx context.Context, c *client.Client, files []fileModel) error {
	var stale problem.List
	parts := map[string]func() (io.ReadCloser, error){}
	for i, f := range files {
		planned := f.SHA256.ValueString()
		now, err := f.content(ctx, i)
		if err != nil {
			return err
		}
		if now.sum != "" && now.sum != planned {
			stale = append(stale, problem.Problem{
				Code: problem.PlanStale, Field: field(i, "source"), Value: "sha256 " + now.sum, Limit: "sha256 " + planned,
				Detail: "the content of the file has changed since the plan was made", Remedy: "Make a new plan and look at it.",
			})
		}
		maps.Copy(parts, now.parts)
	}
	if err := stale.Err(); err != nil || len(parts) == 0 {
		return err
	}
	missing, err := c.MissingFiles(ctx, slices.Sorted(maps.Keys(parts)))
	if err != nil {
		return fmt.Errorf("ask for missing files: %w", err)
	}
	for _, sum := range missing {
		open, ok := parts[sum]
		if !ok {
			continue // not one that was asked for
		}
		if err := send(ctx, c, sum, open); err != nil {
			return err
		}
	}
	return nil
}

func send(ctx context.Context, c *client.Client, sum string, open func() (io.ReadCloser, error)) error {
	file, err := open()
	if err != nil {
		return err
	}
	defer file.Close()
	if err := c.UploadFile(ctx, sum, file); err != nil {
		return fmt.Errorf("upload content %s: %w", sum, err)
	}
	return nil
}
