package inventory

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/daemon/worker"
)

const (
	maxMetadata = 4 << 20
	maxRecord   = 64 << 20
)

// wordBreak is what the canonical form of a project's name has a hyphen for.
var wordBreak = regexp.MustCompile(`[-_.]+`)

// distributions lists the packages of an interpreter. Of two of a name, the one that is imported counts.
func (t tree) distributions(python interpreter) []worker.Package {
	var list []worker.Package
	seen := map[string]bool{}
	for _, site := range python.sites {
		for _, entry := range t.dir(site) {
			found, ok := t.distribution(site, entry)
			key := canonical(found)
			if !ok || seen[key] {
				continue
			}
			seen[key] = true
			found.Interpreter = python.path
			list = append(list, found)
		}
	}
	return list
}

// distribution reads one entry of a site directory; false when it describes no package.
func (t tree) distribution(site string, entry fs.DirEntry) (worker.Package, bool) {
	info := site + "/" + entry.Name()
	var metadata string
	var files []string
	switch {
	case strings.HasPrefix(entry.Name(), "~"):
		return worker.Package{}, false // pip's name for what it is about to remove
	case strings.HasSuffix(entry.Name(), ".dist-info"):
		metadata, files = info+"/METADATA", t.recorded(site, info+"/RECORD")
	case strings.HasSuffix(entry.Name(), ".egg-info"):
		metadata = info
		if entry.IsDir() {
			metadata, files = info+"/PKG-INFO", t.installed(info)
		}
	default:
		return worker.Package{}, false
	}
	text, err := t.text(metadata, maxMetadata)
	if err != nil {
		return worker.Package{}, false
	}
	header := fields(text)
	if header["Name"] == "" || header["Version"] == "" {
		return worker.Package{}, false
	}
	return worker.Package{Manager: Pip, Name: header["Name"], Version: header["Version"], Digest: t.digest(files)}, true
}

// recorded gives the files that a wheel's installer has recorded, as absolute paths; nothing when it has not.
func (t tree) recorded(site, record string) []string {
	text, err := t.text(record, maxRecord)
	if err != nil {
		return nil
	}
	rows := csv.NewReader(strings.NewReader(text))
	rows.FieldsPerRecord, rows.LazyQuotes = -1, true
	var files []string
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			return nil
		}
		if name := absolute(site, row[0]); name != record {
			files = append(files, name)
		}
	}
}

// installed gives the files that an older installer has recorded.
func (t tree) installed(info string) []string {
	text, err := t.text(info+"/installed-files.txt", maxRecord)
	if err != nil {
		return nil
	}
	var files []string
	for line := range strings.Lines(text) {
		if name := strings.TrimRight(line, "\r\n"); name != "" {
			files = append(files, absolute(info, name))
		}
	}
	return files
}

func absolute(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

// digest is over the names and the contents of files as they are in the image, whatever a record says of them. What Python
// compiles at installation is left out: it has times in it.
func (t tree) digest(files []string) string {
	if len(files) == 0 {
		return ""
	}
	slices.Sort(files)
	all := sha256.New()
	for _, name := range slices.Compact(files) {
		if strings.HasSuffix(name, ".pyc") {
			continue
		}
		_, _ = fmt.Fprintf(all, "%q %s\n", name, t.sum(name))
	}
	return hex.EncodeToString(all.Sum(nil))
}

// sum is the SHA-256 of one file, or a word for why there is none.
func (t tree) sum(name string) string {
	f, err := t.open(name)
	if err != nil {
		return "missing"
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	if errors.Join(err, f.Close()) != nil {
		return "unreadable"
	}
	return hex.EncodeToString(h.Sum(nil))
}
