package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kilnhq/kiln/internal/domain/problem"
)

// TestLoad: flags override the file, and root is refused.
func TestLoad(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kilnd.hcl")
	if err := os.WriteFile(file, []byte(`data_dir = "/from/file"`+"\n"+`socket = "/from/file.sock"`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := settings{config: file, socket: "/from/flag.sock"}
	cfg, err := s.load(1000)
	if err != nil || cfg.DataDir != "/from/file" || cfg.Socket != "/from/flag.sock" {
		t.Errorf("load gives %+v, %v", cfg, err)
	}
	if _, err := s.load(0); !problem.Has(err, problem.RefuseRoot) {
		t.Errorf("root gets %v, want RefuseRoot", err)
	}
}
