// Package terraform reads what Terraform tells no provider, but whoever starts
// it tells Terraform: what it is to do, and how many things at once. It knows
// nothing of Kiln.
package terraform

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Parallelism is how many things Terraform does at once when nobody says how many.
const Parallelism = 10

// Call is how a Terraform was started.
type Call struct {
	Parallelism int  // how many things it does at once, at least 1
	Plans       bool // all that it does is a plan; else that is not known
}

// Parent is the call of the Terraform that has started this process, as far as the system tells it: Linux does.
func Parent() Call {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(os.Getppid()), "cmdline"))
	if err != nil {
		line = nil // another system, or a parent that is not to be looked at: what the environment says is all
	}
	var args []string
	for arg := range bytes.SplitSeq(bytes.TrimSuffix(line, []byte{0}), []byte{0}) {
		args = append(args, string(arg))
	}
	return Parse(args, os.Getenv)
}

// Parse reads a call out of a command line and an environment.
func Parse(args []string, getenv func(string) string) Call {
	c, command := Call{Parallelism: Parallelism}, ""
	base := filepath.Base(strings.Join(args[:min(1, len(args))], ""))
	if !strings.HasPrefix(base, "terraform") && !strings.HasPrefix(base, "tofu") {
		args = nil
	}
	for _, arg := range args[min(1, len(args)):] {
		if !strings.HasPrefix(arg, "-") {
			command = arg
			break
		}
	}
	c.Plans = command == "plan"
	// What the environment adds comes before what the command line has, and the last one counts.
	words := strings.Fields(getenv("TF_CLI_ARGS_" + command))
	words = append(words, strings.Fields(getenv("TF_CLI_ARGS"))...)
	for i, words := 0, append(words, args...); i < len(words); i++ {
		name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(words[i], "-"), "-"), "=")
		if name != "parallelism" || !strings.HasPrefix(words[i], "-") {
			continue
		}
		if !given && i+1 < len(words) {
			value = words[i+1]
		}
		if n, err := strconv.Atoi(value); err == nil && n > 0 {
			c.Parallelism = n
		}
	}
	return c
}
