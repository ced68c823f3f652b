package pin

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

var gitGrammar = grammar{valued: "-C -c --git-dir --work-tree --namespace --exec-path --config-env"}

var cloneGrammar = grammar{valued: "-b --branch -c --config --depth -o --origin -u --upload-pack --reference --reference-if-able --separate-git-dir " +
	"-j --jobs --template --shallow-since --shallow-exclude --filter --server-option --revision --bundle-uri"}

// clone is a repository that was fetched without a commit; a later checkout may settle it.
type clone struct {
	issue     issue
	directory string
	settled   bool
}

// gitFamily knows git and what came before it.
func (s *scan) gitFamily(c command) bool {
	switch c.name {
	case "git":
		s.git(c)
	case "hg", "svn", "bzr":
		if len(c.args) > 1 && slices.Contains([]string{"clone", "checkout", "co", "branch", "export"}, c.args[0].text) {
			s.unknown(c.word, "which revision this is, is not judged for "+c.name, "Use git with a commit, or download an archive and check it with sha256sum -c.")
		}
	default:
		return false
	}
	return true
}

// git divides the arguments at the verb, before which options mean something else.
func (s *scan) git(c command) {
	args, directory := c.args, ""
	for len(args) > 0 && strings.HasPrefix(args[0].text, "-") {
		if slices.Contains(strings.Fields(gitGrammar.valued), args[0].text) && len(args) > 1 {
			if args[0].text == "-C" {
				directory = base(args[1].text)
			}
			args = args[1:]
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return
	}
	verb := args[0].text
	a := cloneGrammar.parse(args[1:])
	switch {
	case verb == "clone":
		s.clone(a)
	case verb == "checkout" || verb == "reset" || verb == "switch":
		if slices.ContainsFunc(a.words, func(f field) bool { return commit(f.text) || f.text == "FETCH_HEAD" && s.pinnedFetch }) {
			s.checkedOut(cmp.Or(directory, s.directory))
		} else {
			s.followed(c, a, cmp.Or(directory, s.directory))
		}
	case verb == "fetch":
		s.gitFetch(c, a)
	case verb == "pull":
		s.moving(c, c.word, "git pull", cmp.Or(directory, s.directory))
	case verb == "submodule":
		if len(a.words) > 0 && a.words[0].text == "update" && a.has("--remote") {
			s.moving(c, c.word, "git submodule update --remote", "")
		}
		if len(a.words) > 1 && a.words[0].text == "add" {
			s.gitHost(a.words[1])
			s.moving(c, a.words[1], "git submodule add", "")
		}
	case verb == "archive":
		if remote, ok := a.last("--remote"); ok && !slices.ContainsFunc(a.words, func(f field) bool { return commit(f.text) }) {
			s.gitHost(remote)
			s.moving(c, remote, "git archive", "")
		}
	case strings.Contains(verb, hole):
		s.unknown(c.word, "what git does here cannot be known before the script runs", "Write the arguments themselves.")
	case verb == "remote" || verb == "ls-remote":
		for _, w := range a.words {
			s.gitHost(w)
		}
	}
}

// followed reports a branch of a remote that is checked out, where it was not reported that the repository has no commit.
func (s *scan) followed(c command, a arguments, directory string) {
	if slices.ContainsFunc(s.clones, func(c clone) bool { return !c.settled }) {
		return
	}
	for _, w := range a.words {
		if strings.HasPrefix(w.text, "origin/") || strings.HasPrefix(w.text, "upstream/") {
			s.moving(c, w, "git checkout "+strings.ReplaceAll(w.text, hole, "?"), directory)
		}
	}
}

func (s *scan) clone(a arguments) {
	if len(a.words) == 0 {
		return
	}
	where := a.words[0]
	s.gitHost(where)
	if revision, ok := a.last("--revision"); ok && commit(revision.text) {
		return
	}
	if where.constant() && local(where.text) {
		return
	}
	name := strings.TrimSuffix(fileName(strings.TrimRight(where.text, "/")), ".git")
	if _, last, ok := strings.Cut(name, ":"); ok {
		name = last
	}
	directory := name
	if len(a.words) > 1 {
		directory = base(strings.TrimRight(a.words[1].text, "/"))
	}
	detail := "no commit is named: the newest one is taken"
	if ref, ok := a.last("-b", "--branch"); ok {
		detail = strings.ReplaceAll(ref.text, hole, "?") + " is a branch or a tag, and may mean another commit tomorrow"
	}
	s.pend(clone{directory: directory, issue: issue{
		code: problem.UnpinnedDownload, kind: Unpinned, manager: Git, name: name, at: where.at, value: where.raw,
		limit: "git checkout COMMIT, 40 hexadecimal digits", detail: detail,
		remedy: "Add git -C " + strings.ReplaceAll(directory, hole, "?") + " checkout COMMIT after it, with all 40 digits; without --depth, so that the commit is there.",
	}})
}

func (s *scan) pend(c clone) {
	if len(s.clones) >= maxIssues {
		s.exhaust(c.issue.at)
		return
	}
	s.clones = append(s.clones, c)
}

func (s *scan) gitHost(f field) {
	if strings.Contains(f.text, "://") {
		s.insecure(f, f.text)
		return
	}
	if host, _, ok := strings.Cut(f.text, ":"); ok && !strings.Contains(host, "/") { // as in git@HOST:PATH
		_, after, _ := strings.Cut("@"+host, "@")
		if at := strings.LastIndexByte(after, '@'); at >= 0 {
			after = after[at+1:]
		}
		s.host(address{scheme: "ssh", host: strings.ToLower(after), port: portOf("ssh")})
	}
}

// gitFetch notes whether one commit was fetched: then FETCH_HEAD is as good as its name.
func (s *scan) gitFetch(c command, a arguments) {
	for _, w := range a.words[:min(1, len(a.words))] {
		s.gitHost(w)
	}
	refs := a.words[min(1, len(a.words)):]
	s.pinnedFetch = len(refs) > 0 && commit(refs[0].text)
	if len(refs) > 0 && !s.pinnedFetch && !a.has("--tags") {
		s.moving(c, refs[0], "git fetch "+strings.ReplaceAll(refs[0].text, hole, "?"), s.directory)
	}
}

// moving reports a command that takes what is newest, unless a commit is checked out later.
func (s *scan) moving(c command, f field, name, directory string) {
	s.pend(clone{directory: directory, issue: issue{
		code: problem.UnpinnedDownload, kind: Unpinned, manager: Git, name: name, at: c.word.at, value: cmp.Or(f.raw, c.word.raw),
		limit: "git checkout COMMIT, 40 hexadecimal digits", detail: "what is newest changes from one run to the next",
		remedy: "Check out a commit after it: git checkout COMMIT, with all 40 digits.",
	}})
}

// checkedOut settles the repositories in a directory, or else the last one.
func (s *scan) checkedOut(directory string) {
	found := false
	for i := range s.clones {
		if s.clones[i].directory == directory {
			s.clones[i].settled = true
			found = true
		}
	}
	if !found && len(s.clones) > 0 {
		s.clones[len(s.clones)-1].settled = true
	}
}
