package daemon

import (
	"context"

	"github.com/kilnhq/kiln/daemon/engine"
)

// Doctor checks everything that a daemon with this configuration needs from its machine.
func Doctor(ctx context.Context, cfg Config) ([]engine.Check, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	return engine.Doctor(ctx, engine.Config{StateDir: cfg.DataDir, Runtime: cfg.Runtime, RPM: cfg.Catalogue.RPMMirror != ""}), nil
}
