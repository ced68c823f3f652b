package recipe

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kilnhq/kiln/internal/domain/pkgmanager"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// Limits of what goes into the image besides packages.
const (
	MaxFileSize  = 512 << 20 // bytes of one file
	MaxTreeFiles = 2000      // in the directories of one recipe, links counted
	MaxTreeSize  = 2 << 30   // bytes in the directories of one recipe
	maxPath      = 1024      // bytes of a path in a directory
	maxTarget    = 4095      // bytes of a path that Linux takes
	maxBase      = 100       // bytes of a name that the archive of a COPY can hold
)

// File is one file, or a directory of them, to put into the image, known by its content.
type File struct {
	Target string `json:"target"`         // absolute path
	Mode   string `json:"mode"`           // four octal digits; empty for a directory, where each file has its own
	SHA256 string `json:"sha256"`         // of the content, lower-case hex; of a directory it is TreeSum
	Tree   []Node `json:"tree,omitempty"` // of a directory: what is in it
}

// Node is a file or a symbolic link in a directory.
type Node struct {
	Path   string `json:"path"`             // relative to the directory, with slashes
	Mode   string `json:"mode,omitempty"`   // of a file: four octal digits
	SHA256 string `json:"sha256,omitempty"` // of a file
	Link   string `json:"link,omitempty"`   // of a link: what it says, a path that stays inside the directory
}

// ContextName is the name of a file, or of a directory, in the build context.
func (f File) ContextName() string {
	if len(f.Tree) > 0 {
		return "tree-" + f.SHA256 + ".tar"
	}
	return "sha256-" + f.SHA256
}

// Packed gives the file as it travels into the build: one whose name the archive of a COPY cannot hold is all that is in a
// directory, which has an archive of its own.
func (f File) Packed() File {
	if len(f.Tree) > 0 || portable(f.Target) {
		return f
	}
	tree := []Node{{Path: path.Base(f.Target), Mode: f.Mode, SHA256: f.SHA256}}
	return File{Target: path.Dir(f.Target), SHA256: TreeSum(tree), Tree: tree}
}

// TreeSum is the SHA-256 by which a directory is known, in lower-case hexadecimal digits. The order of the nodes means nothing.
func TreeSum(tree []Node) string {
	canonical, err := json.Marshal(SortTree(tree))
	if err != nil {
		return "" // cannot be: strings always marshal
	}
	sum := sha256.Sum256(append([]byte("kiln tree 1\n"), canonical...))
	return hex.EncodeToString(sum[:])
}

// Contents lists the sums of all contents that the recipe needs, each once, in order.
func (r Recipe) Contents() []string {
	var sums []string
	for _, f := range r.Files {
		if len(f.Tree) == 0 {
			sums = append(sums, f.SHA256)
		}
		for _, n := range f.Tree {
			if n.Link == "" {
				sums = append(sums, n.SHA256)
			}
		}
	}
	slices.Sort(sums)
	return slices.Compact(sums)
}

// CheckTreeSize refuses directories that are too large together; field is blamed.
func CheckTreeSize(field string, bytes int64) problem.List {
	if bytes <= MaxTreeSize {
		return nil
	}
	return problem.List{{
		Code: problem.FileTooLarge, Field: field, Value: fmt.Sprintf("%d bytes", bytes), Limit: fmt.Sprintf("%d bytes", int64(MaxTreeSize)),
		Detail: "the directories of an image are too large together", Remedy: "Leave out what is not needed with ignore, or fetch it in a script.",
	}}
}

// SortTree gives what is in a directory in the order of the paths.
func SortTree(tree []Node) []Node {
	return slices.SortedFunc(slices.Values(tree), func(a, b Node) int { return cmp.Compare(a.Path, b.Path) })
}

// normalize gives the canonical form of a file: a directory in the order of its paths.
func (f File) normalize() File {
	if len(f.Tree) > 0 {
		f.Tree = SortTree(f.Tree)
	}
	return f
}

// instructions renders a file as Containerfile text. A directory is an archive of files and links, whose parts are named in
// comments: it has no entries for directories, so that those that the image has already stay as they are.
func (f File) instructions() string {
	var b strings.Builder
	f = f.Packed()
	if len(f.Tree) == 0 {
		return `COPY --chmod=` + f.Mode + ` ["` + f.ContextName() + `", ` + quoteJSON(f.Target) + "]\n"
	}
	dir := strings.TrimSuffix(f.Target, "/") + "/"
	for _, n := range f.Tree {
		b.WriteString("# " + dir + n.Path)
		if n.Link != "" {
			b.WriteString(" -> " + n.Link + "\n")
		} else {
			b.WriteString(" " + n.Mode + " sha256-" + n.SHA256 + "\n")
		}
	}
	b.WriteString(`ADD ["` + f.ContextName() + `", ` + quoteJSON(dir) + "]\n")
	return b.String()
}

