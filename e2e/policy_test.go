//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestPolicy shows under which policy all the other tests have run, when root has started them: one that nobody can read. Workers
// bring their own.
func TestPolicy(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("/etc/containers/policy.json")
	if os.Getenv(distrustEnv) == "" {
		t.Skip("the machine's own policy is in force: only root can change what it is for a run")
	}
	if err != nil && !os.IsNotExist(err) || err == nil && !strings.Contains(string(text), "no policy") {
		t.Errorf("the policy is %s, %v", text, err)
	}
	d := daemon(t)
	w := d.workspace(t, mainTool(), surroundings("policy")+shellImage("policy", script("echo policy > /etc/policy\n"), "")+persistentBuild)
	w.apply(t)
	pulls(t, w.attribute(t, buildAddress, "image_ref"))
	w.destroy(t)
}
