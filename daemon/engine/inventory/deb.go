package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/kilnhq/kiln/daemon/worker"
)

const (
	dpkgDir   = "/var/lib/dpkg"
	maxStatus = 64 << 20
	maxSums   = 16 << 20
)

// debs lists dpkg's packages. The digest is that of the checksums which the package brought for its files. A package of
// another architecture than dpkg's own is named with it.
func (t tree) debs() []worker.Package {
	status, err := t.text(dpkgDir+"/status", maxStatus)
	if err != nil {
		return nil
	}
	var list []worker.Package
	native := ""
	stanzas := strings.Split(status, "\n\n")
	for _, stanza := range stanzas {
		if p := fields(stanza); p["Package"] == "dpkg" {
			native = p["Architecture"]
		}
	}
	for _, stanza := range stanzas {
		p := fields(stanza)
		if !strings.HasSuffix(p["Status"], " installed") || p["Package"] == "" || p["Version"] == "" {
			continue
		}
		found := worker.Package{Manager: Apt, Name: p["Package"], Version: p["Version"]}
		arch := p["Architecture"]
		found.Digest = t.checksums(found.Name + ":" + arch)
		if found.Digest == "" && (arch == native || arch == "all") {
			found.Digest = t.checksums(found.Name)
		}
		if arch != native && arch != "all" {
			found.Name += ":" + arch
		}
		list = append(list, found)
	}
	return list
}

// checksums is the digest of what dpkg keeps of a package's own checksums; empty when it keeps nothing.
func (t tree) checksums(name string) string {
	sums, err := t.text(dpkgDir+"/info/"+name+".md5sums", maxSums)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(sums))
	return hex.EncodeToString(sum[:])
}

// fields reads the one-line fields of a stanza, or of a message's header.
func fields(stanza string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(stanza) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			if len(found) > 0 {
				break // the end of a header
			}
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if ok && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") && found[key] == "" {
			found[key] = strings.TrimSpace(value)
		}
	}
	return found
}
