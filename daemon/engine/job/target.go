package job

import (
	"context"
	"fmt"
	"strings"

	"github.com/openshift/imagebuilder/dockerfile/parser"
	"go.podman.io/buildah"
	"go.podman.io/buildah/copier"

	"github.com/kilnhq/kiln/daemon/worker"
)

// checkTargets refuses to copy a file to where the base has a directory: it would land in there, under a name of ours, and
// nobody would be told.
func (b *build) checkTargets(ctx context.Context, node *parser.Node) error {
	targets := copied(node)
	if len(targets) == 0 || b.base == "" {
		return nil
	}
	return b.lookInto(ctx, b.base, func(_ *buildah.Builder, root string) error {
		stats, err := copier.Stat(root, root, copier.StatOptions{}, targets)
		if err != nil {
			return fmt.Errorf("look at the targets of files: %w", err)
		}
		for i, s := range stats {
			for _, name := range s.Globbed {
				if item := s.Results[name]; item != nil && item.IsDir {
					return &worker.Failure{Kind: worker.FailureTarget, Step: targets[i]}
				}
			}
		}
		return nil
	})
}

// copied gives the targets of the COPY instructions.
func copied(node *parser.Node) []string {
	var targets []string
	for _, instruction := range node.Children {
		if !strings.EqualFold(instruction.Value, "copy") {
			continue
		}
		last := instruction
		for last.Next != nil {
			last = last.Next
		}
		targets = append(targets, last.Value)
	}
	return targets
}
