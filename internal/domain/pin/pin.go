// Package pin reads shell scripts, without running them, and finds what they install or download that may be another thing
// tomorrow: packages without an exact version, downloads without a checksum, clones without a commit. It finds what cannot work
// either, and says what it cannot judge, so that silence means that all was understood. It judges what a script names, not what
// that depends on in turn. It knows neither recipes nor policies: whoever asks decides what a finding costs.
package pin

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// MaxSize is the size in bytes of the longest text that is analysed; of a longer one all that is said is CannotAnalyse.
const MaxSize = 256 << 10

// Kind says how bad a finding is.
type Kind string

// The kinds of findings.
const (
	Unpinned Kind = "unpinned" // works today, and may give another result tomorrow: a policy decides
	Wrong    Kind = "wrong"    // cannot do what it was written for: always an error
	Unknown  Kind = "unknown"  // cannot be judged: at least a warning
	Risky    Kind = "risky"    // works, but should not be done like this: a warning
)

// Manager names the tool that resolves a name to what is installed.
type Manager string

// The managers.
const (
	Pip   Manager = "pip"
	Apt   Manager = "apt"
	Yum   Manager = "yum" // dnf and microdnf, too
	Apk   Manager = "apk"
	Conda Manager = "conda" // mamba and micromamba, too
	Npm   Manager = "npm"   // yarn and pnpm, too
	Go    Manager = "go"
	Gem   Manager = "gem"
	Cargo Manager = "cargo"
	Git   Manager = "git"
	URL   Manager = "url" // what wget, curl and others download
)

// Finding is one thing that a script does that may give another result tomorrow, cannot work, or cannot be judged. No secret
// that was found in the script is in any of its texts.
type Finding struct {
	Problem problem.Problem // Field is empty: only the caller knows which attribute the script is
	Kind    Kind
	Manager Manager // empty when no tool is to blame
	Name    string  // of the package, file or repository; empty when there is none
	Line    int     // 1-based, in the text that was given
	Column  int     // 1-based, in characters
}

// Options is what is known besides the script. The zero value is usable: then nothing is.
type Options struct {
	// Known gives the version of a package that was resolved last, for the suggested pin; empty when there is none.
	Known func(manager Manager, name string) string
	// File gives the content of a file that will be there when the script runs, by the path as the script writes it.
	File func(path string) (content string, ok bool)
	// Env holds the environment variables that are set when the script runs.
	Env map[string]string
}

// Script analyses a shell script as bash would read it. Findings are in the order of the text. A text that cannot be parsed
// gives one finding, CannotAnalyse.
func Script(script string, options Options) []Finding {
	s := newScan(script, options)
	s.script(&source{text: script, exact: true}, newScope())
	return s.finish()
}

// Hosts gives the hosts from which a script downloads, as far as it names them: those of package indexes, downloads and
// repositories. Each is HOST:PORT as an allow-list writes it, sorted, each once. The machine itself is none.
func Hosts(script string, options Options) []string {
	return newScan(script, options).reached()
}

// reached gives the hosts of the root.
func (s *scan) reached() []string {
	s.script(&source{text: s.root, exact: true}, newScope())
	s.finish()
	hosts := make([]string, 0, len(s.hosts))
	for h := range s.hosts {
		hosts = append(hosts, h)
	}
	slices.Sort(hosts)
	return hosts
}

// Requirements analyses the text of a requirements file of pip.
func Requirements(text string, options Options) []Finding {
	s := newScan(text, options)
	s.requirements(text, requirementFile{exact: true})
	return s.finish()
}

// finish settles what could be judged only at the end, and gives all findings in the order of the text.
func (s *scan) finish() []Finding {
	s.settle()
	s.hide = longestFirst(s.secrets)
	found := make([]Finding, 0, len(s.issues))
	for _, i := range s.issues {
		line, column := position(s.root, i.at)
		found = append(found, s.finding(i, line, column))
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(found) == 0 {
		return nil
	}
	return found
}

// position gives the line and the column, in characters, of an offset.
func position(text string, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, len([]rune(before[start:])) + 1
}
