package secret_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kilnhq/kiln/daemon/secret"
	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

func open(t *testing.T, dir string) *secret.Keeper {
	t.Helper()
	k, err := secret.Open(secret.Config{
		Key: filepath.Join(dir, "secret.key"), Dir: filepath.Join(dir, "secrets"), Lookup: func(name string) (string, bool) {
			return strings.ToLower(name), name != "KILN_SECRET_GONE"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSeal: what was sealed comes back for the same key and the same purpose alone, and no two are alike.
func TestSeal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := open(t, dir)
	const password = "c4nary-password"
	sealed := k.Seal(password, "uid:1 a")
	if bytes.Contains(sealed, []byte(password)) || bytes.Equal(sealed, k.Seal(password, "uid:1 a")) {
		t.Error("it is readable, or always the same")
	}
	for name, again := range map[string]*secret.Keeper{"same": k, "after a restart": open(t, dir)} {
		if got, err := again.Unseal(sealed, "uid:1 a"); err != nil || got != password {
			t.Errorf("%s: got %#v, %v", name, got, err)
		}
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, unseal := range map[string]func() (registry.Secret, error){
		"another purpose": func() (registry.Secret, error) { return k.Unseal(sealed, "uid:1 b") },
		"another key":     func() (registry.Secret, error) { return open(t, t.TempDir()).Unseal(sealed, "uid:1 a") },
		"a flipped bit":   func() (registry.Secret, error) { return k.Unseal(changed, "uid:1 a") },
		"nothing":         func() (registry.Secret, error) { return k.Unseal(nil, "uid:1 a") },
	} {
		if got, err := unseal(); err == nil || got != "" {
			t.Errorf("%s: got %#v, %v", name, got, err)
		}
	}
}

// TestKeyFile: the key is made once, for its owner alone, and a damaged one is refused.
func TestKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "secret.key")
	open(t, dir)
	made, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 || len(made) != 32 {
		t.Errorf("the key is %v of %d bytes, %v", info.Mode(), len(made), err)
	}
	open(t, dir)
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(made, again) {
		t.Errorf("another key was made, %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left = %v, %v", left, err)
	}
	for name, damage := range map[string]func(path string) error{
		"others can read it": func(path string) error { return os.Chmod(path, 0o640) },
		"it is short":        func(path string) error { return os.Truncate(path, 31) },
		"it is empty":        func(path string) error { return os.Truncate(path, 0) },
		"it is a link": func(path string) error {
			if err := os.Rename(path, path+"-real"); err != nil {
				return err
			}
			return os.Symlink(path+"-real", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			open(t, dir)
			path := filepath.Join(dir, "secret.key")
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			if _, err := secret.Open(secret.Config{Key: path}); !problem.Has(err, problem.SecretKeyInvalid) {
				t.Errorf("got %v, want SecretKeyInvalid", err)
			}
		})
	}
}

// TestRead: files below the directory and variables of the right name are read; nothing else is, and nobody waits.
func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := open(t, dir)
	if _, err := k.Read(registry.Reference{File: "acr"}); err == nil {
		t.Error("a file is read from a directory that is not there")
	}
	secrets := filepath.Join(dir, "secrets")
	steps := []error{
		os.MkdirAll(filepath.Join(secrets, "team", "empty"), 0o700),
		os.WriteFile(filepath.Join(secrets, "team", "acr"), []byte("from a file\r\n"), 0o600),
		os.WriteFile(filepath.Join(secrets, "spaces"), []byte(" a \n\n"), 0o600),
		os.WriteFile(filepath.Join(secrets, "nothing"), []byte("\n"), 0o600),
		os.WriteFile(filepath.Join(secrets, "large"), make([]byte, 16<<10+1), 0o600),
		os.WriteFile(filepath.Join(dir, "outside"), []byte("outside"), 0o600),
		os.Symlink("../outside", filepath.Join(secrets, "out")),
		os.Symlink("team/acr", filepath.Join(secrets, "in")),
		syscall.Mkfifo(filepath.Join(secrets, "pipe"), 0o600),
	}
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
	for from, want := range map[registry.Reference]string{
		{File: "team/acr"}: "from a file", {File: "in"}: "from a file", {File: "spaces"}: " a \n", {Variable: "KILN_SECRET_ACR"}: "kiln_secret_acr",
		{File: "out"}: "", {File: "../outside"}: "", {File: "/etc/hostname"}: "", {File: "pipe"}: "", {File: "large"}: "", {File: "nothing"}: "",
		{File: "team"}: "", {File: "gone"}: "", {Variable: "KILN_SECRET_GONE"}: "", {Variable: "HOME"}: "", {}: "",
	} {
		got, err := k.Read(from)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%+v: got %q, %v, want %q", from, string(got), err, want)
		}
		if err != nil && strings.Contains(err.Error(), dir) {
			t.Errorf("%+v: the error says where the directory is: %v", from, err)
		}
	}
}
