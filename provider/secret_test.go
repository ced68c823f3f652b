package provider_test

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kilnhq/kiln/provider/acctest"
)

// TestAccTokenStaysSecret applies and plans with a token, by the argument and by the environment, while everything logs as much as it
// can: the token reaches the daemon's door, and is in no state, no saved plan, no trace and nothing that is shown.
func TestAccTokenStaysSecret(t *testing.T) {
	t.Parallel()
	for name, argument := range map[string]string{
		"argument":    "variable \"token\" {\n  sensitive = true\n  ephemeral = true\n}\n",
		"environment": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const token = "kiln-t0ken-9f86d081884c7d65"
			d := acctest.Start(t)
			var seen atomic.Int64
			door := httptest.NewServer(proxy(d.Endpoint, token, &seen))
			t.Cleanup(door.Close)
			cli := d.CLI(t)
			trace := filepath.Join(cli.Dir, "trace.log")
			cli.Env("TF_LOG=TRACE", "TF_LOG_PROVIDER=TRACE", "TF_LOG_PATH="+trace)
			config := "endpoint = \"" + door.URL + "\""
			if argument == "" {
				cli.Env("KILN_TOKEN=" + token)
			} else {
				cli.Env("TF_VAR_token=" + token)
				config += "\n  token = var.token"
			}
			cli.Provider(argument+"provider \"kiln\" {\n  "+config+"\n}\n", "resource \"kiln_workspace\" \"x\" {\n  name = \"analytics\"\n}\n")
			shown, code := cli.Run("plan", "-no-color", "-out=saved")
			if code != 0 {
				t.Fatalf("plan ended with %d:\n%s", code, shown)
			}
			applied, code := cli.Run("apply", "-auto-approve", "-no-color")
			if code != 0 || seen.Load() == 0 {
				t.Fatalf("apply ended with %d, the token came %d times:\n%s", code, seen.Load(), applied)
			}
			door.Close() // an error says where the daemon was looked for
			failed, code := cli.Run("plan", "-no-color")
			if code == 0 || !strings.Contains(failed, "DaemonUnavailable") {
				t.Errorf("plan without a daemon ended with %d:\n%s", code, failed)
			}
			search(t, cli.Dir, token, shown+applied+failed)
		})
	}
}

// proxy passes on to the daemon's socket, and counts who shows the token.
func proxy(endpoint, token string, seen *atomic.Int64) http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "kilnd"})
	p.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(endpoint, "unix://"))
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), token) {
			seen.Add(1)
		}
		p.ServeHTTP(w, r)
	})
}

// search looks for a secret in everything that Terraform has written, and in what it has shown.
func search(t *testing.T, dir, secret, shown string) {
	t.Helper()
	if strings.Contains(shown, secret) {
		t.Errorf("it is shown:\n%s", shown)
	}
	looked := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked[entry.Name()] = true
		if strings.Contains(string(text)+acctest.Unzip(t, text), secret) {
			t.Errorf("it is in %s", path)
		}
		return nil
	})
	if err != nil || !looked["terraform.tfstate"] || !looked["saved"] || !looked["trace.log"] {
		t.Errorf("searched %v, %v", looked, err)
	}
}
