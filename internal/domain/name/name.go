// Package name holds the rule for names that users choose.
package name

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// MaxLength is the longest name, and the longest description, in characters (the platform's own limit).
const MaxLength = 128

// Pattern is what an image name must match: lower-case letters, digits and underscores.
const Pattern = `^[a-z0-9_]{1,128}$`

var (
	image   = regexp.MustCompile(Pattern)
	general = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_-]{0,127}$`)
)

// Image checks the name of a custom image.
func Image(field, value string) problem.List {
	if image.MatchString(value) {
		return nil
	}
	return invalid(field, value, "lower-case letters, digits and _, 1 to 128 characters", suggestion(value))
}

// General checks the name of a workspace, a network or a resource group.
func General(field, value string) problem.List {
	if general.MatchString(value) {
		return nil
	}
	return invalid(field, value, "a letter, then letters, digits, _ and -, 1 to 128 characters", "")
}

// Description checks a description: at most 128 characters, no control characters.
func Description(field, value string) problem.List {
	if n := utf8.RuneCountInString(value); n > MaxLength {
		return problem.List{{
			Code: problem.InvalidParameter, Field: field, Value: fmt.Sprintf("%d characters", n), Limit: "128 characters on one line",
			Remedy: "Shorten the description.",
		}}
	}
	if at := strings.IndexFunc(value, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }); at >= 0 {
		return problem.List{{
			Code: problem.InvalidParameter, Field: field, Value: fmt.Sprintf("%q", value), Limit: "128 characters on one line, no control characters",
			Remedy: fmt.Sprintf("Remove the character at byte %d: it is a line end, or no text.", at),
		}}
	}
	return nil
}

func invalid(field, value, limit, suggest string) problem.List {
	remedy := "Choose another name."
	if suggest != "" {
		remedy = fmt.Sprintf("Choose another name, for example %q.", suggest)
	}
	return problem.List{{Code: problem.InvalidName, Field: field, Value: fmt.Sprintf("%q", value), Limit: limit, Remedy: remedy}}
}

func suggestion(value string) string {
	s := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '.' {
			return '_'
		}
		return r
	}, strings.ToLower(value))
	if len(s) > MaxLength {
		s = s[:MaxLength]
	}
	if !image.MatchString(s) {
		return ""
	}
	return s
}
