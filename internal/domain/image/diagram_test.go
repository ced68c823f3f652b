package image_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kilnhq/kiln/internal/domain/image"
)

var updateDiagram = flag.Bool("update-diagram", false, "write docs/design/stages.md from the transitions")

// TestDiagram keeps the drawing of the stage machine equal to the table that the code uses.
func TestDiagram(t *testing.T) {
	t.Parallel()
	const path = "../../../docs/design/stages.md"
	want := diagram()
	if *updateDiagram {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("the drawing differs from the transitions; run make generate\n%s", diff)
	}
}

func diagram() string {
	var b strings.Builder
	b.WriteString(`# Stages of a version

Generated from the table of transitions in ` + "`internal/domain/image`" + ` by ` + "`make generate`" + `. What is not drawn is refused
with ` + "`InvalidImageState`" + `, which names the events that are allowed.

` + "```mermaid" + `
stateDiagram-v2
    [*] --> Untest: Create, Update
`)
	for _, row := range image.Transitions {
		if row.From == row.To {
			continue // it moves the image, not the version
		}
		fmt.Fprintf(&b, "    %s --> %s: %s\n", row.From, row.To, row.Event)
	}
	b.WriteString("```\n\n| stage | shown on kiln_custom_image as | tasks may use it | work is under way, so the recipe stays | events |\n|---|---|---|---|---|\n")
	for _, s := range image.Stages {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", s, s.Public(), mark(s.Published()), mark(s.Running()), strings.Join(image.Allowed(s), ", "))
	}
	return b.String()
}

func mark(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
