package pkgmanager

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/redact"
)

// named are the types that install by name.
var named = Types[:len(Types)-1]

func (e Entry) validateScript(field string) problem.List {
	var found problem.List
	if len(e.Names) > 0 {
		found = append(found, conflicting(field+".names", strings.Join(e.Names, ", "), named...))
	}
	if e.Index != "" {
		found = append(found, conflicting(field+".index", redact.URL(e.Index), named...))
	}
	field += ".script"
	switch {
	case strings.TrimSpace(e.Normalize().Script) == "" && len(found) > 0: // it is the type that is wrong
	case strings.TrimSpace(e.Normalize().Script) == "":
		found = append(found, problem.Problem{
			Code: problem.EmptyScript, Field: field, Limit: "at least one command", Remedy: "Write the commands to run, or remove the entry.",
		})
	case len(e.Script) > MaxScript:
		found = append(found, problem.Problem{
			Code: problem.ScriptTooLarge, Field: field, Value: strconv.Itoa(len(e.Script)) + " bytes", Limit: strconv.Itoa(MaxScript) + " bytes",
			Remedy: "Put the script into files and run it from there.",
		})
	case strings.ContainsRune(e.Script, 0) || !utf8.ValidString(e.Script):
		found = append(found, problem.Problem{
			Code: problem.InvalidScript, Field: field, Value: binary(e.Script), Limit: "UTF-8 text without NUL", Remedy: "Put binary data into files.",
		})
	}
	return found
}

// binary says where the first thing is that is no text.
func binary(script string) string {
	for at, r := range script {
		if _, size := utf8.DecodeRuneInString(script[at:]); r == 0 || r == utf8.RuneError && size == 1 {
			return fmt.Sprintf("byte %#02x in line %d", script[at], strings.Count(script[:at], "\n")+1)
		}
	}
	return ""
}

// scriptInstructions writes the script to the file that the platform would use, so that line numbers in messages are
// those of the user's text, and runs it so that any failing line fails the step.
func scriptInstructions(n int, script string) string {
	path := fmt.Sprintf("%s/cmd-%d.sh", ToolDir, n)
	end := delimiter(script)
	return "COPY --chmod=0755 <<'" + end + "' " + path + "\n" + script + "\n" + end + "\n" +
		`RUN ["/bin/bash", "-euo", "pipefail", "` + path + `"]` + "\n"
}

// delimiter finds a here-document delimiter that is no line of the script.
func delimiter(script string) string {
	lines := map[string]bool{}
	for line := range strings.Lines(script) {
		lines[strings.TrimSpace(line)] = true
	}
	end := "KILN"
	for i := 1; lines[end]; i++ {
		end = "KILN" + strconv.Itoa(i)
	}
	return end
}
