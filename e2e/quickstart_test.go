//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	segment = "import jieba; jieba.setLogLevel('WARNING'); print(' '.join(jieba.cut('我来到北京清华大学')))"
	words   = "我 来到 北京 清华大学\n"
)

// TestQuickstart does what a new user does, twice: everything from nothing, and back to nothing.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	d := ownDaemon(t, "quickstart") // the names are those of the example
	podman := newContainerTool(t, "podman")
	for _, x := range append(tools(), mainTool())[:2] {
		fromNothing(t, d, podman, x)
	}
}

func fromNothing(t *testing.T, d *kilnd, podman *containerTool, x tool) {
	t.Helper()
	w := d.workspace(t, x, "")
	copyExample(t, w)
	w.apply(t)
	w.settled(t)
	checkArtifact(t, podman, w)
	if said, err := d.kiln(t, "run", "segmenter", "--", "/home/tops/bin/python3", "-c", segment); err != nil || said != words {
		t.Errorf("kiln run: %q, %v", said, err)
	}
	reimport(t, w)
	w.destroy(t)
	empty(t, d)
}

func copyExample(tb testing.TB, w *workspace) {
	tb.Helper()
	if err := os.Remove(filepath.Join(w.dir, "main.tf")); err != nil {
		tb.Fatal(err)
	}
	if err := os.CopyFS(w.dir, os.DirFS(dir("examples", "quickstart"))); err != nil {
		tb.Fatal(err)
	}
}

// checkArtifact looks at the baked image with programs that are not Kiln's.
func checkArtifact(t *testing.T, podman *containerTool, w *workspace) {
	t.Helper()
	digest := w.attribute(t, "kiln_persistent_build.segmenter", "digest")
	ref := w.attribute(t, "kiln_persistent_build.segmenter", "image_ref")
	out, err := exec.CommandContext(t.Context(), "skopeo", "inspect", "--tls-verify=false", "docker://"+ref).Output()
	var inspected struct{ Digest string }
	if err == nil {
		err = json.Unmarshal(out, &inspected)
	}
	if err != nil || inspected.Digest != digest || !strings.HasPrefix(digest, "sha256:") {
		t.Errorf("skopeo inspect: %v, %+v; the state says %s", err, inspected, digest)
	}
	said, err := podman.run(t, "run", "--rm", "--tls-verify=false", "--network=none", ref, "/home/tops/bin/python3", "-c", segment)
	if err != nil || said != words {
		t.Errorf("podman run: %q, %v", said, err)
	}
}

// reimport forgets the state and imports everything again, by name where there is one.
func reimport(t *testing.T, w *workspace) {
	t.Helper()
	image := w.attribute(t, "kiln_custom_image.segmenter", "id")
	if err := os.Remove(filepath.Join(w.dir, "terraform.tfstate")); err != nil {
		t.Fatal(err)
	}
	var blocks strings.Builder
	for address, id := range map[string]string{
		"kiln_workspace.analytics":               "analytics",
		"kiln_network.mirror":                    "mirror",
		"kiln_resource_group.default":            "default",
		"kiln_custom_image.segmenter":            "segmenter",
		"kiln_image_workspace_binding.analytics": "segmenter/analytics",
		"kiln_persistent_build.segmenter":        image,
	} {
		fmt.Fprintf(&blocks, "import {\n  to = %s\n  id = %q\n}\n", address, id)
	}
	imports := filepath.Join(w.dir, "imports.tf")
	if err := os.WriteFile(imports, []byte(blocks.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	const unchanged = "6 imported, 0 added, 0 changed, 0 destroyed"
	out, err := w.run(t, "apply", "-input=false", "-auto-approve", "-no-color")
	if err != nil || !strings.Contains(out, unchanged) {
		t.Errorf("import: %v, not %s:\n%s", err, unchanged, out)
	}
	if err := os.Remove(imports); err != nil {
		t.Fatal(err)
	}
	w.settled(t)
}

// empty checks that the daemon has nothing any more of what a user can make.
func empty(t *testing.T, d *kilnd) {
	t.Helper()
	snapshot, err := d.client.Snapshot(t.Context(), "")
	if err != nil || len(snapshot.Images) > 0 {
		t.Errorf("after destroy: %+v, %v", snapshot.Images, err)
	}
	for name, list := range map[string]func() (int, error){
		"workspaces":      func() (int, error) { l, err := d.client.Workspaces(t.Context(), ""); return len(l), err },
		"networks":        func() (int, error) { l, err := d.client.Networks(t.Context(), ""); return len(l), err },
		"resource groups": func() (int, error) { l, err := d.client.ResourceGroups(t.Context(), ""); return len(l), err },
		"bindings":        func() (int, error) { l, err := d.client.Bindings(t.Context(), "", ""); return len(l), err },
		"builds":          func() (int, error) { l, err := d.client.Builds(t.Context(), ""); return len(l), err },
	} {
		if n, err := list(); err != nil || n > 0 {
			t.Errorf("after destroy: %d %s, %v", n, name, err)
		}
	}
}
