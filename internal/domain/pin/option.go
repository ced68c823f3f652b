package pin

import (
	"slices"
	"strings"
)

// grammar is how a tool reads its arguments.
type grammar struct {
	valued string // options that take an argument, separated by spaces: -x or --long
	flags  string // options without an argument, named only where long options may be shortened
	single bool   // long options begin with one hyphen, as those of go
}

// option is one option with its argument.
type option struct {
	name  string
	value field // its text is empty for a flag
	at    field // as written
}

// arguments is what a tool got.
type arguments struct {
	options []option
	words   []field
}

// parse divides arguments into options and the rest.
func (g grammar) parse(args []field) arguments {
	var a arguments
	valued := strings.Fields(g.valued)
	for len(args) > 0 {
		f := args[0]
		args = args[1:]
		switch {
		case f.text == "--":
			a.words = append(a.words, args...)
			return a
		case !strings.HasPrefix(f.text, "-") || f.text == "-":
			a.words = append(a.words, f)
		case strings.HasPrefix(f.text, "--") || g.single:
			args = a.long(g, valued, f, args)
		default:
			args = a.short(valued, f, args)
		}
	}
	return a
}

func (a *arguments) long(g grammar, valued []string, f field, args []field) []field {
	name, text, found := strings.Cut(f.text, "=")
	if g.flags != "" {
		name = whole(name, valued, strings.Fields(g.flags))
	}
	o := option{name: name, at: f}
	switch {
	case found:
		o.value = f.with(text)
	case slices.Contains(valued, name) && len(args) > 0:
		o.value, args = args[0], args[1:]
	}
	a.options = append(a.options, o)
	return args
}

// whole gives the option that a shortened one stands for; one that is not clear stays as it is.
func whole(name string, valued, flags []string) string {
	if slices.Contains(valued, name) || slices.Contains(flags, name) {
		return name
	}
	full := name
	for _, o := range slices.Concat(valued, flags) {
		if strings.HasPrefix(o, name) {
			if full != name {
				return name
			}
			full = o
		}
	}
	return full
}

// short takes -abc apart; an option with an argument takes what is left, or the next one.
func (a *arguments) short(valued []string, f field, args []field) []field {
	letters := []rune(f.text[1:])
	for i, letter := range letters {
		o := option{name: "-" + string(letter), at: f}
		if !slices.Contains(valued, o.name) {
			if i+1 < len(letters) && letters[i+1] == '=' {
				o.value = f.with(string(letters[i+2:]))
				a.options = append(a.options, o)
				return args
			}
			a.options = append(a.options, o)
			continue
		}
		switch {
		case i+1 < len(letters):
			o.value = f.with(strings.TrimPrefix(string(letters[i+1:]), "="))
		case len(args) > 0:
			o.value, args = args[0], args[1:]
		}
		a.options = append(a.options, o)
		return args
	}
	return args
}

// has says whether one of the options is there.
func (a arguments) has(names ...string) bool {
	return slices.ContainsFunc(a.options, func(o option) bool { return slices.Contains(names, o.name) })
}

// values gives the arguments of the options of these names.
func (a arguments) values(names ...string) []field {
	var all []field
	for _, o := range a.options {
		if slices.Contains(names, o.name) {
			all = append(all, o.value)
		}
	}
	return all
}

// last gives the argument of an option as it counts in the end.
func (a arguments) last(names ...string) (field, bool) {
	all := a.values(names...)
	if len(all) == 0 {
		return field{}, false
	}
	return all[len(all)-1], true
}

// verb takes the first word off.
func (a arguments) verb() (string, arguments) {
	if len(a.words) == 0 {
		return "", a
	}
	verb := a.words[0].text
	a.words = a.words[1:]
	return verb, a
}
