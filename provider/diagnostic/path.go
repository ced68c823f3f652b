package diagnostic

import (
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
)

// Path turns a problem's field, for example packages[1].names[0], test.cu or env["X"], into an attribute path. It is
// false when the field is empty or not written that way.
func Path(field string) (path.Path, bool) {
	at, rest := path.Empty(), field
	for rest != "" {
		var ok bool
		switch {
		case rest[0] == '[':
			at, rest, ok = element(at, rest[1:])
		case len(at.Steps()) == 0:
			at, rest, ok = attribute(at, rest)
		case rest[0] == '.':
			at, rest, ok = attribute(at, rest[1:])
		}
		if !ok {
			return path.Empty(), false
		}
	}
	return at, len(at.Steps()) > 0
}

// shown is the part of a path that Terraform finds in a configuration: an attribute of the resource, and an element of it. Of
// what lies deeper it shows the resource's first line, or the attribute of the resource that happens to have the same name.
func shown(at path.Path) path.Path {
	steps := at.Steps()
	end := 1
	if len(steps) > 1 {
		if _, ok := steps[1].(path.PathStepAttributeName); !ok {
			end = 2
		}
	}
	for range steps[end:] {
		at = at.ParentPath()
	}
	return at
}

func attribute(at path.Path, rest string) (path.Path, string, bool) {
	end := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return at, rest, false
	}
	return at.AtName(rest[:end]), rest[end:], true
}

// element reads what follows an opening bracket: an index or a quoted key, and the closing bracket.
func element(at path.Path, rest string) (path.Path, string, bool) {
	if len(at.Steps()) == 0 {
		return at, rest, false
	}
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		key, err := strconv.Unquote(quoted)
		rest, closed := strings.CutPrefix(rest[len(quoted):], "]")
		return at.AtMapKey(key), rest, err == nil && closed
	}
	digits, rest, closed := strings.Cut(rest, "]")
	index, err := strconv.ParseUint(digits, 10, 31)
	return at.AtListIndex(int(index)), rest, err == nil && closed
}
