package image

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/patternmatcher"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/recipe"
)

// ignoreFile names, at the top of a directory, what of it is left out.
const ignoreFile = ".kilnignore"

// directory is what was found below a directory.
type directory struct {
	nodes []recipe.Node     // in the order of the paths
	files map[string]string // a path on this machine for each content
	size  int64             // bytes of all files
}

// reader goes through one directory. At names the file of the configuration in problems.
type reader struct {
	at    int
	root  string
	skip  *patternmatcher.PatternMatcher
	found directory
}

// readDirectory lists and hashes what is below a directory, but for what is to be ignored.
func readDirectory(ctx context.Context, at int, root string, ignore []string) (directory, error) {
	r := reader{at: at, root: root, found: directory{files: map[string]string{}}}
	patterns, err := r.patterns(ignore)
	if err != nil {
		return directory{}, err
	}
	if r.skip, err = patternmatcher.New(patterns); err != nil {
		return directory{}, r.badPattern(strings.Join(ignore, ", "), err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return directory{}, unreadable(field(at, "source"), root, err)
	}
	// It goes through the names of each directory in order, and follows no link.
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return unreadable(field(at, "source"), name, err)
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || rel == "." || rel == ignoreFile {
			return err
		}
		return r.visit(name, filepath.ToSlash(rel), entry)
	})
	if err != nil {
		return directory{}, err
	}
	if len(r.found.nodes) == 0 {
		return directory{}, problem.Problem{
			Code: problem.InvalidFile, Field: field(at, "source"), Value: r.root, Limit: "a directory with files",
			Detail: "nothing is left of the directory", Remedy: "Check the path and what is ignored; empty directories are not put into an image.",
		}
	}
	return r.found, nil
}

// patterns reads what is to be ignored, as patterns of the matcher.
func (r *reader) patterns(ignore []string) ([]string, error) {
	var lines []string
	file, err := os.Open(filepath.Join(r.root, ignoreFile))
	switch {
	case err == nil:
		defer func() { _ = file.Close() }()
		for scanner := bufio.NewScanner(file); ; {
			if !scanner.Scan() {
				if err := scanner.Err(); err != nil {
					return nil, unreadable(field(r.at, "source"), file.Name(), err)
				}
				break
			}
			lines = append(lines, scanner.Text())
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, unreadable(field(r.at, "source"), filepath.Join(r.root, ignoreFile), err)
	}
	var patterns []string
	for _, line := range append(lines, ignore...) {
		if pattern := translate(line); pattern != "" {
			if _, err := patternmatcher.New([]string{pattern}); err != nil {
				return nil, r.badPattern(line, err)
			}
			patterns = append(patterns, pattern)
		}
	}
	return patterns, nil
}

func (r *reader) badPattern(pattern string, err error) error {
	return problem.Problem{
		Code: problem.InvalidParameter, Field: field(r.at, "ignore"), Value: pattern, Limit: "patterns as in a .gitignore", Detail: err.Error(),
		Remedy: "Correct the pattern; a backslash takes the character behind it as it is.",
	}
}

// translate makes a pattern for the matcher, which knows them from the top of the directory only, of a line of an ignore file;
// empty when the line has none. One without a slash, but for the end, means every level; one with a slash at its end means
// directories, and so what is in them.
func translate(line string) string {
	line = strings.TrimRight(strings.TrimSuffix(line, "\r"), " ")
	if line == "" || strings.HasPrefix(line, "#") {
		return ""
	}
	line, not := strings.CutPrefix(line, "!")
	below, dir := strings.CutSuffix(line, "/")
	rest, anchored := strings.CutPrefix(below, "/")
	if rest == "" {
		return ""
	}
	if !anchored && !strings.Contains(rest, "/") {
		rest = "**/" + rest
	}
	if dir {
		rest += "/**"
	}
	if not {
		rest = "!" + rest
	}
	return rest
}

// visit adds one entry.
func (r *reader) visit(name, rel string, entry fs.DirEntry) error {
	if entry.IsDir() {
		return nil // what is in it decides, since a later pattern may take one file of an ignored directory back
	}
	skipped, err := r.skip.MatchesOrParentMatches(filepath.FromSlash(rel))
	if err != nil || skipped {
		return err
	}
	if !utf8.ValidString(rel) {
		return r.refuse(rel, "names in UTF-8", "Rename the file.")
	}
	if len(r.found.nodes) == recipe.MaxTreeFiles {
		return problem.Problem{
			Code: problem.InvalidParameter, Field: field(r.at, "source"), Value: r.root, Limit: fmt.Sprintf("%d files in directories", recipe.MaxTreeFiles),
			Detail: "the directory has more files", Remedy: "Leave out what is not needed with ignore, or put the files into one archive.",
		}
	}
	if entry.Type()&fs.ModeSymlink != 0 {
		return r.link(name, rel)
	}
	if !entry.Type().IsRegular() {
		return r.refuse(rel, "regular files, directories and links", "Leave out sockets, pipes and devices with ignore.")
	}
	return r.file(name, rel)
}

func (r *reader) file(name, rel string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return unreadable(field(r.at, "source"), name, err)
	}
	r.found.size += info.Size()
	if err := recipe.CheckTreeSize(field(r.at, "source"), r.found.size).Err(); err != nil {
		return err
	}
	sum, err := hashFile(field(r.at, "source"), name)
	if err != nil {
		return err
	}
	r.found.files[sum] = name
	r.found.nodes = append(r.found.nodes, recipe.Node{Path: rel, Mode: fmt.Sprintf("%04o", info.Mode().Perm()), SHA256: sum})
	return nil
}

