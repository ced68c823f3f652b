package pin

import (
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// requirementFile is where a requirements text comes from.
type requirementFile struct {
	exact   bool   // it is the root
	blame   field  // where findings go, when it is not
	path    string // for the messages
	context context
	scope   *scope
	depth   int
}

var fileGrammar = grammar{valued: "-r --requirement -c --constraint -e --editable -i --index-url --extra-index-url -f --find-links --no-binary " +
	"--only-binary --trusted-host --use-feature --hash --config-settings --global-option --install-option --pypi-url"}

// logical is a line of a requirements file with its continuations.
type logical struct {
	text   string
	number int
	offset int
}

// logicalLines joins continued lines and removes comments.
func logicalLines(text string) []logical {
	var lines []logical
	var parts []string // of the last line
	offset, number := 0, 0
	open := false
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		content := strings.TrimRight(line, "\r\n")
		if comment := commentStart(content); comment >= 0 {
			content = content[:comment]
		}
		body, continued := strings.CutSuffix(content, `\`)
		if !open {
			skipped := len(body) - len(strings.TrimLeft(body, " \t"))
			lines, parts = append(lines, logical{number: number, offset: offset + skipped}), nil
		}
		parts = append(parts, strings.TrimSpace(body))
		offset += len(line)
		if open = continued; !open {
			lines[len(lines)-1].text = strings.Join(parts, " ")
		}
	}
	if open {
		lines[len(lines)-1].text = strings.Join(parts, " ")
	}
	if strings.HasPrefix(text, "\ufeff") {
		for i := range lines {
			lines[i].offset += len("\ufeff")
		}
	}
	return lines
}

func commentStart(line string) int {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return i
		}
	}
	return -1
}

// requirements judges a requirements text.
func (s *scan) requirements(text string, file requirementFile) {
	if !s.spend(0, lineCost*len(text), file.blame.at) {
		return
	}
	if len(text) > MaxSize || strings.Contains(text, hole) {
		s.unknown(file.blame, "the requirements are too many, or no text", "Split the file.")
		return
	}
	lines := logicalLines(text)
	for _, line := range lines {
		file.context.hashes = file.context.hashes || strings.HasPrefix(line.text, "--require-hashes")
	}
	for _, line := range lines {
		if line.text == "" || !s.spend(1, len(line.text), line.offset) {
			continue
		}
		f := field{text: line.text, raw: line.text, at: line.offset}
		if !file.exact {
			f.at = file.blame.at
			f.raw = file.blame.raw + ": " + line.text
		}
		if file.exact {
			s.tokens(line.text, line.offset)
		}
		s.requirementLine(f, line, file)
	}
}

func (s *scan) requirementLine(f field, line logical, file requirementFile) {
	f.text = substituteHoles(f.text)
	if !strings.HasPrefix(f.text, "-") {
		word, options, hashed := strings.Cut(f.text, " --")
		a := fileGrammar.parse(fieldsOf(f, "--"+options))
		in := file.context
		in.hashes = in.hashes || hashed && a.has("--hash")
		f.text = strings.TrimSpace(word)
		if file.exact {
			f.raw = f.text
			if !f.constant() {
				f.raw, _, _ = strings.Cut(line.text, " --")
			}
		}
		s.requirement(f, in)
		return
	}
	a := fileGrammar.parse(fieldsOf(f, f.text))
	s.indexes(a)
	for _, e := range a.values("-e", "--editable") {
		s.requirement(e, file.context)
	}
	for _, path := range a.values("-r", "--requirement") {
		s.requirementFile(path, f, file)
	}
	for _, path := range a.values("-c", "--constraint") {
		if !file.context.hashes {
			s.constraint(path, file.scope)
		}
	}
}

// substituteHoles replaces ${NAME}, which pip takes from the environment.
func substituteHoles(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		_, rest, closed := strings.Cut(after, "}")
		if !found || !closed {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(before + hole)
		text = rest
	}
}

func fieldsOf(f field, text string) []field {
	var all []field
	for word := range strings.FieldsSeq(text) {
		all = append(all, f.with(strings.Trim(word, `"'`)))
	}
	return all
}

// requirementFile judges a file that pip is told to read.
func (s *scan) requirementFile(path, blame field, from requirementFile) {
	if from.context.hashes {
		return
	}
	if strings.Contains(path.text, "://") {
		s.downloadedRequirements(path)
		return
	}
	in := from.scope
	if in == nil {
		in = newScope()
	}
	content, ok := s.file(path.text, in)
	if !ok || !path.constant() || from.depth >= maxDepth {
		s.report(issue{
			code: problem.CannotAnalyse, kind: Unknown, manager: Pip, name: fileName(path.text), at: blame.at, value: path.raw,
			limit: "--require-hashes, or packages in the script", detail: "what this requirements file holds is not known here",
			remedy: "Add --require-hashes and hashes to the file, or name the packages with their versions in the script.",
		})
		return
	}
	from.exact, from.blame, from.path = false, blame, path.text
	from.blame.raw = path.text
	from.depth++
	s.requirements(content, from)
}

func (s *scan) downloadedRequirements(path field) {
	s.insecure(path, path.text)
	s.report(issue{
		code: problem.UnpinnedDownload, kind: Unpinned, manager: Pip, name: fileName(path.text), at: path.at, value: path.raw,
		limit: "a local file", detail: "what is behind this URL may change",
		remedy: "Download the file once, check its checksum with sha256sum -c, and use the copy.",
	})
}

// constraint judges a constraints file: it says whether it may pin what the command leaves open, and what it pins.
func (s *scan) constraint(path field, in *scope) (unknown bool, pins map[string]bool) {
	if strings.Contains(path.text, "://") {
		s.downloadedRequirements(path)
		return true, nil
	}
	if in == nil {
		in = newScope()
	}
	content, ok := s.file(path.text, in)
	if !ok || !path.constant() {
		s.report(issue{
			code: problem.CannotAnalyse, kind: Unknown, manager: Pip, name: fileName(path.text), at: path.at, value: path.raw,
			limit: "--require-hashes, or packages with versions", detail: "what this constraints file pins is not known here",
			remedy: "Name the packages with their versions in the script.",
		})
		return true, nil
	}
	if !s.spend(0, lineCost*len(content), path.at) {
		return true, nil
	}
	pins = map[string]bool{}
	for _, line := range logicalLines(content) {
		if r, ok := parseRequirement(line.text); ok && r.pinned() {
			pins[canonical(r.name)] = true
		}
	}
	return false, pins
}
