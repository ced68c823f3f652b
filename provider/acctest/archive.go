package acctest

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

// Unzip gives what is in an archive, which a saved plan is; of anything else, nothing.
func Unzip(tb testing.TB, archive []byte) string {
	tb.Helper()
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return ""
	}
	var all bytes.Buffer
	for _, f := range files.File {
		r, err := f.Open()
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			tb.Fatal(err)
		}
	}
	return all.String()
}