func (r *reader) link(name, rel string) error {
	to, err := os.Readlink(name)
	if err != nil {
		return unreadable(field(r.at, "source"), name, err)
	}
	to = plain(filepath.ToSlash(to))
	if !recipe.Inside(rel, to) {
		return r.refuse(rel+" -> "+to, "links to places inside of the directory", "Copy what the link leads to into the directory, or leave the link out with ignore.")
	}
	r.found.nodes = append(r.found.nodes, recipe.Node{Path: rel, Link: to})
	return nil
}

// plain takes out of a path what has no meaning. Steps up stay as they are: behind a link they lead elsewhere.
func plain(p string) string {
	parts := strings.Split(p, "/")
	kept := parts[:1]
	for _, part := range parts[1:] {
		if part != "" && part != "." {
			kept = append(kept, part)
		}
	}
	if kept[0] == "." && len(kept) > 1 {
		kept = kept[1:]
	}
	return strings.Join(kept, "/")
}

func (r *reader) refuse(value, limit, remedy string) error {
	return problem.Problem{Code: problem.InvalidFile, Field: field(r.at, "source"), Value: value, Limit: limit, Remedy: remedy}
}

// linkMark begins what an entry says of a link.
const linkMark = "-> "

// entriesOf shows a directory as the attribute entries; null for a file.
func entriesOf(tree []recipe.Node) types.Map {
	if len(tree) == 0 {
		return types.MapNull(types.StringType)
	}
	entries := make(map[string]attr.Value, len(tree))
	for _, n := range tree {
		text := n.Mode + " " + n.SHA256
		if n.Link != "" {
			text = linkMark + n.Link
		}
		entries[n.Path] = types.StringValue(text)
	}
	return types.MapValueMust(types.StringType, entries)
}

// treeOf reads the attribute entries; nothing while it is not known.
func treeOf(entries types.Map) []recipe.Node {
	tree := make([]recipe.Node, 0, len(entries.Elements()))
	for name, element := range entries.Elements() {
		text, ok := element.(types.String)
		if !ok || text.IsUnknown() {
			return nil
		}
		n := recipe.Node{Path: name}
		if link, ok := strings.CutPrefix(text.ValueString(), linkMark); ok {
			n.Link = link
		} else {
			n.Mode, n.SHA256, _ = strings.Cut(text.ValueString(), " ")
		}
		tree = append(tree, n)
	}
	if len(tree) == 0 {
		return nil
	}
	return recipe.SortTree(tree)
}
