// Package secret keeps what must be kept and never shown: it seals passwords
// with a key that lies beside the database and not in it, and reads those that
// the operator keeps in files and variables. It knows nothing of what they are
// for.
package secret

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kilnhq/kiln/internal/domain/problem"
	"github.com/kilnhq/kiln/internal/domain/registry"
)

// keySize is the length of the key, in bytes: AES-256.
const keySize = 32

// maxFile is the largest file that a secret is read from, in bytes.
const maxFile = 16 << 10

// Config says where secrets are.
type Config struct {
	Key    string                      // the file of the key, made when it is not there
	Dir    string                      // of files that may be read
	Lookup func(string) (string, bool) // reads a variable, as os.LookupEnv does
}

// Keeper seals and unseals. It may be used by several goroutines at a time.
type Keeper struct {
	aead   cipher.AEAD
	dir    string
	lookup func(string) (string, bool)
}

// Open reads the key, or makes one. A key file that others may read, or that has another size, is SecretKeyInvalid.
func Open(c Config) (*Keeper, error) {
	key, err := readKey(c.Key)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(c.Key)
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use key of secrets: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use key of secrets: %w", err)
	}
	return &Keeper{aead: aead, dir: c.Dir, lookup: c.Lookup}, nil
}

func readKey(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("read key of secrets: %w", err)
	}
	detail := ""
	switch {
	case !info.Mode().IsRegular():
		detail = "it is no regular file"
	case info.Mode().Perm()&0o077 != 0:
		detail = fmt.Sprintf("its mode is %04o: others may have read it", info.Mode().Perm())
	case info.Size() != keySize:
		detail = fmt.Sprintf("it has %d bytes", info.Size())
	}
	if detail != "" {
		return nil, problem.Problem{
			Code: problem.SecretKeyInvalid, Field: "data_dir", Value: path, Limit: fmt.Sprintf("a file of %d bytes with mode 0600", keySize),
			Detail: "the key of the stored passwords is not as it was made: " + detail,
			Remedy: "Restore it from a backup, or remove it: the passwords of registries are then asked for again.",
		}
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key of secrets: %w", err)
	}
	return key, nil
}

// makeKey writes a new key that is there whole or not at all, whenever the machine stops.
func makeKey(path string) (key []byte, err error) {
	key = make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make key of secrets: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "key-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("make key of secrets: %w", err)
	}
	_, err = f.Write(key)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make key of secrets: %w", err), os.Remove(f.Name()))
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("make key of secrets: %w", err)
	}
	return key, nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Seal encrypts a secret. Only who says the same about it gets it back.
func (k *Keeper) Seal(secret registry.Secret, about string) []byte {
	return k.aead.Seal(nil, nil, []byte(secret), []byte(about))
}

// Unseal gives back what was sealed with the same key and the same words about it; all else is an error.
func (k *Keeper) Unseal(sealed []byte, about string) (registry.Secret, error) {
	secret, err := k.aead.Open(nil, nil, sealed, []byte(about))
	if err != nil {
		return "", errors.New("it was sealed with another key, or for something else")
	}
	return registry.Secret(secret), nil
}

// Read reads a secret that the operator keeps. A line end at its end is not part of it.
func (k *Keeper) Read(from registry.Reference) (registry.Secret, error) {
	text, err := "", error(nil)
	if from.File != "" {
		text, err = k.file(from.File)
	} else {
		text, err = k.variable(from.Variable)
	}
	if err != nil {
		return "", err
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" {
		return "", errors.New("it is empty")
	}
	return registry.Secret(text), nil
}

func (k *Keeper) variable(name string) (string, error) {
	text, ok := k.lookup(name)
	if !ok || !strings.HasPrefix(name, registry.VariablePrefix) {
		return "", errors.New("the daemon's environment has no such variable")
	}
	return text, nil
}

// file reads a regular file below the directory; a link that leads out of it is an error, and so is a pipe, on which others would wait.
func (k *Keeper) file(name string) (text string, err error) {
	root, err := os.OpenRoot(k.dir)
	if err != nil {
		return "", reason(err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", reason(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return "", reason(err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", fmt.Errorf("it is no regular file of at most %d bytes", maxFile)
	}
	var content bytes.Buffer
	if _, err := io.Copy(&content, io.LimitReader(f, maxFile)); err != nil {
		return "", reason(err)
	}
	return content.String(), nil
}

// reason says why a file cannot be read, without where it is: the answer goes to whoever has named it.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
