package image_test

import (
	"fmt"
	"regexp"
	"strings"
)

var hashForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func hash(value string) error {
	if !hashForm.MatchString(value) {
		return fmt.Errorf("hash = %q", value)
	}
	return nil
}

func from(value string) error {
	if !strings.HasPrefix(value, "FROM localhost/kiln/dataworks_pyodps_task_pod:") {
		return fmt.Errorf("containerfile = %q", value)
	}
	return nil
}
