package engine

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

const (
	runtimeRemedy = "Build the pinned runtime with `make build` and use bin/runc."
	runtimeCVE    = "CVE-2026-41579"
)

// minRuntime is the oldest runc that has the fix.
var minRuntime = [3]int{1, 4, 3}

var versionLine = regexp.MustCompile(`(?m)^runc version (\d+)\.(\d+)\.(\d+)(\S*)`)

// checkRuntime runs `runc --version` and returns the version, or the problem with it.
func checkRuntime(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", *runtimeProblem(path, "it cannot be run: "+err.Error())
	}
	version, p := checkVersion(string(out))
	if p != nil {
		return version, *p
	}
	return version, nil
}

// checkVersion judges the output of `runc --version`. A base image whose /dev is a symbolic link makes a runc
// without the fix of runtimeCVE change a directory of the host: everything before 1.4.3 is refused, the 1.3 branch
// (1.3.0 to 1.3.5 are known to be affected) included, and so is a runtime that is not runc.
func checkVersion(output string) (string, *problem.Problem) {
	match := versionLine.FindStringSubmatch(output)
	if match == nil {
		first, _, _ := strings.Cut(output, "\n")
		return "", runtimeProblem(strings.TrimSpace(first), "it does not say which version of runc it is")
	}
	version := fmt.Sprintf("%s.%s.%s%s", match[1], match[2], match[3], match[4])
	var number [3]int
	for i := range number {
		// The expression lets nothing but digits through; a number too large for int counts as the largest.
		number[i], _ = strconv.Atoi(match[i+1])
	}
	order := slices.Compare(number[:], minRuntime[:])
	if order < 0 || (order == 0 && strings.HasPrefix(match[4], "-")) {
		return version, runtimeProblem(version, "it lets an image change the host: "+runtimeCVE)
	}
	return version, nil
}

func runtimeProblem(value, detail string) *problem.Problem {
	return &problem.Problem{
		Code: problem.RuntimeIncompatible, Field: "runtime", Value: value, Limit: "runc 1.4.3 or newer",
		Remedy: runtimeRemedy, Detail: detail,
	}
}
