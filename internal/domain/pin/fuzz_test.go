package pin_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kilnhq/kiln/internal/domain/pin"
	"github.com/kilnhq/kiln/internal/domain/problem"
)

// within checks that each finding stands in the text, and says what it must.
func within(t *testing.T, text string, found []pin.Finding) {
	t.Helper()
	lines := strings.Split(text, "\n")
	line, column := 1, 1
	for _, f := range found {
		if f.Line < 1 || f.Line > len(lines) || f.Column < 1 || f.Column > len([]rune(lines[f.Line-1]))+1 {
			t.Errorf("%d:%d is outside of the text: %+v", f.Line, f.Column, f)
		}
		if f.Line < line || f.Line == line && f.Column < column {
			t.Errorf("%d:%d comes after %d:%d", f.Line, f.Column, line, column)
		}
		line, column = f.Line, f.Column
		if f.Kind == "" || f.Problem.Code == "" || f.Problem.Detail == "" || f.Problem.Remedy == "" || f.Problem.Limit == "" || strings.ContainsAny(f.Problem.Error(), "\x00\n") {
			t.Errorf("%+v is no finding", f)
		}
		if f.Problem.Code == problem.UnpinnedPackage && strings.TrimSpace(f.Name) == "" {
			t.Errorf("%+v names no package", f)
		}
	}
}

// watch ends the process, and keeps the text, when an analysis does not end.
func watch(text string) func() {
	timer := time.AfterFunc(20*time.Second, func() { panic(fmt.Sprintf("no end: %q", text)) })
	return func() { timer.Stop() }
}

// judge analyses a script in all ways.
func judge(t *testing.T, script string) {
	t.Helper()
	defer watch(script)()
	options := pin.Options{
		Env:  map[string]string{"V": "1.0"},
		File: func(path string) (string, bool) { return script, path == "self" },
	}
	found := pin.Script(script, options)
	within(t, script, found)
	hosts := pin.Hosts(script, options)
	for _, need := range pin.Needs(script, options) {
		if !slices.Contains(hosts, need) {
			t.Errorf("needs %s, which is not among the hosts %q", need, hosts)
		}
	}
}

func FuzzScript(f *testing.F) {
	for _, script := range accepted {
		f.Add(script)
	}
	for _, test := range refused {
		f.Add(test.script)
	}
	for _, script := range unknown {
		f.Add(script)
	}
	f.Add("a=(1 [2]=3); b+=(4); pip install \"${a[@]:1}\" ${#a} ${!b} ${a/x/y} $'\\n' $((a++)) <(x) @(a|b) {1..3}")
	f.Add("select x in a; do pip install $x; done; coproc pip install a; for ((i=0;i<3;i++)); do pip install $i; done")
	for command, verbs := range cross {
		for _, verb := range verbs {
			f.Add(strings.TrimSpace(command+" "+verb) + ` = @ - -- '' "$@" a== '*' [x] git+ :// -r -c`)
		}
	}
	f.Fuzz(judge)
}

func FuzzRequirements(f *testing.F) {
	for _, text := range []string{
		"pandas==1.5.3 # x\nnumpy>=1 \\\n --hash=sha256:" + sum, "-r self\n-c self\n-e git+https://u:p@g.io/o/r@main", "\ufeffa[b] @ https://x/y ; z\r\n",
		"--require-hashes\n${A}", "a===\\\n#", "-i \n--hash",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		defer watch(text)()
		within(t, text, pin.Requirements(text, pin.Options{File: func(path string) (string, bool) { return text, path == "self" }}))
	})
}