var (
	mode = regexp.MustCompile(`^0[0-7]{3}$`)
	sha  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// special are the characters that mean something in the COPY instruction, even in its JSON form.
const special = "\x00\n\r*?[\\$\"'"

func validateFiles(files []File) problem.List {
	var found problem.List
	seen := map[string]bool{}
	nodes := 0
	for i, f := range files {
		field := fmt.Sprintf("files[%d]", i)
		clean := path.Clean(f.Target)
		switch {
		case len(f.Target) > maxTarget:
			found = append(found, invalidFile(field+".target", f.Target, fmt.Sprintf("%d bytes", maxTarget)))
		case !path.IsAbs(f.Target) || clean != f.Target || clean == "/" || strings.ContainsAny(f.Target, special):
			found = append(found, invalidFile(field+".target", f.Target, "a clean absolute path without wildcards, quotes, $ and \\"))
		case forbidden(clean):
			found = append(found, invalidFile(field+".target", f.Target, outside))
		case seen[clean]:
			found = append(found, invalidFile(field+".target", f.Target, "each target once"))
		}
		seen[clean] = true
		if len(f.Tree) > 0 {
			nodes += len(f.Tree)
			found = append(found, validateTree(field, f, seen)...)
			continue
		}
		if !mode.MatchString(f.Mode) {
			p := invalidFile(field+".mode", f.Mode, "four octal digits, 0000 to 0777")
			p.Remedy = "Write four octal digits, for example 0644."
			found = append(found, p)
		}
		if !sha.MatchString(f.SHA256) {
			found = append(found, invalidFile(field+".sha256", f.SHA256, "64 hexadecimal digits"))
		}
	}
	found = append(found, nested(files)...)
	if nodes > MaxTreeFiles {
		found = append(found, problem.Problem{
			Code: problem.InvalidParameter, Field: "files", Value: fmt.Sprintf("%d files in directories", nodes), Limit: fmt.Sprint(MaxTreeFiles),
			Remedy: "Leave out what is not needed with ignore, or put the files into one archive and unpack it in a script.",
		})
	}
	return found
}

// validateTree checks a directory; seen are the targets so far, to which it adds its own.
func validateTree(field string, f File, seen map[string]bool) problem.List {
	var found problem.List
	refuse := func(n Node, limit string) {
		found = append(found, invalidFile(field+".source", n.Path, limit))
	}
	kinds := map[string]bool{} // paths of files and links, under which nothing can be
	for _, n := range f.Tree {
		kinds[n.Path] = true
	}
	for _, n := range f.Tree {
		target := path.Join(f.Target, n.Path)
		switch {
		case n.Path == "." || n.Path == ".." || path.Clean(n.Path) != n.Path || path.IsAbs(n.Path) || strings.HasPrefix(n.Path, "../") ||
			len(n.Path) > maxPath || !utf8.ValidString(n.Path) || strings.ContainsAny(n.Path, "\x00\n\r"):
			refuse(n, fmt.Sprintf("a clean relative path of one line of UTF-8, of at most %d bytes", maxPath))
		case forbidden(target):
			refuse(n, outside)
		case seen[target]:
			refuse(n, "each target once")
		case under(kinds, n.Path):
			refuse(n, "nothing below a file or a link")
		case n.Link != "" && (n.Mode != "" || n.SHA256 != "" || !Inside(n.Path, n.Link)):
			refuse(n, "a link that stays inside of its directory")
		case n.Link == "" && (!mode.MatchString(n.Mode) || !sha.MatchString(n.SHA256)):
			refuse(n, "a mode of four octal digits and a sum of 64 hexadecimal digits")
		}
		seen[target] = true
	}
	if f.Mode != "" {
		found = append(found, invalidFile(field+".mode", f.Mode, "none for a directory: each file in it has its own"))
	}
	if f.SHA256 != TreeSum(f.Tree) {
		found = append(found, invalidFile(field+".sha256", f.SHA256, TreeSum(f.Tree)))
	}
	return found
}

// nested refuses targets below what another entry makes a file.
func nested(files []File) problem.List {
	made := map[string]bool{}
	for _, f := range files {
		if len(f.Tree) == 0 {
			made[f.Target] = true
		}
		for _, n := range f.Tree {
			made[path.Join(f.Target, n.Path)] = true
		}
	}
	var found problem.List
	for i, f := range files {
		if len(f.Target) <= maxTarget && under(made, f.Target) {
			found = append(found, invalidFile(fmt.Sprintf("files[%d].target", i), f.Target, "nothing below the target of another file"))
		}
	}
	return found
}

// portable says whether the archive of a COPY can hold the name: its format is older than Unicode.
func portable(target string) bool {
	for _, r := range target {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return len(path.Base(target)) <= maxBase
}

// under says whether a path lies below one of the others.
func under(others map[string]bool, p string) bool {
	for dir := path.Dir(p); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if others[dir] {
			return true
		}
	}
	return false
}

// Inside says whether a symbolic link at a path in a directory leads to a place in that directory, whatever other links it
// passes that do. Steps up stand at its beginning only: after a name they would be steps from wherever that leads.
func Inside(at, link string) bool {
	if link == "" || path.IsAbs(link) || path.Clean(link) != link || strings.ContainsAny(link, "\x00\n\r") || !utf8.ValidString(link) {
		return false
	}
	to := path.Join(path.Dir(at), link)
	return to != ".." && !strings.HasPrefix(to, "../")
}

// outside is where files may be put.
const outside = "outside of /dev, /proc, /sys, /run and " + pkgmanager.ToolDir + ", where scripts are put"

func forbidden(target string) bool {
	if target == pkgmanager.ToolDir || strings.HasPrefix(target, pkgmanager.ToolDir+"/") {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(target, "/"), "/")
	return slices.Contains([]string{"dev", "proc", "sys", "run"}, first)
}

func invalidFile(field, value, limit string) problem.Problem {
	return problem.Problem{
		Code: problem.InvalidFile, Field: field, Value: value, Limit: limit, Remedy: "Change the path, or put the content elsewhere.",
	}
}
