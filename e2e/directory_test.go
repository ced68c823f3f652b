//go:build e2e

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestDirectory puts a directory into an image, and checks what arrives, and what makes another version of the image.
func TestDirectory(t *testing.T) {
	t.Parallel()
	d := daemon(t)
	prepare := func(names ...string) string {
		dir := t.TempDir()
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name+"\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Chmod(filepath.Join(dir, "bin/run"), 0o755), os.Symlink("../bin/run", filepath.Join(dir, "lib/run"))); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := prepare("lib/a.py", "lib/a.pyc", "bin/run", "tmp/x")
	files := func(dir string) string {
		return `files = [{ source = ` + strconv.Quote(dir) + `, target = "/var", ignore = ["*.pyc"] }]`
	}
	test := `commands = [
      "cat /var/lib/a.py /var/lib/run | tr '\\n' ' ' | grep -x 'lib/a.py bin/run '",
      "test ! -e /var/lib/a.pyc",
      "stat -c '%a %U %G' /var/lib/a.py /var/bin/run /var/tmp | tr '\\n' ' ' | grep -x '600 root root 755 root root 1777 root root '",
      "test \"$(readlink /var/lib/run)\" = ../bin/run",
    ]`
	around := surroundings("directory")
	w := d.workspace(t, mainTool(), around+shellImage("directory", files(dir), test))
	w.apply(t)
	first := w.attribute(t, imageAddress, "input_hash")

	// Another place, another order, another time: the same directory.
	again := prepare("tmp/x", "bin/run", "lib/a.py")
	if err := os.Chtimes(filepath.Join(again, "lib/a.py"), time.Unix(0, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	w.write(t, around+shellImage("directory", files(again), test))
	w.apply(t)
	if hash, version := w.attribute(t, imageAddress, "input_hash"), w.attribute(t, imageAddress, "version"); hash != first || version != "1" {
		t.Errorf("the same directory has the hash %s and is version %s, want %s and 1", hash, version, first)
	}
	w.settled(t)

	if err := os.Chmod(filepath.Join(again, "lib/a.py"), 0o644); err != nil {
		t.Fatal(err)
	}
	found := w.applyFails(t) // the test insists on the permissions
	if hash := w.attribute(t, imageAddress, "input_hash"); hash == first || found.Summary == "" {
		t.Errorf("other permissions have the same hash %s", hash)
	}
	w.destroy(t)
}
