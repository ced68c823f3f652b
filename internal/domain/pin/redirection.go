package pin

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// redirections finds comparisons that the shell takes for redirections, and removes the words that they belong to.
func (s *scan) redirections(c *command) bool {
	if c.stmt == nil {
		return false
	}
	found := map[int]bool{}
	from := c.in.unit.from
	for i, r := range c.stmt.Redirs {
		if !comparison(c.stmt.Redirs, i) {
			continue
		}
		at := from.offset(r.OpPos.Offset())
		if placeholder(c.stmt.Redirs, i) {
			s.template(*c, r)
			c.args = nil
			return true
		}
		word := -1
		for j, a := range c.args {
			if a.at < at && (word < 0 || a.at >= c.args[word].at) {
				word = j
			}
		}
		blame := field{at: at}
		if word >= 0 {
			if found[word] {
				continue
			}
			found[word] = true
			blame = c.args[word]
		}
		end := c.stmt.Redirs[len(c.stmt.Redirs)-1].End().Offset()
		for _, later := range c.stmt.Redirs[i:] {
			if gap := from.text[min(later.End().Offset(), uint(len(from.text))):]; gap == "" || gap[0] != '<' && gap[0] != '>' {
				end = later.End().Offset()
				break
			}
		}
		s.unquoted(blame, from.text[min(r.OpPos.Offset(), end):min(end, uint(len(from.text)))], r)
	}
	var kept []field
	for j, a := range c.args {
		if !found[j] {
			kept = append(kept, a)
		}
	}
	c.args = kept
	return len(found) > 0
}

func (s *scan) unquoted(blame field, rest string, r *syntax.Redirect) {
	effect := "writes its output to the file "
	if r.Op == syntax.RdrIn {
		effect = "reads its input from the file "
	}
	text := blame.raw + rest
	remedy := "Put it into quotes: '" + strings.Join(strings.Fields(text), "") + "', or better name one version."
	s.report(issue{
		code: problem.UnquotedRedirection, kind: Wrong, manager: Pip, name: blame.text, at: blame.at, value: text, limit: "'" + strings.Join(strings.Fields(text), "") + "'",
		detail: "the shell takes " + r.Op.String() + " for a redirection: the command " + effect + r.Word.Lit(), remedy: remedy,
	})
}

// comparison says that a redirection was meant as one: its file looks like a version, or it is the end of <NAME>.
func comparison(all []*syntax.Redirect, i int) bool {
	r := all[i]
	if r.N != nil || r.Word == nil || r.Op != syntax.RdrOut && r.Op != syntax.RdrIn {
		return false
	}
	target := r.Word.Lit()
	return placeholder(all, i) || strings.HasPrefix(target, "=") || release(firstVersion(target))
}

// firstVersion gives the version with which the rest of a requirement begins.
func firstVersion(target string) string {
	version, _, _ := strings.Cut(strings.TrimLeft(target, "="), ",")
	return strings.TrimSuffix(version, ".*")
}

// placeholder recognizes <NAME>, which manuals write where a name is to be put.
func placeholder(all []*syntax.Redirect, i int) bool {
	r := all[i]
	return r.Op == syntax.RdrIn && i+1 < len(all) && all[i+1].Op == syntax.RdrOut && all[i+1].OpPos.Offset() == r.Word.End().Offset() &&
		!release(firstVersion(r.Word.Lit()))
}

func (s *scan) template(c command, r *syntax.Redirect) {
	text := "<" + r.Word.Lit() + ">"
	s.report(issue{
		code: problem.UnquotedRedirection, kind: Wrong, at: c.in.unit.from.offset(r.OpPos.Offset()), value: text, limit: "the name of a package",
		detail: "the shell takes < and > for redirections", remedy: "Replace " + text + " by the name and the version of a package.",
	})
}

// release is stricter than isVersion: 2.0rc1 is one, 2024.csv is none.
func release(text string) bool {
	if text == "" || !digit(text[0]) {
		return false
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '.' || r >= '0' && r <= '9' }) {
		switch word {
		case "a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "post", "rev", "r", "dev":
		default:
			return false
		}
	}
	return true
}
