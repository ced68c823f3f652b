package recipe

import (
	"fmt"
	"regexp"
	"strings"
)

// Origin finds the entry that an instruction of the Containerfile comes from, as the build names the instruction: the attribute
// and what the user wrote there. It is empty for what no entry is behind.
func (r Recipe) Origin(step string) (field, value string) {
	r = r.Normalize()
	for i, f := range r.Files {
		if strings.Contains(step, f.Packed().ContextName()) {
			return fmt.Sprintf("files[%d].target", i), f.Target
		}
	}
	if i, ok := r.entry(step); ok {
		return fmt.Sprintf("packages[%d]", i), strings.Join(r.Packages[i].Names, ", ")
	}
	return "", ""
}

// Index gives what the entry that an instruction comes from says of its index; empty when it says nothing.
func (r Recipe) Index(step string) string {
	r = r.Normalize()
	if i, ok := r.entry(step); ok {
		return r.Packages[i].Index
	}
	return ""
}

// entry finds the entry with names that an instruction comes from.
func (r Recipe) entry(step string) (i int, ok bool) {
	for i, e := range r.Packages {
		if len(e.Names) > 0 && bare(e.Instructions(i)) == bare(step) {
			return i, true
		}
	}
	return 0, false
}

var mount = regexp.MustCompile(`--mount=\S+`)

// bare is an instruction without its mounts and line breaks, which a build does not name as they were written.
func bare(instruction string) string {
	instruction = mount.ReplaceAllString(strings.ReplaceAll(instruction, "\\\n", " "), " ")
	return strings.Join(strings.Fields(instruction), " ")
}
